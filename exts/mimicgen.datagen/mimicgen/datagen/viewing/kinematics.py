"""Where links are in their parents, by the positions of their joints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def moved_links(links: Sequence[Mapping[str, Any]], positions: Floats) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield each link that a joint moves: its name, and where it is in its parent.

    Args:
        links: See `mimicgen.datagen.report.links.links_of`; their joints are in the order of the recorded positions.
        positions: Of the joints, shape (moments, joints) [rad or m].

    Yields:
        The link's name, positions [m], shape (moments, 3), and unit quaternions (x, y, z, w), shape (moments, 4).
    """
    moving = [link for link in links if link["joint"]]
    for link, own in zip(moving, positions.T, strict=False):  # a scene may have fewer joints than were recorded
        yield link["name"], *_placed(link["origin"], link["joint"], own)


def _placed(origin: Mapping[str, Any], joint: Mapping[str, Any], own: Floats) -> tuple[Floats, Floats]:
    place, rest = np.array(origin["position"]), np.array(origin["quaternion"])
    axis = np.array(joint["axis"])
    if joint["slides"]:
        return place + rotated(rest, own[:, None] * axis), np.tile(rest, (len(own), 1))
    half = own[:, None] / 2
    turn = np.concatenate([np.sin(half) * axis, np.cos(half)], axis=1)
    pivot = np.array(joint["pivot"])
    shift = pivot - rotated(turn, pivot)
    return place + rotated(rest, shift), times(rest, turn)


def times(a: Floats, b: Floats) -> Floats:
    """Return the products of quaternions (x, y, z, w), shape (..., 4)."""
    u, v, p, q = a[..., :3], b[..., :3], a[..., 3:], b[..., 3:]
    return np.concatenate([p * v + q * u + np.cross(u, v), p * q - np.sum(u * v, axis=-1, keepdims=True)], axis=-1)


def rotated(quaternion: Floats, vector: Floats) -> Floats:
    """Return vectors, shape (..., 3), turned by unit quaternions (x, y, z, w), shape (..., 4)."""
    twice = 2 * np.cross(quaternion[..., :3], vector)
    return vector + quaternion[..., 3:] * twice + np.cross(quaternion[..., :3], twice)
