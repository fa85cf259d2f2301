"""What `validate` finds, and what it lets pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.sources.findings import Finding, Severity
from mimicgen.datagen.dataset.sources.plausible import Motion, check_commands, check_motion
from mimicgen.datagen.dataset.tools.validate import Report, joined, validate
from mimicgen.datagen.tasks.catalogue import load_task
from mimicgen.datagen.tasks.motion import commands_of, motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from tests.conftest import PROJECT

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
ROBOT, CUBES = "data/demo_3/states/articulation/robot", "data/demo_3/states/rigid_object"


def check(path: Path, parts: int = 2) -> Report:
    return joined(path, [validate(path, motion_of, success_rule, part, parts) for part in range(parts)])


def edited(tmp_path: Path, change: Callable[[h5py.File], Any]) -> Path:
    path = tmp_path / "edited.hdf5"
    path.write_bytes(SHIPPED.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_good_files_pass(human_demos: Path) -> None:
    shipped = check(SHIPPED)
    assert (shipped.findings, shipped.demos, shipped.steps, shipped.success) == ((), 10, 2140, 10)
    human = check(human_demos, parts=3)
    assert (human.demos, human.success, human.errors) == (10, 10, 0)
    assert [finding.where for finding in human.findings] == ["compression"]


def _add(key: str, index: Any, value: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[key][index] += np.float32(value)

    return change


def _set(key: str, index: Any, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file[key].__setitem__(index, value)


def _as(key: str, convert: Callable[[Any], Any]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = convert(file[key][:])
        del file[key]
        file.create_dataset(key, data=values, compression="gzip")

    return change


def _freeze(file: h5py.File) -> None:
    joints = file[f"{ROBOT}/joint_position"]
    joints[20:35] = joints[20]
    file["data/demo_3/actions"][20:35, :3] = 0.1


def _frames(count: int, written: int) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        images = file.create_dataset("data/demo_3/obs/top", (count, 8, 8, 3), np.uint8, chunks=(1, 8, 8, 3))
        images[:written] = 7

    return change


FOUND: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "not a number": (_set(f"{ROBOT}/joint_velocity", (8, 2), np.nan), "robot/joint_velocity', step 8 is not finite"),
    "infinite action": (_set("data/demo_3/actions", (8, 2), np.inf), "'actions', step 8 is not finite"),
    "joint too fast": (_add(f"{ROBOT}/joint_position", (50, 1), 0.2), "step 5[01] joint 2 moves at .* limit is 2.175"),
    "wrist too fast": (_add(f"{ROBOT}/joint_position", (50, 6), 0.3), "step 5[01] joint 7 moves at .* limit is 2.61"),
    "jump at the start": (
        _add("data/demo_3/initial_state/articulation/robot/joint_position", (0, 0), 0.5),
        "joint_position', step 0 joint 1 moves at",
    ),
    "teleport": (_add(f"{CUBES}/cube_1/root_pose", (70, 0), 0.2), "cube_1/root_pose', step 7[01] jumps at 4.0 m/s"),
    "action jump": (_set("data/demo_3/actions", (slice(60, 62), 0), [1.0, -1.0]), "'actions', step 61 jumps by"),
    "frozen": (_freeze, "joint_position', step 21 is the same for 14 steps while the hand is told to move"),
    "quaternion": (_as(f"{CUBES}/cube_2/root_pose", lambda v: v * 1.01), "cube_2/root_pose'.* rotation that is off by"),
    "rotation": (
        _set("data/demo_3/obs/datagen_info/eef_pose/franka", (5, 0, 0), 3.0),
        "eef_pose/franka', step 5 holds a rotation that is off",
    ),
    "cut states": (
        _as(f"{ROBOT}/joint_position", lambda v: v[:-1]),
        r"joint_position' has shape \(219, 9\), but there are 220 actions",
    ),
    "cut observations": (_as("data/demo_3/obs/object", lambda v: v[:9]), r"'obs/object' has shape \(9, 39\)"),
    "fell": (
        _add(f"{CUBES}/cube_3/root_pose", (-1, 2), -0.05),
        "attrs\\['success'\\]' is true, but cube_3 is .* mm below",
    ),
    "beside": (_add(f"{CUBES}/cube_3/root_pose", (-1, 1), 0.06), "is true, but cube_3 is .* mm beside cube_2"),
    "still held": (
        _set(f"{ROBOT}/joint_position", (-1, 7), 0.039),
        "is true, but the fingers of robot are 1.0 mm from open",
    ),
    "still falling": (_set(f"{CUBES}/cube_3/root_velocity", (-1, 2), -0.4), "but cube_3 moves at 0.40 m/s"),
    "wrong order": (
        _as("data/demo_3/obs/cube_orientations", lambda v: np.roll(v.reshape(-1, 3, 4), 1, 2).reshape(-1, 12)),
        "'format_version' is in question: .*'obs/cube_orientations'",
    ),
    "num_samples": (
        lambda f: f["data/demo_3"].attrs.__setitem__("num_samples", 3),
        "'attrs\\['num_samples'\\]' is 3, but there are 220",
    ),
    "no actions": (lambda f: f.pop("data/demo_3/actions"), "'actions' are missing"),
    "too few frames": (_frames(100, 100), r"'obs/top' has shape \(100, 8, 8, 3\), but there are 220 actions"),
    "frames not written": (_frames(220, 110), "'obs/top' has only 50% of its frames written"),
}


@pytest.mark.parametrize("name", FOUND)
def test_an_error_is_found_and_named(tmp_path: Path, name: str) -> None:
    change, words = FOUND[name]
    report = check(edited(tmp_path, change))
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    assert any(re.search(words, str(finding)) for finding in errors), errors
    assert {finding.demo for finding in errors} <= {"demo_3", ""}, "the others pass"
    assert all(finding.remedy for finding in errors)


def test_an_object_that_was_put_elsewhere_is_no_jump_in_the_step_that_the_demonstration_says(tmp_path: Path) -> None:
    told = {"kind": "move", "object": "cube_1", "step": 70}

    def change(file: h5py.File, said: dict[str, Any]) -> None:
        file[f"{CUBES}/cube_1/root_pose"][70:, 0] += 0.2
        file["data/demo_3"].attrs["perturbed"] = json.dumps(said)

    for said in (told, told | {"step": 71}, told | {"object": "cube_2"}, told | {"kind": "push"}, {"step": "x"}):
        jumps = [one for one in findings(edited(tmp_path, partial(change, said=said))) if "jumps" in one.what]
        assert len(jumps) == (said != told), said


def findings(path: Path) -> list[Finding]:
    return list(check(path).findings)


def test_what_only_shows_in_the_whole_file_is_found(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file.copy("data/demo_1", "data/demo_10")
        file["mask/train"] = np.array(["demo_1", "demo_77"], dtype="S")

    said = [str(finding) for finding in findings(edited(tmp_path, change))]
    assert said == [
        "error: 'data.attrs['total']' is 2140, but the demonstrations have 2336 steps together; "
        "set it to that (robomimic reads it)",
        "error: 'mask/train' names demo_77, which is not there; split again",
        "warning: demo_10, 'actions' are those of demo_1; leave one of the two out",
    ]


def test_warnings_are_no_errors(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["data/demo_3"].attrs["success"] = False
        file["data/demo_4/actions"][3, 1] = 1.2
        file["data/demo_4/actions"][2:5, 1] = 1.2

    report = check(edited(tmp_path, change))
    assert [finding.where for finding in report.findings if finding.severity is Severity.WARNING] == [
        "attrs['success']",
        "actions",
    ]


def test_success_is_not_told_for_other_tasks(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["data"].attrs["env_args"] = '{"env_name": "Isaac-Lift-Cube-Franka-IK-Rel-Mimic-v0"}'

    report = check(edited(tmp_path, change))
    assert (report.success, report.errors) == (None, 0)


def test_the_frankas_limits_are_for_the_franka(tmp_path: Path) -> None:
    """Nine joints are not enough to tell a robot; the task's name says which one it is."""
    say = partial(Finding, demo="demo_0")
    joints = np.zeros((3, 9))
    joints[2, 0] = 0.3  # 6 rad/s
    arrays = {"states/articulation/robot/joint_position": joints}
    (finding,) = check_motion(say, arrays, 0.05, motion_of("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"))
    assert "its limit is 2.175 rad/s" in str(finding)
    other = motion_of("Isaac-Stack-Cube-Galbot-Left-Arm-Gripper-RmpFlow-v0")
    assert list(check_motion(say, arrays, 0.05, other)) == []
    assert [finding.what for finding in check_motion(say, arrays, 0.05, motion_of("stack_three-d0-Mimic-v0"))] == [
        finding.what
    ]


def test_each_arm_is_told_by_its_own_columns() -> None:
    """The second arm stands still while it is told to move; the first one's hand jumps."""
    say = partial(Finding, demo="demo_0")
    found = load_task(PROJECT / "tests" / "data" / "two_arms.toml")
    motion = Motion(speeds={"near": (2.0,) * 7, "far": (2.0,) * 7}, commands=commands_of("two_arms", found))
    actions = np.zeros((40, 14))
    actions[:, 6] = 3.0  # a gripper's command has no range
    actions[20:, 7] = 0.1
    actions[5, 0], actions[6, 0] = 0.9, -0.9
    joints = {name: np.linspace(0, 1, 40)[:, None] * np.ones(9) for name in ("near", "far")}
    joints["far"][22:] = joints["far"][22]
    states = {f"states/articulation/{name}/joint_position": values for name, values in joints.items()}
    told = [str(finding) for finding in check_commands(say, {"actions": actions, **states}, motion)]
    assert len(told) == 2
    assert "'actions', step 6 jumps by 1.80 of 'near'" in told[0]
    assert "far/joint_position', step 23 is the same for 17 steps" in told[1]
