"""Turned samples of real demonstrations, against rotations of their poses."""

from __future__ import annotations

import math

import h5py
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mimicgen.datagen.policies.training.turning.layout import Layout, layouts_of
from mimicgen.datagen.policies.training.turning.scenes import Pairs, Turning
from tests.conftest import SHIPPED_DEMOS
from tests.policies.training.turning.test_layout import NAMES

CENTRE = torch.tensor([0.5, 0.1])
OBJECT = Layout(positions=(0, 7, 14), quaternions=(3, 10, 17), ways=(21, 24, 27, 30, 33, 36))
LAYOUTS = {"eef_pos": Layout(positions=(0,)), "eef_quat": Layout(quaternions=(0,)), "object": OBJECT}


@pytest.fixture
def samples() -> dict[str, torch.Tensor]:
    """Four samples of three steps."""
    with h5py.File(SHIPPED_DEMOS) as file:
        demo = file["data/demo_0/obs"]
        return {name: torch.from_numpy(demo[name][20:32].astype(np.float32).reshape(4, 3, -1)) for name in NAMES}


def test_poses_turn_about_the_centre_and_move(samples: dict[str, torch.Tensor]) -> None:
    angles, moves = (
        torch.tensor([0.0, 0.4, -2.0, math.pi]),
        torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.0, -0.2], [1.0, 1.0]]),
    )
    rows = samples["object"]
    turned = Pairs(OBJECT, CENTRE).turned(rows, angles, moves)
    assert torch.allclose(turned[0], rows[0], atol=1e-6)
    for index, (angle, move) in enumerate(zip(angles.tolist(), moves.numpy(), strict=True)):
        spin = Rotation.from_euler("z", angle)
        middle = np.array([*CENTRE.tolist(), 0.0])
        for at in OBJECT.positions:
            expected = spin.apply(rows[index, :, at : at + 3].numpy() - middle) + middle + [*move, 0.0]
            np.testing.assert_allclose(turned[index, :, at : at + 3], expected, atol=1e-6)
        for at in OBJECT.ways:
            expected = spin.apply(rows[index, :, at : at + 3].numpy())
            np.testing.assert_allclose(turned[index, :, at : at + 3], expected, atol=1e-6)
        for at in OBJECT.quaternions:
            expected = spin * Rotation.from_quat(rows[index, :, at : at + 4].numpy())
            found = Rotation.from_quat(turned[index, :, at : at + 4].numpy())
            assert (expected.inv() * found).magnitude().max() < 1e-5


def test_what_turns_with_the_scene_still_fits_together(samples: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(1)
    layouts = LAYOUTS | {"gripper_pos": Layout()}
    found = Turning(layouts, CENTRE, degrees=180, metres=0.1)(samples)
    assert torch.equal(found["gripper_pos"], samples["gripper_pos"])
    for index in range(4):
        one = {name: rows[index].numpy() for name, rows in found.items()}
        assert layouts_of(one, {"cube_2": one["object"][:, 7:10]}) == layouts
        before = samples["object"][index, :, 7:9] - samples["eef_pos"][index, :, :2]
        after = found["object"][index, :, 7:9] - found["eef_pos"][index, :, :2]
        assert torch.allclose(before.norm(dim=1), after.norm(dim=1), atol=1e-6)


def test_angles_and_moves_are_within_their_bounds() -> None:
    torch.manual_seed(2)
    rows = torch.zeros(500, 2, 3)
    rows[:, :, 0] = 1.0
    ways = Turning({"way": Layout(ways=(0,))}, torch.zeros(2), degrees=30, metres=5.0)({"way": rows})["way"]
    angles = torch.atan2(ways[..., 1], ways[..., 0]).rad2deg()
    assert torch.equal(angles[:, 0], angles[:, 1]), "the steps of a sample turn alike"
    assert 25 < angles.max() <= 30
    assert -30 <= angles.min() < -25
    places = Turning({"place": Layout(positions=(0,))}, torch.zeros(2), degrees=0, metres=0.2)({"place": rows})["place"]
    moves = places - rows
    assert 0.19 < moves[..., :2].abs().max() <= 0.2
    assert not moves[..., 2].any()
