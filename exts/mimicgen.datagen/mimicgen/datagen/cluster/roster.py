"""What is shown of the workers of a run: what each does, what came of it, and why it failed the last time."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.progress import Doing, WorkerProgress
from mimicgen.datagen.text import shown

LOST_ONES = 8
"""Workers that are lost and still shown, the latest ones; others take their places."""


class Roster:
    """Keeps what is shown up to date. Times come in as numbers [s].

    A row is made anew when its worker has news, and only then: thousands of workers cost nothing while they work.
    """

    def __init__(self) -> None:
        self._rows: dict[str, WorkerProgress] = {}
        self._since: dict[str, float] = {}
        self._lost: deque[str] = deque()

    @property
    def rows(self) -> tuple[WorkerProgress, ...]:
        """The workers, in the order in which they were hired."""
        return tuple(self._rows.values())

    def hired(self, worker: str) -> None:
        """A worker is being started."""
        self._rows[worker] = WorkerProgress(name=worker)

    def ready(self, worker: str, node: object) -> None:
        """A worker can be given shards.

        Args:
            worker: Its name.
            node: The machine that it is on.
        """
        self._change(worker, node=shown(node), doing=Doing.IDLE)

    def given(self, worker: str, shard: Shard, now: float) -> None:
        """A worker begins a shard."""
        self._since[worker] = now
        self._change(worker, doing=Doing.WORKING, shard=str(shard))

    def made(self, worker: str, told: Told, now: float) -> None:
        """A worker has made its shard."""
        row = self._rows[worker]
        self._change(
            worker,
            doing=Doing.IDLE,
            shard="",
            successes=row.successes + sum(told.outcomes),
            attempts=row.attempts + len(told.outcomes),
            seconds=row.seconds + now - self._since[worker],
            last_failure=shown(told.failure) or row.last_failure,
        )

    def failed(self, worker: str, reason: str, *, benched: bool) -> None:
        """A worker could not make its shard.

        Args:
            worker: Its name.
            reason: Why.
            benched: Whether it gets no more.
        """
        doing = Doing.BENCHED if benched else Doing.IDLE
        self._change(worker, doing=doing, shard="", last_failure=shown(reason))

    def lost(self, worker: str, reason: str) -> None:
        """A worker is gone, with its shard."""
        self._change(worker, doing=Doing.LOST, shard="", last_failure=shown(reason))
        self._lost.append(worker)
        if len(self._lost) > LOST_ONES:
            self.left(self._lost.popleft())

    def left(self, worker: str) -> None:
        """A worker is not shown any more: another one takes its place."""
        self._rows.pop(worker, None)

    def close(self) -> None:
        """All workers have ended."""
        for worker, row in self._rows.items():
            if row.doing is not Doing.LOST:
                self._change(worker, doing=Doing.ENDED, shard="")

    def _change(self, worker: str, **changes: Any) -> None:
        self._rows[worker] = dataclasses.replace(self._rows[worker], **changes)
