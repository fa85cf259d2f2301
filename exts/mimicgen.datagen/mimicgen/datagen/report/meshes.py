"""Triangles for the page: of meshes and primitive shapes, simplified and packed.

Vertices that fall into one cell of a grid become one, which leaves a shape to look at with a third of the triangles.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

CELL = 0.005
"""Edge of a cell of the grid [m]."""

DETAILED = 2000
"""Triangles of one colour from which on they are simplified, and shaded as if they were round."""

SIDES = 32
"""Of what stands for a circle."""

Array = np.ndarray[Any, Any]


def packed(values: Array) -> str:
    """Return numbers compressed (zlib) and as text (base64)."""
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()


def as_json(triangles: Array, colour: str) -> dict[str, Any]:
    """Return triangles of one colour as the page has them.

    Args:
        triangles: Corners, shape (n, 3, 3) [m].
        colour: As HTML has it.
    """
    detailed = len(triangles) > DETAILED
    vertices, faces = simplified(triangles, CELL if detailed else 1e-5)
    unit = max(1e-5, float(np.abs(vertices).max(initial=0.0)) / 32767)  # 16 bits reach a third of a metre with 10 um
    return {
        "colour": colour,
        "unit": unit,
        "flat": not detailed,
        "vertices": packed(np.round(vertices / unit).astype("<i2")),
        "faces": packed(faces.astype("<u4")),
    }


def shaded(told: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Return the triangles that `as_json` tells of, as they are lit.

    Returns:
        Vertices, shape (n, 3) [m]; faces, shape (m, 3); and the vertices' unit normals, shape (n, 3). Corners of a flat
        shape are vertices of their own.
    """
    vertices = _unpacked(told["vertices"], "<i2") * float(told["unit"])
    faces = _unpacked(told["faces"], "<u4").astype(np.int64)
    if told["flat"]:
        vertices, faces = vertices[faces.reshape(-1)], np.arange(faces.size).reshape(-1, 3)
    one, other = (vertices[faces[:, corner]] - vertices[faces[:, 0]] for corner in (1, 2))
    areas = np.cross(one, other)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], areas)
    return vertices, faces, normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def _unpacked(text: str, kind: str) -> Array:
    """Return what `packed` made a text of, in rows of three."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(-1, 3)


def simplified(triangles: Array, cell: float = CELL) -> tuple[Array, Array]:
    """Return vertices, shape (n, 3), and the faces that are left, shape (m, 3), of triangles, shape (k, 3, 3)."""
    corners = triangles.reshape(-1, 3)
    _, which = np.unique(np.floor(corners / cell).astype(np.int64), axis=0, return_inverse=True)
    which = which.reshape(-1)
    counts = np.bincount(which)
    vertices = np.stack([np.bincount(which, corners[:, axis]) / counts for axis in range(3)], axis=1)
    faces = which.reshape(-1, 3)
    flat = (faces[:, 0] == faces[:, 1]) | (faces[:, 1] == faces[:, 2]) | (faces[:, 2] == faces[:, 0])
    # The same face may be left several times; turned so that the smallest index is first, they are alike.
    turned = np.stack([np.roll(face, -face.argmin()) for face in faces[~flat]]) if (~flat).any() else faces[:0]
    return vertices, np.unique(turned, axis=0)


def of_faces(points: Array, counts: Array, indices: Array) -> Array:
    """Return the triangles of a mesh whose faces may have more corners, shape (n, 3, 3).

    Args:
        points: Vertices, shape (k, 3).
        counts: How many corners each face has.
        indices: The corners, one face after the other.
    """
    if (counts == 3).all():
        return points[indices.reshape(-1, 3)]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    fans = [
        (indices[start], indices[start + corner], indices[start + corner + 1])
        for start, count in zip(starts, counts, strict=True)
        for corner in range(1, count - 1)
    ]
    return points[np.array(fans, dtype=np.int64).reshape(-1, 3)]


def box(edge: float) -> Array:
    """Return the triangles of a box with equal edges around the origin, shape (12, 3, 3)."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * edge / 2
    sides = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return of_faces(corners, np.full(6, 4), np.array(sides).reshape(-1))


def round_body(profile: Array) -> Array:
    """Return the triangles of what a line makes that turns about z, shape (n, 3, 3).

    Args:
        profile: Points of the line from the bottom to the top, distance from the axis and height, shape (k, 2) [m].
    """
    turn = np.linspace(0.0, 2 * np.pi, SIDES + 1)
    radius, height = profile[:, 0, None], profile[:, 1, None]
    grid = np.stack([radius * np.cos(turn), radius * np.sin(turn), height + 0 * turn], axis=-1)
    below, above = grid[:-1], grid[1:]
    lower = np.stack([below[:, :-1], below[:, 1:], above[:, 1:]], axis=2)
    upper = np.stack([below[:, :-1], above[:, 1:], above[:, :-1]], axis=2)
    return np.concatenate([lower.reshape(-1, 3, 3), upper.reshape(-1, 3, 3)])


def cylinder(radius: float, height: float) -> Array:
    """Return the triangles of a cylinder along z, shape (n, 3, 3)."""
    return round_body(np.array([[0, -height / 2], [radius, -height / 2], [radius, height / 2], [0, height / 2]]))


def capsule(radius: float, height: float) -> Array:
    """Return the triangles of a capsule along z, whose cylinder has the height, shape (n, 3, 3)."""
    arc = np.linspace(-np.pi / 2, np.pi / 2, SIDES // 2 + 2)
    shift = np.where(arc < 0, -height / 2, height / 2)
    return round_body(np.stack([radius * np.cos(arc), radius * np.sin(arc) + shift], axis=1))
