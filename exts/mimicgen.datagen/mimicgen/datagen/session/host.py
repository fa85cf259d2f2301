"""What a run needs of the session that owns it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mimicgen.datagen.progress import End, Progress, State
from mimicgen.datagen.session.clock import Clock


class Host(Protocol):
    """What a run needs of its session.

    Attributes:
        clock: Time since the first step, without pauses.
        stopped: The end that somebody asked for, None while nobody did.
        next_frame: Waits for the application's next frame.
    """

    clock: Clock
    stopped: End | None
    next_frame: Callable[[], Awaitable[None]]

    @property
    def state(self) -> State:
        """Where the session is."""

    @property
    def progress(self) -> Progress:
        """The latest snapshot."""

    def publish(self, **changes: Any) -> None:
        """Change the snapshot, and tell the observers."""
