"""A stopwatch."""

from __future__ import annotations

import time


class Clock:
    """Measures time with pauses."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Time since the start, without what lay between a stop and the next start [s]."""
        return self._before + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        """Let the time run."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Let it stand; nothing happens if it stands already."""
        self._before, self._since = self.seconds, None
