"""Where the generators of all environments wait for the environment, and it for them.

`isaaclab_mimic`'s `DataGenerator` talks to its driver through two queues: it puts a request and joins until the
request is served. `Requests` is what it needs of a queue, and `Rendezvous` knows when every environment has asked for
something, so that the driver never polls.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Requests:
    """Requests of one kind, served together. Stands in for `asyncio.Queue` where only `put` and `join` are used."""

    def __init__(self, rendezvous: Rendezvous):
        self._rendezvous = rendezvous
        self._pending: list[Any] = []
        self._served: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def pending(self) -> list[Any]:
        """What has been asked for and not been served."""
        return list(self._pending)

    async def put(self, request: Any) -> None:
        """Ask for something."""
        self._pending.append(request)
        self._rendezvous.update()

    async def join(self) -> None:
        """Wait until everything asked for has been served."""
        if self._served is None:
            self._served = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._served)

    def serve(self) -> None:
        """Let everybody who waits go on."""
        self._pending.clear()
        if self._served is not None:
            self._served.set_result(None)
            self._served = None


class Rendezvous:
    """Tells when all environments wait for a step, a reset or the account of an ended attempt.

    Attributes:
        actions: Pairs of environment index and action.
        resets: Environment indices.
        ends: Attempts that ended.
    """

    def __init__(self, num_envs: int):
        self._num_envs = num_envs
        self.actions, self.resets, self.ends = Requests(self), Requests(self), Requests(self)
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def watch(self, tasks: list[asyncio.Task[None]]) -> None:
        """Wake up, too, when one of the tasks ends."""
        self._tasks = tasks
        for task in tasks:
            task.add_done_callback(lambda _: self._changed.set())

    def update(self) -> None:
        """Note that a request came in."""
        if self._everybody_waits():
            self._changed.set()

    def _everybody_waits(self) -> bool:
        return len(self.actions) + len(self.resets) + len(self.ends) == self._num_envs

    async def everybody(self) -> None:
        """Wait until every environment has asked for something.

        Raises:
            Exception: What ended a watched task.
        """
        while not self._everybody_waits():
            for task in self._tasks:
                if task.done():
                    task.result()
                    raise AssertionError("a generator returned; it loops until it is cancelled")
            self._changed.clear()
            await self._changed.wait()
