from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.sources.commands import Command
from mimicgen.datagen.dataset.sources.sources import (
    Severity,
    SubtaskNeed,
    TaskNeeds,
    check_file,
    check_sources,
    natural_order,
)
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks.motion import motion_of

Edit = Callable[[Callable[[h5py.File], None]], Path]

STACK = TaskNeeds(
    task="Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0",
    action_dim=7,
    objects=frozenset({"cube_1", "cube_2", "cube_3"}),
    subtasks={
        "franka": [
            SubtaskNeed(signal="grasp_1", object_ref="cube_2", offsets=(10, 20)),
            SubtaskNeed(signal="stack_1", object_ref="cube_1", offsets=(10, 20)),
            SubtaskNeed(signal="grasp_2", object_ref="cube_3", offsets=(10, 20)),
            SubtaskNeed(signal=None, object_ref="cube_2", offsets=(0, 0)),
        ]
    },
    commands=(Command(eef="", robot="robot", begin=0, relative=True),),
)
INFO = "data/demo_3/obs/datagen_info"


def test_the_human_demonstrations_are_usable_and_old(human_demos: Path) -> None:
    check_file(human_demos)
    sources = check_sources(human_demos, STACK)
    assert sources.usable == tuple(f"demo_{index}" for index in range(10))
    assert sources.findings == ()
    assert sources.quaternion_order == "wxyz"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"hello", "not an HDF5 file"), (b"", "not an HDF5 file")],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "demos.hdf5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=words) as error:
        check_file(path)
    assert str(path) in str(error.value)


def test_a_truncated_file_is_refused(shipped_demos: Path, tmp_path: Path) -> None:
    path = tmp_path / "demos.hdf5"
    path.write_bytes(shipped_demos.read_bytes()[:1_000_000])
    with pytest.raises(SourceError, match="damaged or truncated"):
        check_file(path)


def test_a_file_that_is_being_written_is_refused(shipped_demos: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "demos.hdf5"
    path.write_bytes(shipped_demos.read_bytes())
    writer = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", writer, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(SourceError, match="being written by another process"):
            check_file(path)
    finally:
        process.communicate("")


def test_a_file_without_demonstrations_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "demos.hdf5"
    h5py.File(path, "w").close()
    with pytest.raises(SourceError, match="no demonstrations under 'data'"):
        check_file(path)


def test_demonstrations_that_were_not_annotated_are_refused(edited_demos: Edit) -> None:
    def strip(file: h5py.File) -> None:
        for demo in file["data"].values():
            del demo["obs/datagen_info"]

    path = edited_demos(strip)
    with pytest.raises(SourceError, match=r"no demonstration has 'obs/datagen_info'.*annotate"):
        check_file(path)


def test_demonstrations_of_another_task_are_refused(edited_demos: Edit) -> None:
    def rename(file: h5py.File) -> None:
        file["data"].attrs["env_args"] = '{"env_name": "Isaac-PickPlace-GR1T2-Abs-Mimic-v0"}'

    with pytest.raises(SourceError, match=r"recorded for task 'Isaac-PickPlace.*not for 'Isaac-Stack"):
        check_sources(edited_demos(rename), STACK)


def _set(file: h5py.File, key: str, value: Any) -> None:
    del file[key]
    file[key] = value


def _at(key: str, index: Any, value: Any) -> Callable[[h5py.File], None]:
    """Put a value into an array."""

    def change(file: h5py.File) -> None:
        file[key][index] = value

    return change


def _as(key: str, convert: Callable[[Any], Any]) -> Callable[[h5py.File], None]:
    """Replace an array by what a function makes of it."""

    def change(file: h5py.File) -> None:
        _set(file, key, convert(file[key][:]))

    return change


SIGNALS = f"{INFO}/subtask_term_signals"
HAND, TARGET, CUBE = f"{INFO}/eef_pose/franka", f"{INFO}/target_eef_pose/franka", f"{INFO}/object_pose/cube_3"
ACTIONS = "data/demo_3/actions"
MIRROR = np.diag([1, 1, -1, 1])

DAMAGED: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "a signal never fires": (_as(f"{SIGNALS}/stack_1", np.zeros_like), "'stack_1' never fires"),
    "a signal is missing": (lambda f: f.pop(f"{SIGNALS}/grasp_2"), "no signal 'grasp_2'"),
    "a signal is cut": (_as(f"{SIGNALS}/grasp_2", lambda v: v[:-1]), r"'grasp_2' has shape \(219,\)"),
    "a signal is no number": (_as(f"{SIGNALS}/grasp_2", lambda v: v.astype("S")), "expected booleans"),
    "a signal is neither 0 nor 1": (
        _as(f"{SIGNALS}/grasp_1", lambda v: v * 0.5),
        r"demo_3, step 37: signal 'grasp_1' is 0.5, expected 0 or 1",
    ),
    "a signal is on from the start": (_at(f"{SIGNALS}/grasp_1", 0, True), "step 0: signal 'grasp_1' is on from"),
    "signals in the wrong order": (
        _at(f"{SIGNALS}/stack_1", 20, True),
        "step 20: signal 'stack_1' fires before or with 'grasp_1'",
    ),
    "no room for random offsets": (
        _as(f"{SIGNALS}/stack_1", lambda v: np.arange(220) > 38),
        "step 38: subtask 1 may be empty",
    ),
    "not annotated": (lambda f: f.pop(INFO), "no 'obs/datagen_info'"),
    "an object's poses are missing": (lambda f: f.pop(CUBE), "'obs/datagen_info/object_pose/cube_3' is missing"),
    "a hand's poses are missing": (lambda f: f.pop(HAND), "'obs/datagen_info/eef_pose/franka' is missing"),
    "poses are cut": (_as(HAND, lambda v: v[:9]), r"has shape \(9, 4, 4\)"),
    "poses are not matrices": (_as(HAND, lambda v: v[:, :3]), r"has shape \(220, 3, 4\)"),
    "a pose is not finite": (_at(TARGET, 11, np.nan), "demo_3, step 11: .*target_eef_pose/franka' is not finite"),
    "a pose is scaled": (_as(TARGET, lambda v: v * 1.01), "step 0: .* has a last row other than 0, 0, 0, 1"),
    "a rotation is skewed": (_at(TARGET, (50, 0, 1), 0.5), "step 50: .* has a rotation that is not orthonormal"),
    "a rotation mirrors": (_as(HAND, lambda v: v @ MIRROR), "step 0: .* mirrors"),
    "poses are transposed": (_as(HAND, lambda v: v.transpose(0, 2, 1)), "step 0: .* has a last row"),
    "an unused array is cut": (
        lambda f: f.__setitem__(f"{SIGNALS}/spare", np.zeros(9)),
        r"'obs/datagen_info/subtask_term_signals/spare' has shape \(9,\), but there are 220 actions",
    ),
    "no actions": (lambda f: f.pop(ACTIONS), "has no actions"),
    "actions without steps": (_as(ACTIONS, lambda v: v[:0]), "has no actions"),
    "actions are flat": (_as(ACTIONS, np.ravel), r"actions have shape \(1540,\)"),
    "actions are text": (_as(ACTIONS, lambda v: v.astype("S")), "expected numbers"),
    "actions lack a component": (_as(ACTIONS, lambda v: v[:, :6]), "actions have 6 components, the task takes 7"),
    "an action is not finite": (_at(ACTIONS, (7, 2), np.inf), "demo_3, step 7: an action is not finite"),
}

ODD: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "an action is out of range": (_at(ACTIONS, (7, 2), -3), "demo_3, step 7: action component 2 is -3, outside of"),
    "another number of samples": (
        lambda f: f["data/demo_3"].attrs.__setitem__("num_samples", 221),
        "demo_3: attribute 'num_samples' is 221, but there are 220 actions",
    ),
    "a failure": (lambda f: f["data/demo_3"].attrs.__setitem__("success", False), "demo_3: was recorded as a failure"),
    "a copy": (lambda f: f.copy("data/demo_1", "data/demo_10"), "demo_10: is identical to demo_1"),
    "an object of another scene": (
        lambda f: f.copy(CUBE, f"{INFO}/object_pose/mug"),
        "demo_3: recorded object 'mug' is not in the scene .*cube_1, cube_2, cube_3",
    ),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_demonstration_is_named_and_the_others_are_used(edited_demos: Edit, damage: str) -> None:
    change, problem = DAMAGED[damage]
    sources = check_sources(edited_demos(change), STACK)
    assert len(sources.usable) == 9
    assert "demo_3" not in sources.usable
    assert re.search(problem, str(sources.findings[0])), sources.findings[0]
    assert {finding.demo for finding in sources.findings} == {"demo_3"}
    assert sources.findings[0].severity is Severity.UNUSABLE
    assert sources.findings[0].remedy


@pytest.mark.parametrize("oddity", ODD)
def test_an_odd_demonstration_is_named_and_used(edited_demos: Edit, oddity: str) -> None:
    change, problem = ODD[oddity]
    sources = check_sources(edited_demos(change), STACK)
    assert len(sources.usable) == sources.total
    (finding,) = sources.findings
    assert re.match(problem, str(finding)), finding
    assert finding.severity is Severity.WARNING


def test_the_human_demonstrations_are_checked_within_two_seconds(human_demos: Path) -> None:
    start = time.process_time()
    sources = check_sources(human_demos, STACK)
    assert time.process_time() - start < 2
    assert (sources.total, sources.format_version, sources.recorded_task) == (10, None, STACK.task)
    assert sum(sources.lengths.values()) == 2163


def test_an_object_that_the_scene_lacks_makes_everything_unusable(shipped_demos: Path) -> None:
    needs = dataclasses.replace(STACK, objects=frozenset({"cube_1", "cube_2"}))
    with pytest.raises(SourceError, match=r"object 'cube_3', which a subtask refers to, is not in the scene"):
        check_sources(shipped_demos, needs)


def test_absolute_actions_have_no_range(edited_demos: Edit) -> None:
    def absolute(file: h5py.File) -> None:
        file["data"].attrs["env_args"] = '{"env_name": "Isaac-Stack-Cube-Franka-IK-Abs-v0"}'
        file[ACTIONS][7, 2] = 1.5

    task = "Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0"
    needs = dataclasses.replace(STACK, task=task, commands=motion_of(task).commands)
    assert check_sources(edited_demos(absolute), needs).findings == ()


def test_old_and_new_names_of_a_task_serve_each_other(shipped_demos: Path) -> None:
    sources = check_sources(shipped_demos, dataclasses.replace(STACK, task="IsaacContrib-Stack-Cube-Franka-IK-Rel"))
    assert len(sources.usable) == 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.attrs.__setitem__("format_version", 7), "format_version = 7 is not known"),
        (lambda f: f.attrs.__setitem__("format_version", 1), "is ambiguous"),
        (lambda f: f["data"].attrs.__setitem__("env_args", "{"), "'env_args' of 'data' is not a JSON object"),
    ],
)
def test_a_damaged_file_is_refused(edited_human_demos: Edit, change: Callable[[h5py.File], None], words: str) -> None:
    path = edited_human_demos(change)
    with pytest.raises(SourceError, match=words) as error:
        check_sources(path, STACK)
    assert str(path) in str(error.value)


def test_no_usable_demonstration_is_an_error_that_lists_the_findings(edited_demos: Edit) -> None:
    def blank(file: h5py.File) -> None:
        for demo in file["data"].values():
            demo["obs/datagen_info/subtask_term_signals/grasp_1"][:] = False

    with pytest.raises(SourceError, match=r"none of 10 demonstrations is usable:\n  demo_0: signal 'grasp_1' never"):
        check_sources(edited_demos(blank), STACK)


def test_names_are_in_natural_order() -> None:
    names = ["demo_10", "demo_9", "demo_1"]
    assert sorted(names, key=natural_order) == ["demo_1", "demo_9", "demo_10"]
