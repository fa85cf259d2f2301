"""Rotations as quaternions and as axis times angle."""

from __future__ import annotations

import numpy as np

from mimicgen.datagen.dataset.formats.rotations import axis_angles, quaternions_of
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices


def test_there_and_back() -> None:
    quaternions = np.random.default_rng(1).normal(size=(500, 4))
    quaternions = np.concatenate([quaternions, np.eye(4), [[1e-9, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]]])
    matrices = rotation_matrices(quaternions)
    found = quaternions_of(matrices)
    np.testing.assert_allclose(rotation_matrices(found), matrices, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert (np.einsum("ni,ni->n", found[1:], found[:-1]) >= 0).all(), "no sign changes from one to the next"


def test_a_hand_that_points_down_begins_alike() -> None:
    """Its w is about zero, so that of the first quaternion tells nothing."""
    for w in (-0.01, 0.01):
        (found,) = quaternions_of(rotation_matrices(np.array([[1.0, 0.0, 0.0, w]])))
        assert found[0] > 0.99


def test_axis_times_angle() -> None:
    angles = np.array([0.0, 1e-9, 0.3, np.pi - 1e-6])
    for axis in np.eye(3):
        halves = angles[:, None] / 2
        matrices = rotation_matrices(np.concatenate([np.sin(halves) * axis, np.cos(halves)], axis=1))
        np.testing.assert_allclose(axis_angles(matrices), angles[:, None] * axis, atol=1e-9)
