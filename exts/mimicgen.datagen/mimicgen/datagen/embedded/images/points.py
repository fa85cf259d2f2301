"""Points all over the shapes of a model, close enough together that nothing between them is missed."""

from __future__ import annotations

from collections.abc import Iterable

import newton
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.room import CELL, FINEST, placed, within_box

Floats = NDArray[np.float64]


def points_on(model: newton.Model, shapes: Iterable[int]) -> dict[int, Floats]:
    """Return points on shapes, by their body and in its frame, shape (points, 3); in the world for the body -1.

    Args:
        model: The model.
        shapes: Numbers of shapes.
    """
    bodies, kinds, sizes = model.shape_body.numpy(), model.shape_type.numpy(), model.shape_scale.numpy()
    poses = model.shape_transform.numpy().astype(np.float64)
    found: dict[int, list[Floats]] = {}
    for shape in shapes:
        if kinds[shape] == newton.GeoType.MESH:
            mesh = model.shape_source[shape]
            own = _on_triangles(
                np.asarray(mesh.vertices, dtype=np.float64) * sizes[shape], np.asarray(mesh.indices).reshape(-1, 3)
            )
        else:
            half = _half(int(kinds[shape]), sizes[shape].astype(np.float64))
            own = within_box(-half, half)
        found.setdefault(int(bodies[shape]), []).append(placed(own, poses[shape][None]))
    return {body: _thinned(np.concatenate(own)) for body, own in found.items()}


def _half(kind: int, size: Floats) -> Floats:
    """Return half the size of a box around a shape that is no mesh."""
    if kind in (newton.GeoType.BOX, newton.GeoType.ELLIPSOID):
        return size
    if kind == newton.GeoType.SPHERE:
        return np.full(3, size[0])
    if kind == newton.GeoType.CAPSULE:
        return np.array([size[0], size[0], size[0] + size[1]])
    return np.array([size[0], size[0], size[1]])  # a cylinder or a cone: radius and half height


def _on_triangles(vertices: Floats, triangles: NDArray[np.int64]) -> Floats:
    """Return the vertices, and points on the triangles that are larger than a cell."""
    corners = vertices[triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    pieces = np.clip(np.ceil(longest / CELL).astype(int), 1, FINEST)
    found = [vertices]
    for count in np.unique(pieces[pieces > 1]):
        i, j = np.mgrid[: count + 1, : count + 1]
        inside = i + j <= count
        weights = np.stack([i[inside], j[inside], (count - i - j)[inside]], axis=-1) / count
        found.append((weights @ corners[pieces == count]).reshape(-1, 3))
    return np.concatenate(found)


def _thinned(points: Floats) -> Floats:
    """Return one point of those that are nearer to each other than half a cell."""
    _, first = np.unique(np.floor(points / (CELL / 2)).astype(np.int64), axis=0, return_index=True)
    return points[np.sort(first)]
