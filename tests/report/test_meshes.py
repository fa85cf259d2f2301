from __future__ import annotations

import numpy as np
import pytest

from mimicgen.datagen.report.meshes import Array, box, capsule, cylinder, of_faces, simplified


def test_a_simplified_mesh_keeps_its_shape() -> None:
    turn = np.linspace(0.0, 2 * np.pi, 200)
    height = np.linspace(-0.05, 0.05, 60)
    around, up = np.meshgrid(turn, height)
    points = np.stack([0.05 * np.cos(around), 0.05 * np.sin(around), up], axis=-1)
    triangles = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, :-1]], axis=2).reshape(-1, 3, 3)
    vertices, faces = simplified(triangles, 0.01)
    assert len(faces) < len(triangles) / 4
    radius = np.hypot(vertices[:, 0], vertices[:, 1])
    assert np.abs(radius - 0.05).max() < 0.002
    assert faces.max() < len(vertices)
    assert (faces[:, 0] != faces[:, 1]).all()


@pytest.mark.parametrize(
    ("triangles", "volume"),
    [
        (box(0.2), 0.2**3),
        (cylinder(0.1, 0.3), np.pi * 0.1**2 * 0.3),
        (capsule(0.1, 0.3), np.pi * 0.1**2 * (0.3 + 0.4 / 3)),
        (capsule(0.1, 0.0), 4 / 3 * np.pi * 0.1**3),
    ],
)
def test_primitives_are_closed_and_turned_outwards(triangles: Array, volume: float) -> None:
    a, b, c = np.moveaxis(triangles, 1, 0)
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 == pytest.approx(volume, rel=0.03)


def test_faces_with_more_corners_become_fans() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    found = of_faces(points, np.array([4, 3]), np.array([0, 1, 2, 3, 0, 1, 4]))
    assert found.tolist() == [points[[0, 1, 2]].tolist(), points[[0, 2, 3]].tolist(), points[[0, 1, 4]].tolist()]
