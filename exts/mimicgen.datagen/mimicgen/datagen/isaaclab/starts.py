"""Where objects may start, as the reset events of an environment say it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from isaaclab_tasks.contrib.stack.mdp import stack_events

from mimicgen.datagen.tasks.environment import events

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where an object may start.

    Attributes:
        x: Smallest and largest x in the environment's frame [m].
        y: Likewise.
        yaw: Smallest and largest turn about the vertical [rad].
        separation: Horizontal distance that it keeps from the others at least [m].
        carries: Another object starts on it.
    """

    x: Span
    y: Span
    yaw: Span
    separation: float
    carries: bool

    def told(self) -> dict[str, Any]:
        """Return what the run record says of it."""
        return {key: value for key, value in asdict(self).items() if key in ("x", "y", "yaw")}


def starts_of(env: Any) -> dict[str, Start]:
    """Return where the objects of an environment may start, but those that start on others.

    Args:
        env: Isaac Lab's environment.

    Returns:
        By object; none where the reset events are not known.
    """
    found: dict[str, Start] = {}
    manager = env.event_manager
    for name in manager.active_terms.get("reset", ()):
        term = manager.get_term_cfg(name)
        if term.func is stack_events.randomize_object_pose:
            found |= _scattered(**term.params)
        elif term.func is events.reset_poses:
            found |= _placed(**term.params)
    return found


def _scattered(
    asset_cfgs: list[Any], pose_range: dict[str, Span] | None = None, min_separation: float = 0.0, **_: Any
) -> dict[str, Start]:
    x, y, yaw = ((pose_range or {}).get(key, (0.0, 0.0)) for key in ("x", "y", "yaw"))
    own = Start(x=x, y=y, yaw=yaw, separation=min_separation, carries=False)
    return {asset.name: own for asset in asset_cfgs}


def _placed(placements: list[events.Placement], separation: float) -> dict[str, Start]:
    below = {one.on for one in placements}
    return {
        one.name: Start(
            x=one.x or (one.position[0], one.position[0]),
            y=one.y or (one.position[1], one.position[1]),
            yaw=(one.angles[2] + (one.yaw or (0.0, 0.0))[0], one.angles[2] + (one.yaw or (0.0, 0.0))[1]),
            separation=separation,
            carries=one.name in below,
        )
        for one in placements
        if one.on is None
    }
