"""Which of a dataset's numbers turn with the scene, found by what they are equal to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

CLOSE = 1e-4
"""What is equal but for this is the same [m]; so is a quaternion's length to 1."""

OBJECTS = "object"
"""Isaac Lab's observation of all objects: their poses, then ways from one thing to another."""


class TurningError(Exception):
    """Scenes cannot be turned; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What numbers are, by their places in a row; all in the environment's axes.

    Attributes:
        positions: Where the x of each position is.
        ways: Where the x of each difference of positions, or turn by axis times angle, is.
        quaternions: Where the x of each quaternion x, y, z, w is.
    """

    positions: tuple[int, ...] = ()
    ways: tuple[int, ...] = ()
    quaternions: tuple[int, ...] = ()


def layouts_of(numbers: Mapping[str, Rows], objects: Mapping[str, Rows]) -> dict[str, Layout]:
    """Return what the numbers of observations are, by name.

    Args:
        numbers: Observations of a demonstration by name, shape (steps, width).
        objects: Positions of all objects of its task by name, those that stand still included, shape (steps, 3).

    Raises:
        TurningError: What some of them are is not known, or an object is not observed: where it is in a turned scene,
            nothing would say.
    """
    found: dict[str, Layout] = {}
    hands = [rows for name, rows in numbers.items() if _is(name, "eef_pos", rows, 3)]
    observed: list[Rows] = []
    for name, rows in numbers.items():
        if _is(name, "eef_pos", rows, 3):
            found[name] = Layout(positions=(0,))
        elif _is(name, "eef_quat", rows, 4):
            found[name] = Layout(quaternions=(0,))
        elif name.endswith("gripper_pos"):
            found[name] = Layout()
        elif name == OBJECTS:
            poses = tuple(_poses(rows))
            observed = [rows[:, at : at + 3] for at in poses]
            ways = tuple(_ways(rows, 7 * len(poses), [*hands, *observed]))
            found[name] = Layout(positions=poses, ways=ways, quaternions=tuple(at + 3 for at in poses))
        else:
            raise TurningError(f"what 'obs/{name}' is made of is not known")
    for name, positions in objects.items():
        if not any(_same(positions, own) for own in observed):
            raise TurningError(f"where '{name}' is, is not observed")
    return found


def _is(name: str, ending: str, rows: Rows, width: int) -> bool:
    return name.endswith(ending) and rows.shape[1] == width


def _poses(rows: Rows) -> Iterator[int]:
    """Yield where poses begin, which are the first numbers, one after the other."""
    at = 0
    while at + 7 <= rows.shape[1] and np.allclose(np.linalg.norm(rows[:, at + 3 : at + 7], axis=1), 1.0, atol=CLOSE):
        yield at
        at += 7


def _ways(rows: Rows, begin: int, positions: Sequence[Rows]) -> Iterator[int]:
    """Yield where ways from one position to another begin.

    Raises:
        TurningError: A number is none of one.
    """
    for at in range(begin, rows.shape[1], 3):
        way = rows[:, at : at + 3]
        if not any(_same(way, one - other) for one in positions for other in positions if one is not other):
            raise TurningError(f"what number {at + 1} of 'obs/{OBJECTS}' is, is not known")
        yield at


def _same(one: Rows, other: Rows) -> bool:
    return one.shape == other.shape and np.allclose(one, other, atol=CLOSE)
