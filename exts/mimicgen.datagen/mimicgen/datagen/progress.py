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


class Doing(StrEnum):
    """What a worker does."""

    STARTING = "starting"
    WORKING = "working"
    IDLE = "idle"
    BENCHED = "benched"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class WorkerProgress:
    """What a worker of a run in shards does, and what came of it.

    Attributes:
        name: Its name.
        node: The machine that it is on, empty before it has said so.
        doing: What it does. A benched one gets no more shards, an ended one was not needed any more.
        shard: The attempts that it makes, in words, empty while it makes none.
        successes: Successes in the shards that it has made.
        attempts: Attempts in them.
        seconds: How long it took for them [s].
        last_failure: Why an attempt or a shard of it failed, or it was lost, the last time; empty before one did.
    """

    name: str
    node: str = ""
    doing: Doing = Doing.STARTING
    shard: str = ""
    successes: int = 0
    attempts: int = 0
    seconds: float = 0.0
    last_failure: str = ""

    @property
    def an_hour(self) -> float | None:
        """Demonstrations an hour, while it makes shards; None before it has made one."""
        return 3600 * self.successes / self.seconds if self.seconds > 0 else None


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
        tries: Of all attempts: more than those where attempts were tried again.
        before: Attempts that an earlier run on the same outputs had made.
        kept_before: Demonstrations that it had kept.
        reached: Attempts that reached each stage of the funnel.
        steps: Environment steps.
        elapsed: Seconds since the first step, pauses left out [s].
        last_attempt: The attempt whose end this snapshot reports, else None.
        drawing: The latest demonstration whose frames were or are being drawn.
        rendering: Whether kept demonstrations are drawn.
        rendered: Demonstrations whose frames are complete.
        drawn_frames: Frames that this run has drawn.
        drawing_seconds: Time spent on drawing demonstrations, complete or not [s].
        last_rendered: The demonstration that this snapshot reports as complete, else None.
        render_failure: What was wrong with the frames of the demonstration that this snapshot reports, else None.
        told: What else this snapshot reports in words, of a worker for instance, else None.
        elsewhere: Whether attempts are made by workers, in other processes than this one.
        workers: These workers, in the order in which they were hired; of those that were lost the latest ones.
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
    tries: int = 0
    before: int = 0
    kept_before: int = 0
    reached: dict[str, int] = dataclasses.field(default_factory=dict)
    steps: int = 0
    elapsed: float = 0.0
    last_attempt: Attempt | None = None
    drawing: Drawing | None = None
    rendering: bool = False
    rendered: int = 0
    drawn_frames: int = 0
    drawing_seconds: float = 0.0
    last_rendered: str | None = None
    render_failure: str | None = None
    told: str | None = None
    elsewhere: bool = False
    workers: tuple[WorkerProgress, ...] = ()
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
    def attempts_to_go(self) -> float | None:
        """Estimated seconds to the target without drawing; None before this run has made anything towards it [s]."""
        if self.done >= self.target:
            return 0.0
        made = self.done - (self.kept_before if self.guarantee else self.before)
        return (self.elapsed - self.drawing_seconds) / made * (self.target - self.done) if made > 0 else None

    @property
    def drawing_to_go(self) -> float | None:
        """Estimated seconds that drawing will take; None before it is known how long a demonstration takes [s]."""
        if not self.rendering:
            return 0.0
        share = self.successes / self.attempts if self.attempts else 0.0
        kept = max(self.successes, self.target if self.guarantee else round(self.target * share))
        left = kept - self.rendered
        if left <= 0:
            return 0.0
        if not self.drawn_frames or self.drawing is None:
            return None
        begun = self.drawing.frames if self.is_drawing else 0
        return max(0.0, left * self.drawing.total - begun) * self.drawing_seconds / self.drawn_frames

    @property
    def is_drawing(self) -> bool:
        """Whether `drawing` tells of a demonstration whose frames are not complete yet."""
        return self.drawing is not None and self.drawing.frames < self.drawing.total

    @property
    def to_go(self) -> float | None:
        """Estimated seconds to the end, drawing included; None while a part of them is not known [s]."""
        attempts, drawing = self.attempts_to_go, self.drawing_to_go
        return None if attempts is None or drawing is None else attempts + drawing


Observer = Callable[[Progress], None]
"""Is called with every new snapshot."""
