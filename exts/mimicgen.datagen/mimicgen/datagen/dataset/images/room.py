"""Where there is room in a demonstration for things that have no part in it, and what stands there."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.conventions import rotation_matrices

Floats = NDArray[np.float64]

REACH = 0.8
"""How far from the task's objects things may stand [m]."""

FINEST = 40
"""Pieces at most into which an edge is cut: a ground of a hundred metres is of no interest."""

CELL = 0.02
"""Size of a cell of the surface that things stand on [m]."""

MARGIN = 0.04
"""Room that is left around a thing and above it [m]: the hand moves half of that from one step to the next."""

TRIES = 60
"""Places that are tried for a thing, until one is free; it is left out where none is."""

WIDEST = 0.25
"""Radius at most of what stands before a camera, as a share of its distance: nothing fills an image."""

Shape = Literal["box", "cylinder", "ball", "cone"]
SHAPES: tuple[Shape, ...] = ("box", "cylinder", "ball", "cone")


class Standing(Struct, frozen=True):
    """A thing that stands on something.

    Attributes:
        shape: What it is; upright.
        size: Its extent along its own axes [m].
        position: Its middle, in the environment [m].
        yaw: How it is turned about the vertical [rad].
        colour: Red, green and blue, 0 to 1.
        gloss: Strength of its highlights, 0 to 1.
    """

    shape: Shape
    size: tuple[float, float, float]
    position: tuple[float, float, float]
    yaw: float
    colour: tuple[float, float, float]
    gloss: float

    @property
    def around(self) -> float:
        """Radius of an upright cylinder around it [m]."""
        width, depth, _ = self.size
        return math.hypot(width, depth) / 2 if self.shape == "box" else width / 2

    @property
    def radius(self) -> float:
        """Radius of a ball around it [m]."""
        return math.hypot(*self.size) / 2


@dataclass(frozen=True)
class Room:
    """The scene of a demonstration, as far as it matters for a look; in the environment [m].

    Attributes:
        classes: The classes that are seen.
        middle: The middle of the surface on which things may stand, shape (3,).
        corner: x and y where the first cell of that surface begins.
        lowest: Lowest height of whatever stands or comes over each cell while the demonstration lasts, infinite where
            nothing does; shape (cells along x, cells along y).
        targets: Where the task's objects are meanwhile, shape (n, 3): nothing is put before them.
    """

    classes: tuple[str, ...]
    middle: Floats
    corner: tuple[float, float]
    lowest: Floats
    targets: Floats

    @classmethod
    def over(cls, classes: tuple[str, ...], least: Floats, most: Floats, points: Floats, targets: Floats) -> Room:
        """Return the room over a surface.

        Args:
            classes: See `Room`.
            least: Smallest x, y and z of the surface.
            most: Largest ones; the height is that on which things stand.
            points: Points of everything else at all times, not much farther apart than a cell is wide, shape (n, 3).
            targets: See `Room`.
        """
        cells = np.maximum(np.floor((most - least)[:2] / CELL).astype(int), 1)
        lowest = np.full(cells, np.inf)
        column = np.floor((points[:, :2] - least[:2]) / CELL).astype(int)
        inside = np.all((column >= 0) & (column < cells), axis=1) & (points[:, 2] > most[2] - MARGIN)
        np.minimum.at(lowest, tuple(column[inside].T), points[inside, 2])
        middle = np.array([*(least + most)[:2] / 2, most[2]])
        return cls(classes, middle, (float(least[0]), float(least[1])), lowest, targets)

    def is_free(self, x: float, y: float, radius: float, height: float) -> bool:
        """Return whether an upright cylinder has room, and a margin, on the surface."""
        found = self.cells(x, y, radius + MARGIN)
        return found is not None and bool(np.all(self.lowest[found] > self.middle[2] + height + MARGIN))

    def cells(self, x: float, y: float, radius: float) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Return the cells within a circle, and those that it touches; None where it leaves the surface."""
        low = np.floor((np.array([x, y]) - radius - self.corner) / CELL).astype(int)
        high = np.floor((np.array([x, y]) + radius - self.corner) / CELL).astype(int)
        if low.min() < 0 or np.any(high >= self.lowest.shape):
            return None
        rows, columns = np.mgrid[low[0] : high[0] + 1, low[1] : high[1] + 1]
        away = np.hypot(
            self.corner[0] + (rows + 0.5) * CELL - x,
            self.corner[1] + (columns + 0.5) * CELL - y,
        )
        near = away <= radius + CELL * math.sqrt(0.5)
        return rows[near], columns[near]


def near_to(least: Floats, most: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the part of a surface that is near the task's objects: smallest and largest x, y and z."""
    if not len(targets):
        targets = np.zeros((1, 3))
    low, high = targets.min(axis=0)[:2] - REACH, targets.max(axis=0)[:2] + REACH
    return np.append(np.maximum(least[:2], low), least[2]), np.append(np.minimum(most[:2], high), most[2])


def within_box(least: Floats, most: Floats) -> Floats:
    """Return points all over a box, no farther apart than a cell is wide."""
    counts = np.clip(np.ceil((most - least) / CELL).astype(int) + 1, 2, FINEST)
    axes = [np.linspace(low, high, count) for low, high, count in zip(least, most, counts, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def placed(points: Floats, poses: Floats) -> Floats:
    """Return points in the frame of which poses tell.

    Args:
        points: Shape (points, 3).
        poses: Position and quaternion (x, y, z, w), shape (poses, 7).

    Returns:
        Shape (poses * points, 3).
    """
    turned = points @ rotation_matrices(poses[:, 3:]).transpose(0, 2, 1)
    return np.asarray(poses[:, None, :3] + turned).reshape(-1, 3)


def stand(stream: np.random.Generator, most: int, gloss: float, room: Room, eyes: Floats) -> tuple[Standing, ...]:
    """Return things that stand where nothing is or comes in a demonstration, and before none of its objects.

    Args:
        stream: What they are drawn from.
        most: How many there are at most.
        gloss: Strength of their highlights at most.
        room: Where there is room.
        eyes: Positions of the cameras, shape (n, 3).
    """
    left = Room(room.classes, room.middle, room.corner, room.lowest.copy(), room.targets)
    found = []
    for _ in range(int(stream.integers(0, most, endpoint=True))):
        shape = SHAPES[int(stream.integers(len(SHAPES)))]
        width, depth = stream.uniform(0.03, 0.12), stream.uniform(0.03, 0.12)
        height = width if shape == "ball" else stream.uniform(0.03, 0.18)
        painted = hue_colour(stream.uniform(), stream.uniform(0.0, 0.9), stream.uniform(0.3, 0.95))
        size = (width, depth if shape == "box" else width, height)
        yaw, shine = stream.uniform(-math.pi, math.pi), gloss * stream.uniform()
        for x, y in room.corner + stream.uniform(size=(TRIES, 2)) * room.lowest.shape * CELL:
            thing = Standing(shape, size, (float(x), float(y), float(room.middle[2] + height / 2)), yaw, painted, shine)
            if left.is_free(x, y, thing.around, height) and not _in_the_way(thing, eyes, room.targets):
                left.lowest[left.cells(x, y, thing.around)] = room.middle[2]
                found.append(thing)
                break
    return tuple(found)


def _in_the_way(thing: Standing, eyes: Floats, targets: Floats) -> bool:
    """Return whether a thing fills much of an image, or may hide an object's middle."""
    middle = np.array(thing.position)
    for eye in eyes:
        if thing.radius > WIDEST * np.linalg.norm(middle - eye):
            return True
        ways = targets - eye
        along = np.clip((ways @ (middle - eye)) / np.maximum((ways * ways).sum(axis=1), 1e-12), 0.0, 1.0)
        if np.any(np.linalg.norm(eye + along[:, None] * ways - middle, axis=1) < thing.radius + CELL):
            return True
    return False


def hue_colour(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """Return a colour of hue, saturation and value, 0 to 1 each."""
    return colorsys.hsv_to_rgb(hue, saturation, value)
