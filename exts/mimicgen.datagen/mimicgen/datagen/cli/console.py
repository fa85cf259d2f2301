"""A run's progress on a terminal or in a log: numbered stages, a line an attempt, a summary."""

from __future__ import annotations

import os
import time
from typing import TextIO

from rich.console import Console as Terminal
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.progress import Progress, State

STAGES = ("Kit", "Isaac Lab", "Source demonstrations", "Environment")
"""Stages of starting up, in order."""

SILENCE = 10.0
"""Seconds after which a log file gets a line while a demonstration is drawn."""


class Console:
    """An observer of a session that reports to a stream.

    Args:
        stream: Where to write; a bar is shown when it is a terminal.
        kit: Version of the Kit kernel, and the seconds that it took to start, if known [s].
    """

    def __init__(self, stream: TextIO, *, kit: tuple[str, float | None] | None = None):
        self._stream = stream
        self._terminal = Terminal(file=stream, highlight=False, soft_wrap=True)
        self._bar: Bar | None = None
        self._last_line = time.monotonic()
        self._stages_shown = 0
        self._continues = False
        self._live: str | None = None
        if kit is not None:
            version, seconds = kit
            self._stage(1, f"Kit {version.split('+')[0]}", seconds)

    @classmethod
    def on_descriptor(cls, descriptor: int, *, kit: tuple[str, float | None] | None = None) -> Console:
        """Return a console that writes to its own copy of an open file descriptor, line by line."""
        return cls(os.fdopen(os.dup(descriptor), "w", buffering=1, encoding="utf-8"), kit=kit)

    def close(self) -> None:
        """Take the bar down and close the stream."""
        self._stop_bar()
        self._stream.close()

    def __call__(self, progress: Progress) -> None:
        """Report a snapshot."""
        finished = [stage for stage in progress.stages if stage.seconds is not None]
        if progress.state is State.STARTING and not progress.stages:
            self._stages_shown = 0
            self._continues = False
        for stage in finished[self._stages_shown :]:
            self._stage(_number(stage.name), stage.name, stage.seconds)
            for note in stage.notes:
                self._line(f"  {note}")
        self._stages_shown = len(finished)
        if progress.before and progress.steps == 0 and progress.last_attempt is None and not self._continues:
            self._continues = True
            self._line(f"continues: {kept_of(progress.kept_before, progress.before)} from before")
        if progress.state is State.RUNNING and self._terminal.is_terminal:
            self._show_bar(progress)
        elif progress.is_drawing and time.monotonic() - self._last_line > SILENCE:
            self._line(f"  {_drawing(progress)}")
        if progress.live is not None and progress.live != self._live:
            self._live = progress.live
            self._line(f"live report: {progress.live}")
        attempt = progress.last_attempt
        if attempt is not None:
            where = f" as {attempt.demo}" if attempt.demo else ""
            which = f"{attempt.number}, {attempt.replayed}" if attempt.replayed else f"{attempt.number}"
            self._line(
                f"attempt {which}: {attempt.outcome}{where}{attempt.unusual}, {attempt.reason}, {attempt.steps} steps"
            )
            self._line(f"  {describe(progress)}")
        if progress.told is not None:
            self._line(progress.told)
            if progress.attempts:
                self._line(f"  {describe(progress)}")
        if progress.render_failure is not None:
            self._line(progress.render_failure)
        if progress.last_rendered is not None:
            self._line(f"{progress.last_rendered}: frames complete")
        if progress.state is State.PAUSED:
            self._line("paused")
        if progress.end is not None:
            self._summary(progress)

    def _stage(self, number: int, name: str, seconds: float | None) -> None:
        self._line(f"[{number}/{len(STAGES)}] {name}" + ("" if seconds is None else f", {seconds:.1f} s"))

    def _line(self, text: str) -> None:
        self._terminal.print(text, markup=False)
        self._last_line = time.monotonic()

    def _show_bar(self, progress: Progress) -> None:
        """Show how far the attempts are, and beside it the demonstration that is being drawn."""
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Bar(*columns, console=self._terminal, transient=True, refresh_per_second=5)
            self._bar.start()
            self._bar.add_task("demonstrations" if progress.guarantee else "attempts", total=progress.target)
            self._bar.add_task("images", visible=False)
        attempts, images = self._bar.task_ids
        self._bar.update(attempts, completed=progress.done, total=progress.target)
        if progress.drawing is not None:
            drawing = progress.drawing
            self._bar.update(
                images,
                description=f"images of {drawing.demo}",
                completed=drawing.frames,
                total=drawing.total,
                visible=progress.is_drawing,
            )

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _summary(self, progress: Progress) -> None:
        self._stop_bar()
        assert progress.end is not None
        failed = progress.state is State.FAILED
        self._line(f"error: {progress.end.reason}" if failed else f"done: {progress.end.reason}")
        if progress.attempts:
            self._line(f"  {describe(progress)}")
        for path in progress.written:
            self._line(f"  wrote {path}")


def _number(stage: str) -> int:
    """Return which of the stages one is; workers are started where a run's own process would import Isaac Lab."""
    return STAGES.index("Isaac Lab" if stage == "Workers" else stage) + 1


def describe(progress: Progress) -> str:
    """Return the counts in one line: successes, attempts, rate and its 95% interval, time, how far attempts came."""
    rate = progress.successes / progress.attempts if progress.attempts else 0.0
    low, high = wilson(progress.successes, progress.attempts)
    words = [
        kept_of(progress.successes, progress.attempts),
        f"{100 * rate:.1f}% ({100 * low:.0f} to {100 * high:.0f})",
        f"{progress.elapsed:.0f} s elapsed",
    ]
    if progress.tries > progress.attempts:
        low, high = wilson(progress.successes, progress.tries)
        share = 100 * progress.successes / progress.tries
        words.insert(2, f"of {progress.tries} tries {share:.1f}% ({100 * low:.0f} to {100 * high:.0f})")
    if progress.end is None and progress.to_go is not None:
        words.append(f"about {progress.to_go:.0f} s to go")
    elif progress.end is None and progress.attempts_to_go is not None:
        words.append(f"about {progress.attempts_to_go:.0f} s to go without the images")
    reached = ", ".join(f"{stage} {count}" for stage, count in progress.reached.items())
    return f"{', '.join(words)}; reached: {reached}"


def kept_of(successes: int, attempts: int) -> str:
    """Return '2 successes of 3 attempts'."""
    return (
        f"{successes} {'success' if successes == 1 else 'successes'} "
        f"of {attempts} {'attempt' if attempts == 1 else 'attempts'}"
    )


def _drawing(progress: Progress) -> str:
    """Return how far the images are: 'images of demo_0: 120 of 358 frames, about 40 s to go'."""
    assert progress.drawing is not None
    words = f"images of {progress.drawing.demo}: {progress.drawing.frames} of {progress.drawing.total} frames"
    return words if progress.to_go is None else f"{words}, about {progress.to_go:.0f} s to go"
