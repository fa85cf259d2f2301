"""Links by their joints, against rotations made otherwise."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mimicgen.datagen.viewing.kinematics import moved_links

ORIGIN = {"position": [0.1, -0.2, 0.3], "quaternion": Rotation.from_euler("xyz", [0.4, -0.7, 1.1]).as_quat().tolist()}
POSITIONS = np.array([[0.0], [0.3], [-1.2]])


def moved(slides: bool) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    joint = {"name": "j", "slides": slides, "axis": [0.6, 0.0, 0.8], "pivot": [0.05, 0.02, -0.04]}
    base = {"name": "base", "parent": None, "joint": None, "origin": ORIGIN}
    link = {"name": "link", "parent": "base", "joint": joint, "origin": ORIGIN}
    ((name, places, turns),) = moved_links([base, link], POSITIONS)
    assert name == "link"
    return places, turns


def test_a_link_turns_about_its_pivot() -> None:
    places, turns = moved(slides=False)
    rest, pivot = Rotation.from_quat(ORIGIN["quaternion"]), np.array([0.05, 0.02, -0.04])
    for (angle,), place, turn in zip(POSITIONS, places, turns, strict=True):
        expected = rest * Rotation.from_rotvec(angle * np.array([0.6, 0.0, 0.8]))
        np.testing.assert_allclose(Rotation.from_quat(turn).as_matrix(), expected.as_matrix(), atol=1e-12)
        np.testing.assert_allclose(place + expected.apply(pivot), ORIGIN["position"] + rest.apply(pivot), atol=1e-12)


def test_a_link_slides_along_its_axis() -> None:
    places, turns = moved(slides=True)
    rest = Rotation.from_quat(ORIGIN["quaternion"])
    np.testing.assert_allclose(turns, np.tile(ORIGIN["quaternion"], (3, 1)))
    np.testing.assert_allclose(places, ORIGIN["position"] + rest.apply(POSITIONS * [0.6, 0.0, 0.8]), atol=1e-12)


def test_joints_that_the_scene_lacks_move_nothing() -> None:
    assert list(moved_links([], POSITIONS)) == []
