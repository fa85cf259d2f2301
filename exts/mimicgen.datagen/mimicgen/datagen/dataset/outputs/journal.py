"""Attempts that have ended, on their way to the disk, in the order in which they are committed.

Episodes are written by processes as soon as their attempts have ended. A thread makes them demonstrations when it is
their turn, and appends the attempts' lines to the log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.outputs.earlier import Earlier
from mimicgen.datagen.dataset.outputs.parts import Episode, Parts
from mimicgen.datagen.dataset.outputs.processes import EpisodeWriters
from mimicgen.datagen.dataset.replacing import new_file


class Journal:
    """Writes episodes, and the log of the attempts.

    Args:
        path: The log, `attempts.jsonl`; begun with what an earlier run has left.
        kept: Where successes are written.
        failed: Where failures are.
        earlier: What an earlier run has left.
        processes: How many processes write episodes.
        told: The outcome of attempts whose records tell the name of what was written of them.

    Raises:
        OutputError: The log cannot be written.
    """

    def __init__(
        self,
        path: Path,
        kept: Parts,
        failed: Parts,
        earlier: Earlier,
        processes: int,
        told: Outcome = Outcome.SUCCESS,
    ):
        self._told = told
        self._path, self._parts, self._failed_parts = path, kept, failed
        self._held: dict[int, Future[None]] = {}
        self._committing: deque[tuple[Future[None], list[Attempt]]] = deque()
        self._committed: Future[None] | None = None
        self._next_demo = _next_number(earlier.demos)
        self._next_failed = _next_number([name for name, _ in failed.attributes()])
        lines = "".join(attempt.to_json() + "\n" for attempt in earlier.attempts)
        with contextlib.ExitStack() as stack:
            with explained(path):
                with new_file(path, replace=is_ours) as scratch:
                    scratch.write_text(lines, encoding="utf-8")
                self._log = stack.enter_context(path.open("a", encoding="utf-8"))
            self._episodes = EpisodeWriters(processes)
            stack.callback(self._episodes.close)
            # One thread, so that attempts are logged in the order in which they are committed.
            self._committer = ThreadPoolExecutor(1, thread_name_prefix="mimicgen.datagen committing")
            stack.callback(self._committer.shutdown, cancel_futures=True)
            self._open = stack.pop_all()

    @property
    def writing(self) -> bool:
        """Whether there are attempts that `settled` has not told yet and will tell."""
        return bool(self._committing)

    @property
    def idle(self) -> bool:
        """Whether everything that was committed has been dealt with, written or not."""
        return self._committed is None or self._committed.done()

    def hold(self, attempt: Attempt, episode: Episode, made_with: Mapping[str, Any]) -> None:
        """See `Outputs.hold`."""
        parts = self._parts if attempt.outcome is Outcome.SUCCESS else self._failed_parts
        written = self._episodes.submit(parts, _pending(attempt), episode, attempt, made_with)
        self._held[attempt.number] = written

    def commit(self, attempts: Sequence[Attempt]) -> None:
        """See `Outputs.commit`."""
        told, waited_for = [], []
        names: dict[Parts, dict[str, str]] = {}
        for attempt in attempts:
            held = self._held.pop(attempt.number, None)
            if held is None or attempt.outcome is Outcome.ABANDONED:
                told.append(attempt)
                continue
            waited_for.append(held)
            if attempt.outcome is Outcome.SUCCESS:
                parts, name = self._parts, f"demo_{self._next_demo}"
                self._next_demo += 1
            else:
                parts, name = self._failed_parts, f"demo_{self._next_failed}"
                self._next_failed += 1
            told.append(dataclasses.replace(attempt, demo=name) if attempt.outcome is self._told else attempt)
            names.setdefault(parts, {})[_pending(attempt)] = name
        if self._committed is not None:
            waited_for.append(self._committed)
        self._committed = self._committer.submit(self._commit, waited_for, names, told)
        self._committing.append((self._committed, told))

    def settled(self) -> list[Attempt]:
        """See `Outputs.settled`."""
        settled: list[Attempt] = []
        while self._committing and self._committing[0][0].done():
            written, attempts = self._committing.popleft()
            try:
                written.result()
            except BaseException:
                self._committing.clear()
                raise
            settled += attempts
        return settled

    def close(self) -> None:
        """Close what is open; episodes that were not committed are not waited for."""
        self._open.close()

    def _commit(
        self, waited_for: Sequence[Future[None]], names: Mapping[Parts, Mapping[str, str]], attempts: Sequence[Attempt]
    ) -> None:
        """Make written episodes demonstrations, and log their attempts and others.

        Args:
            waited_for: What has to be done first: the episodes are written, the attempts before are logged. Where one
                of them failed, nothing comes after it.
            names: Their names and those of the demonstrations, by where they are.
            attempts: What is logged.
        """
        for before in waited_for:
            before.result()
        for parts, renamed in names.items():
            parts.commit(renamed)
        with explained(self._path):
            self._log.write("".join(attempt.to_json() + "\n" for attempt in attempts))
            self._log.flush()
            os.fsync(self._log.fileno())


def _pending(attempt: Attempt) -> str:
    """Return the name of an episode that waits to be committed."""
    return f"attempt_{attempt.number}"


def _next_number(names: Sequence[str]) -> int:
    """Return the number after those of demonstrations: 'demo_0', 'demo_1' give 2."""
    return 1 + max((int(name.rpartition("_")[2]) for name in names), default=-1)
