"""How large a task's objects are, in their own frames, as their shapes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.robots.schema import Angles, Box, Capsule, Cylinder, Shape, Sphere
from mimicgen.datagen.tasks.meshes import read_mesh
from mimicgen.datagen.tasks.objects import AnyShape, Mesh, Object

Array = NDArray[np.float64]


def rotation_matrix(angles: Angles) -> Array:
    """Return the rotation of roll, pitch and yaw about the fixed axes, shape (3, 3)."""
    (cr, sr), (cp, sp), (cy, sy) = ((np.cos(angle), np.sin(angle)) for angle in angles)
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    about_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def quaternion(angles: Angles) -> tuple[float, float, float, float]:
    """Return the quaternion (x, y, z, w) of roll, pitch and yaw about the fixed axes."""
    (cr, sr), (cp, sp), (cy, sy) = ((float(np.cos(angle / 2)), float(np.sin(angle / 2))) for angle in angles)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def bounds_of_shape(shape: AnyShape | Shape, folder: Path) -> tuple[Array, Array]:
    """Return the lowest and highest corner of a box around a shape, in the frame that it is drawn in [m]."""
    turn, centre = rotation_matrix(shape.rotation), np.array(shape.position)
    if isinstance(shape, Sphere):
        return centre - shape.radius, centre + shape.radius
    if isinstance(shape, Mesh):
        corners = (read_mesh(folder / shape.file)[0] * np.array(shape.scale)) @ turn.T + centre
        return corners.min(axis=0), corners.max(axis=0)
    if isinstance(shape, Box):
        half = np.abs(turn) @ (np.array(shape.size) / 2)
        return centre - half, centre + half
    assert isinstance(shape, (Cylinder, Capsule))
    along = turn[:, "xyz".index(shape.axis)]
    if isinstance(shape, Capsule):
        half = np.abs(along) * shape.height / 2 + shape.radius
    else:
        half = np.abs(along) * shape.height / 2 + shape.radius * np.sqrt(np.clip(1 - along**2, 0, 1))
    return centre - half, centre + half


def bounds(content: Object, folder: Path) -> tuple[Array, Array]:
    """Return the lowest and highest corner of a box around an object without its parts, in its own frame [m].

    Args:
        content: The object; one from a USD file counts as a point.
        folder: Folder of the task file.
    """
    if not content.shapes:
        return np.zeros(3), np.zeros(3)
    lows, highs = zip(*(bounds_of_shape(shape, folder) for shape in content.shapes), strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def solid_point(content: Object, folder: Path) -> tuple[float, float, float]:
    """Return a point of an object, in its own frame [m]: its origin, or, where a hole is there, the middle of a shape.

    Args:
        content: The object; of one from a USD file nothing is known, and its origin is taken.
        folder: Folder of the task file.
    """
    seen = [bounds_of_shape(shape, folder) for shape in content.shapes if shape.visible]
    if not seen or any(np.all(low <= 0) and np.all(high >= 0) for low, high in seen):
        return 0.0, 0.0, 0.0
    x, y, z = min(((low + high) / 2 for low, high in seen), key=lambda middle: float(np.linalg.norm(middle)))
    return float(x), float(y), float(z)
