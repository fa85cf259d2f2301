"""What can be done in a state: the one place that decides which controls are enabled."""

from __future__ import annotations

from dataclasses import dataclass

from mimicgen.datagen.progress import State


@dataclass(frozen=True, kw_only=True)
class Controls:
    """Which controls are enabled.

    Attributes:
        start: A run can be started.
        pause: The run can be paused.
        resume: The run can go on.
        stop: The run can be stopped.
        edit: The configuration can be edited.
    """

    start: bool
    pause: bool
    resume: bool
    stop: bool
    edit: bool


def controls(state: State, *, valid: bool) -> Controls:
    """Return what is enabled in a state of the session.

    Args:
        state: Where the session is.
        valid: Whether the configuration has no problem.
    """
    idle = state in (State.IDLE, State.DONE, State.FAILED)
    return Controls(
        start=idle and valid,
        pause=state is State.RUNNING,
        resume=state is State.PAUSED,
        stop=state in (State.STARTING, State.RUNNING, State.PAUSED),
        edit=idle,
    )
