"""What a task file may say, and is likely not meant: objects that start in the table, in the air, in each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.tasks.checks.conditions import all_conditions
from mimicgen.datagen.tasks.checks.starts import place_of
from mimicgen.datagen.tasks.conditions import Grasped
from mimicgen.datagen.tasks.geometry import bounds_of_shape, rotation_matrix
from mimicgen.datagen.tasks.objects import Object
from mimicgen.datagen.tasks.schema import Start, Table, Variant

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described

_IN = 0.005
"""How deep an object may start in what is below it [m]."""

_ABOVE = 0.02
"""How far it may fall [m]."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Standing:
    """Where an object starts in a variant, without its parts.

    Attributes:
        low: Of the ranges of its centre, and its height there [m].
        high: Likewise.
        below: Lowest corner of a box around it, relative to its centre [m].
        above: Highest corner.
        on: Object that all this is relative to.
        shapes: Lowest and highest corners of boxes around its shapes, relative to its centre [m].
    """

    low: Array
    high: Array
    below: Array
    above: Array
    on: str | None
    shapes: tuple[tuple[Array, Array], ...]

    @property
    def inner(self) -> float:
        """Radius of the upright cylinder that it is at least as wide as, however it is turned [m]."""
        return float(min(*self.above[:2], *-self.below[:2]))


def warnings(described: Described) -> Iterator[str]:
    """Yield what is likely not meant."""
    yield from _wide_for_grippers(described)
    task = described.task
    for name, variant in task.variants.items():
        standing = {
            object_name: _standing(content, variant.start.get(object_name, Start()), described)
            for object_name, content in task.objects.items()
            if content.shapes
        }
        for object_name in standing:
            if task.objects[object_name].movable:
                yield from _falling(f"variants.{name}: '{object_name}'", object_name, standing, task.table or None)
        yield from _in_each_other(f"variants.{name}", variant, standing, described)


def _standing(content: Object, start: Start, described: Described) -> _Standing:
    turn = rotation_matrix(content.rotation)

    def turned(low: Array, high: Array) -> tuple[Array, Array]:
        centre, half = turn @ ((low + high) / 2), np.abs(turn) @ ((high - low) / 2)
        return centre - half, centre + half

    bounds = [bounds_of_shape(shape, described.path.parent) for shape in content.shapes]
    lows, highs = zip(*bounds, strict=True)
    below, above = turned(np.min(lows, axis=0), np.max(highs, axis=0))
    x, y = place_of(content, start)
    z = content.position[2]
    shapes = tuple(turned(low, high) for low, high in bounds)
    return _Standing(np.array([x[0], y[0], z]), np.array([x[1], y[1], z]), below, above, start.on, shapes)


def _falling(said: str, name: str, standing: dict[str, _Standing], table: Table | None) -> Iterator[str]:
    """Yield whether an object starts in what is below it, or falls onto it, or beside the table."""
    own = standing[name]
    bottom = own.low[2] + own.below[2]
    if own.on is not None:
        if own.on in standing:
            yield from _resting(said, bottom - _top_under(own, standing[own.on]), f"'{own.on}'")
        return
    tops = [
        other.low[2] + other.above[2]
        for key, other in standing.items()
        if key != name and other.on is None and _over(own, other.low + other.below, other.high + other.above)
    ]
    if any(-_IN <= bottom - top <= _ABOVE for top in tops):
        return
    if table is None:
        return
    centre, half = np.array(table.position), np.array(table.size) / 2
    if not _over(own, centre - half, centre + half):
        if not tops:
            yield f"{said} starts beside the table, or may do so, with nothing below it"
        return
    yield from _resting(said, bottom - table.position[2], "the table")


def _resting(said: str, gap: float, what: str) -> Iterator[str]:
    if gap < -_IN:
        yield f"{said} starts {-1000 * gap:.0f} mm deep in {what}"
    elif gap > _ABOVE:
        yield f"{said} starts {1000 * gap:.0f} mm above {what}, and falls"


def _top_under(own: _Standing, other: _Standing) -> float:
    """Return how high an object is where another one stands on it: a tray's floor, not its rim [m]."""
    tops = [high[2] for low, high in other.shapes if _over(own, low, high)]
    return float(max(tops, default=other.above[2]))


def _over(own: _Standing, low: Array, high: Array) -> bool:
    """Return whether the centre of an object is always over a box."""
    return bool(np.all(own.low[:2] >= low[:2]) and np.all(own.high[:2] <= high[:2]))


def _in_each_other(key: str, variant: Variant, standing: dict[str, _Standing], described: Described) -> Iterator[str]:
    """Yield which objects may start in each other: their ranges meet, and nothing holds them apart."""
    for one, other in combinations(standing, 2):
        first, second = standing[one], standing[other]
        if first.on or second.on or not (described.task.objects[one].movable or described.task.objects[other].movable):
            continue
        overlap = np.minimum(first.high[2] + first.above[2], second.high[2] + second.above[2]) - np.maximum(
            first.low[2] + first.below[2], second.low[2] + second.below[2]
        )
        apart = variant.separation if one in variant.start and other in variant.start else 0.0
        nearest = np.maximum(0.0, np.maximum(first.low[:2] - second.high[:2], second.low[:2] - first.high[:2]))
        if overlap > _IN and max(float(np.hypot(*nearest)), apart) < first.inner + second.inner:
            yield f"{key}: '{one}' and '{other}' may start in each other; set separation, or move their ranges apart"


def _wide_for_grippers(described: Described) -> Iterator[str]:
    """Yield which objects that are to be grasped fit no way between the fingers."""
    for key, condition in all_conditions(described):
        if not isinstance(condition, Grasped):
            continue
        content, gripper = described.task.objects[condition.object], described.eef(condition.arm).arm.gripper
        if gripper is None or not content.shapes or content.parts or condition.point != (0.0, 0.0, 0.0):
            continue
        sizes = [np.subtract(*reversed(bounds_of_shape(one, described.path.parent))) for one in content.shapes]
        if min(float(size.min()) for size in sizes) > gripper.reach:
            yield f"{key}: '{condition.object}' is wider than the {1000 * gripper.reach:.0f} mm between the fingers"
