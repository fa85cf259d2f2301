"""Shards that come back through Ray: fetched from their workers in pieces, whole or not there."""

from __future__ import annotations

import concurrent.futures
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mimicgen.datagen.cluster.results import made_at
from mimicgen.datagen.cluster.sending.packing import PIECE, Packed, unpack
from mimicgen.datagen.cluster.shards import folder_of
from mimicgen.datagen.cluster.tasks import Task, Told
from mimicgen.datagen.config.jobs import Generate

BESIDE = 2
"""Shards that are fetched side by side."""

AHEAD = 2
"""Pieces of a shard that are on their way."""


class Arrivals:
    """Fetches shards beside whatever else is done.

    Args:
        config: The run, beside whose dataset they are put.
    """

    def __init__(self, config: Generate):
        self._config = config
        self._threads = ThreadPoolExecutor(BESIDE, thread_name_prefix="mimicgen.datagen arrivals")
        self._coming: dict[Future[None], tuple[str, Task, Told]] = {}

    def fetch(self, worker: str, actor: Any, task: Task, told: Told) -> None:
        """Have a shard fetched.

        Args:
            worker: Name of the worker that made it.
            actor: The worker.
            task: The shard.
            told: What it says of its attempts, and what is to be fetched.
        """
        assert told.packed is not None
        self._coming[self._threads.submit(self._fetch, worker, actor, task, told.packed)] = (worker, task, told)

    def wait(self, seconds: float) -> list[tuple[Future[None], str, Task, Told]]:
        """Return what has come to be here or has failed, after waiting for it for some time at most.

        Args:
            seconds: How long [s].
        """
        if not self._coming:
            return []
        done, _ = concurrent.futures.wait(self._coming, seconds, concurrent.futures.FIRST_COMPLETED)
        return [(future, *self._coming.pop(future)) for future in done]

    def close(self) -> None:
        """Wait for what is being fetched, which ends when its worker does; nothing else is."""
        self._threads.shutdown(cancel_futures=True)

    def _fetch(self, worker: str, actor: Any, task: Task, packed: Packed) -> None:
        folder = folder_of(self._config.output_dataset, task.shard, task.copy)
        if made_at(task.shard, folder) is None:
            unpack(_pieces(actor, task, packed.size), packed, folder, worker)
        actor.forget.remote(task)


def _pieces(actor: Any, task: Task, size: int) -> Iterator[bytes]:
    """Yield the pieces of a packed shard; a few are asked for ahead, so that memory does not grow with it."""
    import ray

    coming: deque[Any] = deque()
    for begin in range(0, size, PIECE):
        coming.append(actor.piece.remote(task, begin))
        if len(coming) > AHEAD:
            yield ray.get(coming.popleft())
    while coming:
        yield ray.get(coming.popleft())
