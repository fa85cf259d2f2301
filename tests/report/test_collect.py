"""What cannot be shown is said, with the array and what is wrong with it, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.report.page import THREE
from mimicgen.datagen.report.records import of_run, read_attempts, read_run
from tests.dataset.test_fuzz import small_file
from tests.dataset.writing import SHIPPED, attempt_of
from tests.hostile import snapshot

STATES = "states/articulation/robot/joint_position"
POSE = "states/rigid_object/cube_1/root_pose"


def array(key: str, *values: Any) -> Callable[[h5py.Group], None]:
    """Puts another array, or none, in a demonstration."""

    def change(demo: h5py.Group) -> None:
        del demo[key]
        for value in values:
            demo[key] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (array("actions"), "'actions' is missing"),
        (array("actions", np.zeros((0, 7), "f4")), r"'actions' has shape \(0, 7\)"),
        (array("actions", np.zeros((209, 0), "f4")), r"'actions' has shape \(209, 0\)"),
        (array("actions", np.zeros((209, 5000), "f4")), r"'actions' has shape \(209, 5000\)"),
        (array("actions", 1.0), r"'actions' has shape \(\)"),
        (array("actions", np.zeros(209)), r"'actions' has shape \(209,\)"),
        (array("actions", np.full((209, 7), b"x")), r"and type \|S1, expected numbers"),
        (array("actions", np.full((209, 7), "text", object)), "and type object, expected numbers"),
        (array("actions", np.zeros((209, 7, 2))), r"'actions' has shape \(209, 7, 2\)"),
        (array(STATES, np.zeros((208, 9))), rf"'{STATES}' has shape \(208, 9\).*expected numbers, \(209, numbers\)"),
        (array(STATES), f"'{STATES}' is missing"),
        (array(POSE, np.zeros((209, 6))), rf"'{POSE}' has shape \(209, 6\).*expected numbers, \(209, 7\)"),
        (array(POSE, np.full((209, 7), b"x")), f"'{POSE}' has shape"),
        (array("obs/eef_pos", 1.0), r"'obs/eef_pos' has shape \(\)"),
        (array("obs/eef_pos", np.zeros((209, 5))), r"'obs/eef_pos' has shape \(209, 5\)"),
        (array("states/articulation", 1.0), "has no recorded states of robot and objects"),
        (array("states/rigid_object"), "has no recorded states of robot and objects"),
        (array("states"), "has no recorded states of robot and objects"),
    ],
)
def test_what_is_no_row_of_numbers_a_step_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[h5py.Group], None], words: str
) -> None:
    path = tmp_path / "d.hdf5"
    path.write_bytes(SHIPPED.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file["data/demo_0"])
    before = snapshot(tmp_path)
    assert cli.main(["report", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: source '{path}', demo_0: ")
    with pytest.raises(SourceError, match=words):
        raise SourceError(said)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output", "r.txt"], "expected a name that ends with .html or .docx"),
        (["--output", "r.html", "--format", "docx"], "expected a name that ends with .docx"),
        (["--output", "r.docx", "--format", "html"], "expected a name that ends with .html"),
        (["--output", "d.hdf5"], "expected a name that ends with .html or .docx"),
        (["--records", "."], "has no run.json"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    small_file(tmp_path / "d.hdf5")
    before = snapshot(tmp_path)
    assert cli.main(["report", str(SHIPPED), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert snapshot(tmp_path) == before


@pytest.mark.skipif(not THREE.is_dir(), reason="Three.js is not there: npm, then ./scripts/setup.sh")
def test_the_files_name_says_the_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, begins in (("r.docx", b"PK"), ("r.html", b"<!doctype html>")):
        for _ in range(2):  # the second one replaces the first
            assert cli.main(["report", str(SHIPPED), "--output", str(tmp_path / name), "--demos", "1"]) == 0
            assert f"wrote {tmp_path / name}: 1 demonstration, " in capsys.readouterr().out
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.docx", "r.html"]


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"config": 3}',
        "[" * 100_000,
        '{"config": {}, "timings": {"elapsed": NaN}}',
        '{"config": {}, "timings": {"elapsed": "long"}}',
        '{"config": {}, "counts": [3]}',
        '{"config": {}, "end": {"reason": 3}}',
        '{"config": {}, "versions": "new"}',
    ],
)
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(SourceError, match="is not a run's record"):
        read_run(tmp_path)


def test_paths_in_a_record_are_only_looked_for(tmp_path: Path) -> None:
    for path in ("~nosuchuser/x.hdf5", "x" * 5000, "a\0b", "/", ["a"]):
        (tmp_path / "run.json").write_text(json.dumps({"config": {"output_dataset": path, "source": path}}))
        assert of_run(tmp_path / "d.hdf5", tmp_path, wanted=False) == (None, None)
        assert of_run(tmp_path / "d.hdf5", tmp_path, wanted=True) == (tmp_path, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "one"},
        {"seconds": float("nan")},
        {"seconds": "long"},
        {"signals": ["grasp_1"]},
        {"signals": {"grasp_1": "early"}},
        {"reason": None},
        {"starts": {"cube_1": 3}},
        {"starts": {"cube_1": ["a", "b"]}},
        {"starts": [1]},
        {"demo": 3},
    ],
)
def test_an_attempt_that_is_none_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    told = json.loads(attempt_of(1).to_json())
    (tmp_path / "attempts.jsonl").write_text(json.dumps(told) + "\n")
    assert [attempt.number for attempt in read_attempts(tmp_path)] == [1]
    (tmp_path / "attempts.jsonl").write_text(json.dumps(told | changes) + "\n")
    with pytest.raises(SourceError, match="has a line that is no attempt"):
        read_attempts(tmp_path)
    (tmp_path / "attempts.jsonl").write_text("[" * 100_000)
    with pytest.raises(SourceError, match="has a line that is no attempt"):
        read_attempts(tmp_path)
