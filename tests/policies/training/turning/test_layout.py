"""What numbers are, of real demonstrations."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from mimicgen.datagen.policies.training.turning.layout import Layout, Rows, TurningError, layouts_of
from tests.conftest import SHIPPED_DEMOS

NAMES = ("eef_pos", "eef_quat", "gripper_pos", "object")


@pytest.fixture
def numbers() -> dict[str, Rows]:
    with h5py.File(SHIPPED_DEMOS) as file:
        return {name: file[f"data/demo_0/obs/{name}"][:].astype(np.float32) for name in NAMES}


@pytest.fixture
def objects() -> dict[str, Rows]:
    with h5py.File(SHIPPED_DEMOS) as file:
        return {name: own[:, :3, 3] for name, own in file["data/demo_0/obs/datagen_info/object_pose"].items()}


def test_poses_and_ways_from_one_thing_to_another(numbers: dict[str, Rows], objects: dict[str, Rows]) -> None:
    found = layouts_of(numbers, objects)
    assert found["eef_pos"] == Layout(positions=(0,))
    assert found["eef_quat"] == Layout(quaternions=(0,))
    assert found["gripper_pos"] == Layout()
    assert found["object"] == Layout(positions=(0, 7, 14), quaternions=(3, 10, 17), ways=(21, 24, 27, 30, 33, 36))


def test_a_number_that_is_nothing_known(numbers: dict[str, Rows], objects: dict[str, Rows]) -> None:
    with pytest.raises(TurningError, match="what 'obs/joint_pos' is made of is not known"):
        layouts_of(numbers | {"joint_pos": numbers["gripper_pos"]}, objects)
    numbers["object"][5, 28] += 0.01
    with pytest.raises(TurningError, match="what number 28 of 'obs/object' is, is not known"):
        layouts_of(numbers, objects)


def test_an_object_that_is_not_observed(numbers: dict[str, Rows], objects: dict[str, Rows]) -> None:
    with pytest.raises(TurningError, match="where 'table' is, is not observed"):
        layouts_of(numbers, objects | {"table": objects["cube_1"] + 0.1})
