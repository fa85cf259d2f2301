"""What a dataset says in words: of its task, of every step, of how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.demos import attributes, complete
from mimicgen.datagen.dataset.formats.language import (
    LANGUAGE,
    Language,
    language_of,
    outcome_text,
    read_language,
    subtask_texts,
    subtasks_at,
)
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.tasks.language import language_of_task
from tests.conftest import PROJECT
from tests.dataset.writing import SHIPPED, attempt_of, recorded_episodes

STACK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"

TWO = Language(
    instruction="Pass the mug.",
    paraphrases=("Hand the mug over.",),
    subtasks={"left": ("Take the mug", "Hold the mug", "Let go"), "right": ("Wait", "Take the mug")},
    signals={"left": ("held", "taken", None), "right": ("held", None)},
)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[h5py.Group]:
    """A dataset with a demonstration of six steps."""
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        file["data/demo_0/actions"] = np.zeros((6, 7))
        yield file["data"]


def of_task(data: h5py.Group, task: str, **provenance: Any) -> Language:
    data.attrs["env_args"] = json.dumps({"env_name": task})
    data.file.attrs["provenance"] = json.dumps(provenance)
    return language_of(data, language_of_task)


def runs(texts: list[str]) -> list[tuple[str, int]]:
    return [(text, len(list(same))) for text, same in groupby(texts)]


def test_a_dataset_says_it_itself(data: h5py.Group) -> None:
    data.attrs[LANGUAGE] = json.dumps(TWO.plain())
    assert language_of(data) == TWO
    assert of_task(data, STACK) == TWO, "whatever the task of that name says now"


def test_an_older_one_has_what_the_task_of_its_name_has(data: h5py.Group) -> None:
    for task in (STACK, "stack_three-d0-Mimic-v0"):
        found = of_task(data, task)
        assert found.instruction == "Stack the red cube on the blue cube, and the green cube on the red one."
        assert found.subtasks["robot"][1] == "Stack the red cube on the blue cube"
        assert found.signals["robot"] == ("grasp_1", "stack_1", "grasp_2", None)


@pytest.mark.parametrize(
    ("task", "provenance"),
    [
        ("Isaac-Somewhere-Mimic-v0", {}),
        ("stack-d0-Mimic-v0", {"config": {"task": "mine/stack.toml"}}),
        (
            "stack-d0-Mimic-v0",
            {"merged": [{"attributes": {"provenance": {"config": {"task": "/home/me/stack.toml"}}}}, 3]},
        ),
        (str(PROJECT / "tests" / "data" / "two_arms.toml"), {}),
    ],
    ids=["registered", "a user's", "merged from a user's", "a path, which is not followed"],
)
def test_of_others_nothing_is_made_up(data: h5py.Group, task: str, provenance: dict[str, Any]) -> None:
    found = of_task(data, task, **provenance)
    assert found == Language(instruction=f"Perform the task {task}.", paraphrases=(), subtasks={}, signals={})
    demo = data["demo_0"]
    assert subtask_texts(found, demo) == 6 * [found.instruction]
    demo.attrs["signals"] = '{"grasp": 2, "lift": null}'
    assert runs(subtask_texts(found, demo)) == [("Until the signal grasp comes", 2), ("Until the signal lift comes", 4)]
    demo.attrs["signals"] = '{"grasp": 2, "lift": 5}'
    assert subtask_texts(found, demo)[-1] == "After the signal lift"


def test_a_file_without_a_task_says_so(data: h5py.Group) -> None:
    assert language_of(data, language_of_task).instruction == "Perform the recorded task."


def test_every_arm_is_told_by_its_own_signals(data: h5py.Group) -> None:
    """A signal may end subtasks of both."""
    demo = data["demo_0"]
    demo.attrs["signals"] = '{"held": 2, "taken": 4}'
    assert runs(subtask_texts(TWO, demo)) == [
        ("left: Take the mug; right: Wait", 2),
        ("left: Hold the mug; right: Take the mug", 2),
        ("left: Let go; right: Take the mug", 2),
    ]
    demo.attrs["signals"] = '{"held": null, "taken": 4}'
    assert subtasks_at(TWO, demo) == {"left": 6 * ["Take the mug"], "right": 6 * ["Wait"]}


def test_it_agrees_with_the_index_that_a_run_writes(tmp_path: Path) -> None:
    parts, episode = Parts(tmp_path / "d.hdf5"), recorded_episodes()[0]
    parts.prepare()
    told = language_of_task(STACK)
    assert told is not None
    for number in (1, 4):
        attempt = attempt_of(number)
        parts.write(f"demo_{number}", complete(episode, attempt), attributes(episode, attempt))
    parts.fold({"env_name": STACK}, {LANGUAGE: told.plain()})
    with h5py.File(tmp_path / "d.hdf5") as file:
        assert language_of(file["data"]) == told
        for demo in file["data"].values():
            index = demo["subtask_index"][:]
            assert sorted(set(index)) == [0, 1, 2]
            assert subtask_texts(told, demo) == [told.subtasks["robot"][at] for at in index]


def test_files_of_isaac_lab_have_a_row_of_signals_a_step() -> None:
    told = language_of_task(STACK)
    assert told is not None
    with h5py.File(SHIPPED) as file:
        demo = file["data/demo_0"]
        by_attribute = subtask_texts(told, demo)
        assert [text for text, _ in runs(by_attribute)] == list(told.subtasks["robot"])
    with h5py.File(SHIPPED) as file, h5py.File("bare", "w", driver="core", backing_store=False) as bare:
        file.copy("data/demo_0", bare)
        del bare["demo_0"].attrs["signals"]
        assert subtask_texts(told, bare["demo_0"]) == by_attribute


def test_how_it_ended_is_told_with_the_reason(data: h5py.Group) -> None:
    demo = data["demo_0"]
    assert outcome_text(demo) == "not recorded"
    demo.attrs["success"] = True
    assert outcome_text(demo) == "success"
    demo.attrs["success"] = False
    assert outcome_text(demo) == "failure: the reason was not recorded"
    demo.attrs["record"] = json.dumps({"reason": "signal 'taken' never came in 386 steps"})
    assert outcome_text(demo) == "failure: signal 'taken' never came in 386 steps"


@pytest.mark.parametrize(
    "told",
    [
        None,
        "Stack.",
        {"instruction": "Stack."},
        {"instruction": "", "paraphrases": [], "subtasks": {}},
        {"instruction": "Stack.", "paraphrases": "Pile.", "subtasks": {}},
        {"instruction": "Stack.", "paraphrases": [3], "subtasks": {}},
        {"instruction": "Stack.", "paraphrases": [], "subtasks": {"robot": []}},
        {"instruction": "Stack.", "paraphrases": [], "subtasks": {"robot": [{"text": "Grasp"}]}},
        {"instruction": "Stack.", "paraphrases": [], "subtasks": {"robot": [{"text": "Grasp", "until": 3}]}},
    ],
)
def test_what_is_none_is_taken_for_none(told: Any) -> None:
    assert read_language(told) is None
    assert read_language(TWO.plain()) == TWO
