"""Which columns of an action tell which hand where to be, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Command:
    """The columns of an action that tell one hand its pose.

    Attributes:
        eef: End effector, as the task calls it; '' for the only one of a task whose name alone is known.
        robot: What the scene calls its robot.
        begin: The first column.
        relative: Whether the pose is relative to where the hand is: position and axis-angle. Otherwise it is absolute:
            position and quaternion x, y, z, w.
    """

    eef: str
    robot: str
    begin: int
    relative: bool

    @property
    def end(self) -> int:
        """One past the last column."""
        return self.begin + (6 if self.relative else 7)

    @property
    def columns(self) -> slice:
        """All of its columns."""
        return slice(self.begin, self.end)

    @property
    def position(self) -> slice:
        """Those of the position."""
        return slice(self.begin, self.begin + 3)


def relative_columns(commands: Sequence[Command], width: int) -> NDArray[np.bool_]:
    """Return which columns of actions are relative poses, shape (width,): Mimic clamps those to [-1, 1]."""
    found = np.zeros(width, dtype=np.bool_)
    for command in commands:
        found[command.columns] = command.relative
    return found


def quaternions(commands: Sequence[Command]) -> dict[str, int]:
    """Return where in an action the quaternion of each end effector begins, of those with absolute poses."""
    return {command.eef: command.begin + 3 for command in commands if not command.relative}


def round_trip_error(commands: Sequence[Command], action: NDArray[Any]) -> float:
    """Return how an action changes on its way to poses and back, without asking the environment.

    A relative pose is added to where the hand is, and taken off again. Of an absolute one only a quaternion that is not
    a unit one changes; it may come back with the other sign.
    """
    errors = [0.0]
    for begin in quaternions(commands).values():
        quaternion = action[begin : begin + 4].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            back = quaternion / np.linalg.norm(quaternion)
        errors.append(float(min(np.abs(back - quaternion).max(), np.abs(back + quaternion).max())))
    return float(np.max(errors))  # not a number, if one is none
