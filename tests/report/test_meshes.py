from __future__ import annotations

import numpy as np
import pytest

from mimicgen.datagen.report.meshes import Array, as_json, box, capsule, cylinder, of_faces, shaded, simplified


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


def test_what_the_page_is_told_is_lit_from_outside() -> None:
    vertices, faces, normals = shaded(as_json(box(0.2), "#ff0000"))
    assert len(vertices) == 36  # a corner is lit differently on each side
    np.testing.assert_allclose(np.abs(vertices), 0.1, atol=1e-5)
    np.testing.assert_allclose(np.abs(normals).max(axis=1), 1.0, atol=1e-6)
    assert (np.einsum("ij,ij->i", vertices, normals) > 0).all()
    assert faces.max() == 35
    ball = np.repeat(capsule(0.05, 0.0), 3, axis=0)  # more than there are of what is not round
    vertices, _, normals = shaded(as_json(ball, "#ff0000"))
    assert (np.einsum("ij,ij->i", vertices, normals) > 0.045).all()
