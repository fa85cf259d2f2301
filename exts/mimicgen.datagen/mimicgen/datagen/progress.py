"""Where a session is: states, start-up stages, how a run ended, and the snapshot that observers get."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mimicgen.datagen.attempts import Attempt


class State(StrEnum):
    """Where a session is."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of starting up.

    Attributes:
        name: What is being started.
        seconds: How long it took, None while it goes on [s].
        notes: What it found out, for people.
    """

    name: str
    seconds: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How far the frames of a demonstration are.

    Attributes:
        demo: Name of the demonstration.
        frames: Frames drawn; each holds every view and modality.
        total: Frames that it has.
        latest: An image of it that is on disk, once there is one.
    """

    demo: str
    frames: int
    total: int
    latest: Path | None = None


@dataclass(frozen=True, kw_only=True)
class End:
    """Why a run ended.

    Attributes:
        reason: In words, for people.
        exit_code: 0 target reached, 1 failed, 2 bad input, 3 target not reached, 130 interrupted.
    """

    reason: str
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A snapshot of a session, given to observers.

    Attributes:
        state: Where the session is.
        stages: Start-up stages so far.
        target: Demonstrations to keep, or attempts to make without a guarantee.
        guarantee: What `target` counts.
        successes: Kept demonstrations.
        failures: Failed attempts.
        reached: Attempts that reached each stage of the funnel.
        steps: Environment steps.
        elapsed: Seconds since the first step, pauses left out [s].
        last_attempt: The attempt whose end this snapshot reports, else None.
        drawing: The latest demonstration whose frames were or are being drawn.
        rendered: Demonstrations whose frames are complete.
        last_rendered: The demonstration that this snapshot reports as complete, else None.
        render_failure: What was wrong with the frames of the demonstration that this snapshot reports, else None.
        live: Where the report is shown during the run, if it is.
        end: Why the run ended, once it has.
        written: What the run wrote, once it has ended.
    """

    state: State = State.IDLE
    stages: tuple[Stage, ...] = ()
    target: int = 0
    guarantee: bool = True
    successes: int = 0
    failures: int = 0
    reached: dict[str, int] = dataclasses.field(default_factory=dict)
    steps: int = 0
    elapsed: float = 0.0
    last_attempt: Attempt | None = None
    drawing: Drawing | None = None
    rendered: int = 0
    last_rendered: str | None = None
    render_failure: str | None = None
    live: str | None = None
    end: End | None = None
    written: tuple[Path, ...] = ()

    @property
    def attempts(self) -> int:
        """Successes and failures."""
        return self.successes + self.failures

    @property
    def done(self) -> int:
        """What counts towards the target."""
        return self.successes if self.guarantee else self.attempts

    @property
    def to_go(self) -> float | None:
        """Estimated seconds to the target; None before anything counts towards it [s]."""
        return self.elapsed / self.done * (self.target - self.done) if self.done else None


Observer = Callable[[Progress], None]
"""Is called with every new snapshot."""
