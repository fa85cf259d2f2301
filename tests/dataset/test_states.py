from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.errors import SourceError
from tests.conftest import PROJECT

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
TASK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"


def test_a_row_is_the_state_before_its_step() -> None:
    """The poses in `datagen_info` were recorded before each step, too."""
    demos = check_recorded(SHIPPED, TASK, ["demo_3"])
    states = StateSequence.of(demos.initial_state("demo_3"), demos.states("demo_3"))
    with h5py.File(SHIPPED) as file:
        told = file["data/demo_3/obs/datagen_info/object_pose/cube_2"][:, :3, 3]
        joints = file["data/demo_3/obs/joint_pos"][:]
        first = file["data/demo_3/initial_state/articulation/robot/joint_position"][:]
    assert len(states) == len(told)
    np.testing.assert_allclose(states.before["rigid_object"]["cube_2"]["root_pose"][:, :3], told, atol=1e-6)
    # The observation is relative to the default pose, which is a constant.
    offsets = states.before["articulation"]["robot"]["joint_position"] - joints
    np.testing.assert_allclose(offsets, np.broadcast_to(offsets[0], offsets.shape), atol=1e-5)
    np.testing.assert_array_equal(states.at(0)["articulation"]["robot"]["joint_position"], first)


def test_a_digest_tells_demonstrations_apart() -> None:
    demos = check_recorded(SHIPPED, TASK)
    digests = [StateSequence.of(demos.initial_state(name), demos.states(name)).digest() for name in demos.names]
    assert len(set(digests)) == len(digests) == 10


def test_demonstrations_are_chosen_by_name_number_or_range() -> None:
    assert check_recorded(SHIPPED, TASK, ["8-20", "demo_0", "3"]).names == ("demo_0", "demo_3", "demo_8", "demo_9")
    with pytest.raises(SourceError, match=r"no demonstration '12'; it has 10, demo_0 to demo_9"):
        check_recorded(SHIPPED, TASK, ["0", "12"])


def test_a_demonstration_without_states_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stripped.hdf5"
    path.write_bytes(SHIPPED.read_bytes())
    with h5py.File(path, "r+") as file:
        del file["data/demo_4/states"]
    with pytest.raises(SourceError, match="demo_4: has no 'states' to restore"):
        check_recorded(path, TASK)
    assert check_recorded(path, TASK, ["0-3"]).names == ("demo_0", "demo_1", "demo_2", "demo_3")
