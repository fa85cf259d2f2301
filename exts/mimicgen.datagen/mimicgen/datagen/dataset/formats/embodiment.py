"""What moves in a task, as far as an exported dataset names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.dataset.sources.commands import Command


@dataclass(frozen=True, kw_only=True)
class Hand:
    """An end effector with the arm that moves it.

    Attributes:
        eef: What the task calls it.
        robot: What the scene calls its robot.
        arm: Names of the arm's joints, or patterns of them.
        gripper: The same of the gripper's joints; nothing without a gripper.
        command: Which columns of a recorded action tell it its pose.
        scale: What the controller multiplies a relative pose with.
    """

    eef: str
    robot: str
    arm: tuple[str, ...]
    gripper: tuple[str, ...]
    command: Command
    scale: float

    @property
    def gripper_column(self) -> int | None:
        """Which column of a recorded action tells the gripper, None where there is none."""
        return self.command.end if self.gripper else None


@dataclass(frozen=True, kw_only=True)
class Embodiment:
    """The robots of a task.

    Attributes:
        robot_type: What they are called together, '' where that is not known.
        hands: Their end effectors, in the order of their actions; none where the task is not known.
        joints: Names of each robot's joints, in the order in which they are recorded, as far as the robots' files tell.
    """

    robot_type: str
    hands: tuple[Hand, ...]
    joints: Mapping[str, tuple[str, ...]]

    @property
    def robots(self) -> tuple[str, ...]:
        """What the scene calls the robots."""
        return tuple(dict.fromkeys(hand.robot for hand in self.hands))

    @property
    def width(self) -> int:
        """Columns of a recorded action."""
        return sum(hand.command.end - hand.command.begin + bool(hand.gripper) for hand in self.hands)

    def prefix(self, hand: Hand) -> str:
        """Return what the names of a hand's numbers begin with: nothing where it is the only one."""
        return f"{hand.eef}_" if len(self.hands) > 1 else ""


EmbodimentOf = Callable[[str], Embodiment]
"""Tells what is known of a task's robots, by the name that a file of demonstrations has."""

UNKNOWN = Embodiment(robot_type="", hands=(), joints={})


def matching(names: Sequence[str], patterns: Sequence[str]) -> list[int]:
    """Return which joints are meant by names or patterns of them, in the joints' order."""
    return [index for index, name in enumerate(names) if any(re.fullmatch(pattern, name) for pattern in patterns)]


def joints_of(provenance: Any, body: Embodiment) -> dict[str, tuple[str, ...]]:
    """Return the names of robots' joints in the recorded order: as a dataset tells them, else as their files do.

    Args:
        provenance: What the dataset says of where it comes from.
        body: The robots.
    """
    recorded = provenance.get("joints") if isinstance(provenance, dict) else None
    names = {
        robot: tuple(own)
        for robot, own in (recorded.items() if isinstance(recorded, dict) else ())
        if isinstance(own, list) and all(isinstance(name, str) and name.isprintable() for name in own)
    }
    return {**body.joints, **names}
