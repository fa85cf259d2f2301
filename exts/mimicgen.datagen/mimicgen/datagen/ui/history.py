"""What the panel remembers of a run beyond its latest snapshot: attempts, failures, speed, and the log."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass

from mimicgen.datagen.attempts import Outcome
from mimicgen.datagen.progress import Progress, State

LOG_LINES = 200
"""Log lines that are kept."""

FAILURES = 6
"""Failures that are kept."""

SPEED_OVER = 5.0
"""Period over which the speed is measured [s]."""


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    clock: str
    level: int
    text: str


@dataclass(frozen=True)
class Failure:
    """A failed attempt: its number, the last subtask that it reached, and why it failed in words."""

    number: int
    reached: str
    reason: str


class History(logging.Handler):
    """An observer of a session and a handler of the project's log records.

    It is called every environment step, so it only takes notes; the panel reads them when it is drawn.

    Attributes:
        progress: The latest snapshot.
        rates: Success rate after every attempt; where attempts are made elsewhere, after every few shards.
        failures: The last failures, latest first.
        lines: The last log lines, latest first.
        version: Grows with everything but steps.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.progress = Progress()
        self.rates: list[float] = []
        self.failures: deque[Failure] = deque(maxlen=FAILURES)
        self.lines: deque[Line] = deque(maxlen=LOG_LINES)
        self.version = 0
        self._stages = 0
        self._speeds: deque[tuple[float, int]] = deque()

    def __call__(self, progress: Progress) -> None:
        """Take notes of a snapshot."""
        before, self.progress = self.progress, progress
        if progress.state is State.STARTING and before.state is not State.STARTING:
            self.rates.clear()
            self.failures.clear()
            self._stages = 0
            self._speeds.clear()
        if progress.steps != before.steps:
            self._speeds.append((time.perf_counter(), progress.steps))
            while self._speeds[-1][0] - self._speeds[0][0] > SPEED_OVER:
                self._speeds.popleft()
        if progress.steps == before.steps or progress.state is not before.state:
            self.version += 1
            self._note(before, progress)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log record."""
        self._write(record.levelno, record.getMessage())

    @property
    def speed(self) -> float | None:
        """Environment steps a second over the last seconds; None while nothing moves."""
        if self.progress.state is not State.RUNNING or len(self._speeds) < 2:
            return None
        (begin, first), (end, last) = self._speeds[0], self._speeds[-1]
        return (last - first) / (end - begin)

    def _note(self, before: Progress, progress: Progress) -> None:
        finished = [stage for stage in progress.stages if stage.seconds is not None]
        for stage in finished[self._stages :]:
            self._write(logging.INFO, f"{stage.name}, {stage.seconds:.1f} s")
            for note in stage.notes:
                self._write(logging.INFO, note.strip())
        self._stages = len(finished)
        attempt = progress.last_attempt
        if attempt is not None:
            kept = f", kept as {attempt.demo}" if attempt.demo else ""
            level = logging.WARNING if attempt.outcome is Outcome.FAILURE else logging.INFO
            self._write(level, f"attempt {attempt.number}: {attempt.outcome}{kept}{attempt.unusual}; {attempt.reason}")
            if attempt.outcome is not Outcome.ABANDONED:
                self.rates.append(progress.successes / progress.attempts)
            if attempt.outcome is Outcome.FAILURE:
                self.failures.appendleft(Failure(attempt.number, attempt.furthest_subtask, attempt.reason))
        if progress.elsewhere and progress.attempts > before.attempts:  # a shard or several, not one attempt
            self.rates.append(progress.successes / progress.attempts)
        if progress.told is not None:
            self._write(logging.INFO, progress.told)
        if progress.last_rendered is not None:
            self._write(logging.INFO, f"{progress.last_rendered}: frames complete")
        if progress.render_failure is not None:
            self._write(logging.ERROR, progress.render_failure)
        if (before.state, progress.state) == (State.RUNNING, State.PAUSED):
            self._write(logging.INFO, "paused")
        if (before.state, progress.state) == (State.PAUSED, State.RUNNING):
            self._write(logging.INFO, "resumed")
        if progress.end is not None and before.end is None:
            failed = progress.state is State.FAILED
            self._write(logging.ERROR if failed else logging.INFO, progress.end.reason)

    def _write(self, level: int, text: str) -> None:
        self.lines.appendleft(Line(time.strftime("%H:%M:%S"), level, text))
        self.version += 1
