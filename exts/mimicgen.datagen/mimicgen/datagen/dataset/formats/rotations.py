"""Rotation matrices as quaternions and as axis times angle."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SMALL = 1e-12


def quaternions_of(matrices: NDArray[Any]) -> Floats:
    """Return rotations as unit quaternions x, y, z, w, shape (n, 4), without a change of sign from one to the next.

    A rotation and the one after it are one motion, so their quaternions are not opposite; of the first the component
    that is farthest from zero is positive, so that motions with like beginnings have like quaternions. Of the four
    ways to take a quaternion from a matrix each uses the one that divides by the largest number (Shepperd, 1978, https://doi.org/10.2514/3.55767b).

    Args:
        matrices: Shape (n, 3, 3).
    """
    m = np.asarray(matrices, np.float64)
    xx, yy, zz = m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]
    # Four times the products of the components with each other: row i is the quaternion times component i.
    products = np.empty((len(m), 4, 4))
    products[:, 0, 0], products[:, 1, 1] = 1 + xx - yy - zz, 1 - xx + yy - zz
    products[:, 2, 2], products[:, 3, 3] = 1 - xx - yy + zz, 1 + xx + yy + zz
    for row, column, value in (
        (0, 1, m[:, 0, 1] + m[:, 1, 0]),
        (0, 2, m[:, 0, 2] + m[:, 2, 0]),
        (1, 2, m[:, 1, 2] + m[:, 2, 1]),
        (0, 3, m[:, 2, 1] - m[:, 1, 2]),
        (1, 3, m[:, 0, 2] - m[:, 2, 0]),
        (2, 3, m[:, 1, 0] - m[:, 0, 1]),
    ):
        products[:, row, column] = products[:, column, row] = value
    largest = np.argmax(np.diagonal(products, axis1=1, axis2=2), axis=1)
    found = products[np.arange(len(m)), largest]
    with np.errstate(invalid="ignore", divide="ignore"):
        found /= np.linalg.norm(found, axis=1, keepdims=True)
    if len(found):
        turned = np.einsum("ni,ni->n", found[1:], found[:-1]) < 0
        first = found[0, np.argmax(np.abs(found[0]))] < 0
        found[np.cumsum([first, *turned]) % 2 == 1] *= -1
    return found


def axis_angles(matrices: NDArray[Any]) -> Floats:
    """Return rotations as axis times angle [rad], shape (n, 3), with angles of at most half a turn.

    Args:
        matrices: Shape (n, 3, 3).
    """
    quaternions = quaternions_of(matrices)
    quaternions = np.where(quaternions[:, 3:] < 0, -quaternions, quaternions)
    sines = np.linalg.norm(quaternions[:, :3], axis=1, keepdims=True)
    angles = 2 * np.arctan2(sines, quaternions[:, 3:])
    return quaternions[:, :3] * np.where(sines > _SMALL, angles / np.maximum(sines, _SMALL), 2.0)
