from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.sources import (
    SubtaskNeed,
    TaskNeeds,
    check_file,
    check_sources,
    natural_order,
)
from mimicgen.datagen.errors import SourceError

Edit = Callable[[Callable[[h5py.File], None]], Path]

STACK = TaskNeeds(
    task="Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0",
    subtasks={
        "franka": [
            SubtaskNeed(signal="grasp_1", object_ref="cube_2", offsets=(10, 20)),
            SubtaskNeed(signal="stack_1", object_ref="cube_1", offsets=(10, 20)),
            SubtaskNeed(signal="grasp_2", object_ref="cube_3", offsets=(10, 20)),
            SubtaskNeed(signal=None, object_ref="cube_2", offsets=(0, 0)),
        ]
    },
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


def test_a_truncated_file_is_refused(human_demos: Path, tmp_path: Path) -> None:
    path = tmp_path / "demos.hdf5"
    path.write_bytes(human_demos.read_bytes()[:1_000_000])
    with pytest.raises(SourceError, match="damaged or truncated"):
        check_file(path)


def test_a_file_that_is_being_written_is_refused(human_demos: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "demos.hdf5"
    path.write_bytes(human_demos.read_bytes())
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


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda f: _set(f, f"{INFO}/subtask_term_signals/stack_1", np.zeros(209, bool)), "'stack_1' never fires"),
        (lambda f: f.pop(f"{INFO}/subtask_term_signals/grasp_2"), "no signal 'grasp_2'"),
        (lambda f: f.pop(INFO), "no 'obs/datagen_info'"),
        (lambda f: f.pop(f"{INFO}/object_pose/cube_3"), "'obs/datagen_info/object_pose/cube_3' is missing"),
        (lambda f: _set(f, f"{INFO}/eef_pose/franka", np.zeros((9, 4, 4))), r"has shape \(9, 4, 4\)"),
        (lambda f: _set(f, f"{INFO}/target_eef_pose/franka", np.full((209, 4, 4), np.nan)), "not finite"),
        (lambda f: f.pop("data/demo_3/actions"), "has no actions"),
        (lambda f: f["data/demo_3/actions"].__setitem__((7, 2), np.inf), "demo_3, step 7: an action is not finite"),
        (
            lambda f: _set(f, f"{INFO}/subtask_term_signals/stack_1", np.arange(209) > 38),
            "subtask 1 may be empty",
        ),
    ],
)
def test_a_damaged_demonstration_is_named_and_the_others_are_used(
    edited_demos: Edit, change: Callable[[h5py.File], None], problem: str
) -> None:
    import re

    sources = check_sources(edited_demos(change), STACK)
    assert len(sources.usable) == 9
    assert "demo_3" not in sources.usable
    assert re.search(problem, str(sources.findings[0])), sources.findings[0]
    assert str(sources.findings[0]).startswith("demo_3")


def test_no_usable_demonstration_is_an_error_that_lists_the_findings(edited_demos: Edit) -> None:
    def blank(file: h5py.File) -> None:
        for demo in file["data"].values():
            demo["obs/datagen_info/subtask_term_signals/grasp_1"][:] = False

    with pytest.raises(SourceError, match=r"none of 10 demonstrations is usable:\n  demo_0: signal 'grasp_1' never"):
        check_sources(edited_demos(blank), STACK)


def test_names_are_in_natural_order() -> None:
    names = ["demo_10", "demo_9", "demo_1"]
    assert sorted(names, key=natural_order) == ["demo_1", "demo_9", "demo_10"]
