"""Writing files off the application's loop."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mimicgen.datagen.errors import OutputError

QUEUE = 24
"""Files that may wait to be written."""


class Writers:
    """Threads that write files, with a bounded queue; the loop never waits for them.

    Attributes:
        threads: How many.

    Args:
        threads: How many; by default a thread a core, less one for the loop, and at most eight.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or min(8, max(1, (os.cpu_count() or 2) - 1))
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="mimicgen.datagen writer")
        self._under_way: deque[Future[Any]] = deque()

    @property
    def full(self) -> bool:
        """Whether the queue has no room.

        Raises:
            OutputError: A file could not be written.
        """
        return self.waiting >= QUEUE

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for is done.

        Raises:
            OutputError: A file could not be written.
        """
        return not self.waiting

    @property
    def waiting(self) -> int:
        """What was asked for and is not done yet, in order.

        Raises:
            OutputError: A file could not be written.
        """
        self._collect()
        return len(self._under_way)

    def submit(self, write: Callable[..., Any], *arguments: Any) -> None:
        """Call a function in a thread."""
        self._under_way.append(self._pool.submit(write, *arguments))

    async def written(self, next_frame: Callable[[], Awaitable[None]]) -> None:
        """Wait, a frame of the application at a time, until everything that was asked for is done.

        Raises:
            OutputError: A file could not be written.
        """
        while not self.idle:
            await next_frame()

    def close(self) -> None:
        """Wait for what has begun, drop the rest, and end the threads."""
        self._pool.shutdown(cancel_futures=True)
        self._under_way.clear()

    def _collect(self) -> None:
        while self._under_way and self._under_way[0].done():
            try:
                self._under_way.popleft().result()
            except OSError as error:
                raise OutputError(
                    f"output '{error.filename or 'frames'}': {error.strerror or error}; "
                    "choose a place with room that can be written"
                ) from error
