from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py

from mimicgen.datagen.dataset.sources.preflight import report, to_json
from mimicgen.datagen.dataset.sources.sources import check_sources
from tests.dataset.sources.test_sources import STACK

Edit = Callable[[Callable[[h5py.File], None]], Path]


def test_the_human_file_is_described_in_a_line(human_demos: Path) -> None:
    assert report(check_sources(human_demos, STACK)) == (
        f"annotated_dataset.hdf5: 10 of 10 demonstrations usable for {STACK.task}; "
        "recorded with Isaac Lab 2.x (no format version), quaternions w, x, y, z; 179 to 247 steps"
    )


def test_every_finding_has_a_line_and_says_what_to_do(edited_human_demos: Edit) -> None:
    def damage(file: h5py.File) -> None:
        del file["data/demo_6/actions"]  # the longest
        file["data/demo_2"].attrs["success"] = False
        file["data"].attrs["env_args"] = '{"env_name": "Isaac-Stack-Cube-Franka-IK-Rel-v0"}'

    sources = check_sources(edited_human_demos(damage), STACK)
    first, *lines = report(sources).splitlines()
    assert first.startswith("edited.hdf5: 9 of 10 demonstrations usable")
    assert "for Isaac-Stack-Cube-Franka-IK-Rel-v0, the same family" in first
    assert first.endswith("179 to 236 steps")
    assert lines == [
        "  warning: demo_2: was recorded as a failure (attribute 'success' is False); "
        "leave the demonstration out if that is not meant",
        "  unusable: demo_6: has no actions; record the demonstration again",
    ]
    told = json.loads(json.dumps(to_json(sources)))
    assert told["quaternion_order"] == "wxyz"
    assert told["format_version"] is None
    assert told["total"] == 10
    assert told["usable"] == list(sources.usable)
    assert told["lengths"]["demo_9"] == 179
    assert told["findings"][1] == {
        "demo": "demo_6",
        "step": None,
        "problem": "has no actions",
        "remedy": "record the demonstration again",
        "severity": "unusable",
    }


def test_a_file_that_names_no_task_is_said_to(edited_demos: Edit) -> None:
    sources = check_sources(edited_demos(lambda file: file["data"].attrs.__delitem__("env_args")), STACK)
    assert "for a task that the file does not name" in report(sources)
