"""State and action by name, against what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.formats.embodiment import UNKNOWN
from mimicgen.datagen.dataset.formats.representations import Representations
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks.motion import embodiment_of
from tests.conftest import SHIPPED_DEMOS
from tests.hostile import TASK


@pytest.fixture
def demo() -> Iterator[h5py.Group]:
    with h5py.File(SHIPPED_DEMOS) as file:
        yield file["data/demo_0"]


@pytest.fixture
def make() -> Representations:
    body = embodiment_of(TASK)
    return Representations(body, {**body.joints}, "xyzw")


def test_joints_are_those_before_and_after_the_step(demo: h5py.Group, make: Representations) -> None:
    state, action = make.state(demo, "joints"), make.action(demo, "joints")
    assert state.names == action.names
    assert [part.key for part in state.parts] == ["arm", "gripper"]
    assert len(state.parts[0].names) == 7
    after = demo["states/articulation/robot/joint_position"][:]
    np.testing.assert_array_equal(action.rows, after)
    np.testing.assert_array_equal(state.rows[1:], after[:-1])
    np.testing.assert_array_equal(state.rows[0], demo["initial_state/articulation/robot/joint_position"][0])


def test_poses_of_the_end_effector(demo: h5py.Group, make: Representations) -> None:
    state = make.state(demo, "eef")
    np.testing.assert_allclose(state.rows[:, :3], demo["obs/eef_pos"][:], atol=1e-6)
    same = np.abs(np.einsum("ni,ni->n", state.rows[:, 3:7], demo["obs/eef_quat"][:]))
    np.testing.assert_allclose(same, 1, atol=1e-5)
    assert state.names[3:7] == ["eef_qx", "eef_qy", "eef_qz", "eef_qw"]
    np.testing.assert_array_equal(state.rows[:, 7:], make.state(demo, "joints").rows[:, 7:])
    both = make.state(demo, "joints_eef")
    assert both.names == make.state(demo, "joints").names + state.names[:7]


def test_actions_as_recorded_and_as_poses(demo: h5py.Group, make: Representations) -> None:
    recorded, relative = make.action(demo, "recorded"), make.action(demo, "eef_relative")
    np.testing.assert_array_equal(recorded.rows, demo["actions"][:])
    np.testing.assert_allclose(relative.rows, recorded.rows, atol=1e-6)  # what the expert told, before it was clamped
    absolute = make.action(demo, "eef_absolute")
    target = demo["obs/datagen_info/target_eef_pose/franka"][:]
    np.testing.assert_array_equal(absolute.rows[:, :3], target[:, :3, 3])
    assert absolute.names[-1] == "gripper"
    assert not recorded.parts[0].absolute
    assert "in units of 0.5 m" in recorded.parts[0].about


def test_objects_in_the_order_of_their_numbers(demo: h5py.Group, make: Representations) -> None:
    objects = make.objects(demo)
    assert objects.names[:8] == [*(f"cube_1_{name}" for name in ("x", "y", "z", "qx", "qy", "qz", "qw")), "cube_2_x"]
    places = np.concatenate([objects.rows[:, 7 * index : 7 * index + 3] for index in range(3)], axis=1)
    np.testing.assert_array_equal(places, demo["obs/cube_positions"][:])


def test_old_quaternions_are_turned_round(demo: h5py.Group) -> None:
    body = embodiment_of(TASK)
    old = Representations(body, {**body.joints}, "wxyz").objects(demo)
    first = demo["initial_state/rigid_object/cube_1/root_pose"][0]
    np.testing.assert_array_equal(old.rows[0, 3:7], np.roll(first[3:], -1))


def test_several_arms() -> None:
    body = embodiment_of("two_arm_lift-d0-Mimic-v0")
    make = Representations(body, {**body.joints}, "xyzw")
    with h5py.File(SHIPPED_DEMOS.parents[2] / "datasets" / "two_arm_lift_demos.hdf5") as file:
        demo = file["data/demo_0"]
        recorded, absolute = make.action(demo, "recorded"), make.action(demo, "eef_absolute")
        with pytest.raises(SourceError, match="another --state"):
            make.state(demo, "joints")  # a compact source has none
    assert [part.key for part in recorded.parts] == [
        f"{arm}_{part}" for arm in ("left", "right") for part in ("position", "rotation", "gripper")
    ]
    assert len(set(recorded.names)) == 14
    assert absolute.names[:2] == ["left_eef_x", "left_eef_y"]
    assert len(absolute.names) == 16


def test_a_task_that_nobody_knows(demo: h5py.Group) -> None:
    make = Representations(UNKNOWN, {}, "xyzw")
    assert make.state(demo, "joints").names == [f"joint_{index}.pos" for index in range(9)]
    assert make.action(demo, "recorded").names == [f"action_{index}" for index in range(7)]
    assert make.state(demo, "eef").rows.shape[1] == 7
    with pytest.raises(SourceError, match="is not known; pass --action recorded"):
        make.action(demo, "eef_absolute")


def test_what_cannot_be_exported(tmp_path: Path, make: Representations) -> None:
    path = tmp_path / "d.hdf5"
    path.write_bytes(SHIPPED_DEMOS.read_bytes())
    with h5py.File(path, "r+") as file:
        demo = file["data/demo_0"]
        demo["actions"][3, 2] = np.nan
        with pytest.raises(SourceError, match="not finite"):
            make.action(demo, "recorded")
        del demo["states/articulation/robot/joint_position"]
        demo["states/articulation/robot/joint_position"] = np.zeros((4, 9), np.float32)
        with pytest.raises(SourceError, match="shape"):
            make.state(demo, "joints")


def test_what_is_recorded_of_joints_comes_first(demo: h5py.Group) -> None:
    """Of several arms engines number joints in different ways, so runs write the order into their datasets."""
    body = embodiment_of(TASK)
    names = tuple(reversed(body.joints["robot"]))
    state = Representations(body, {"robot": names}, "xyzw").state(demo, "joints")
    after = demo["states/articulation/robot/joint_position"][:]
    np.testing.assert_array_equal(state.rows[1:, :7], after[:-1, 2:])
