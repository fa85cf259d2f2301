"""Tasks in words: those that come along, those of Isaac Lab, and what AutoData's files add."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from mimicgen.datagen.tasks.beginning import BEGINNING
from mimicgen.datagen.tasks.catalogue import TASKS, load_task, names
from mimicgen.datagen.tasks.checks.checking import likely_mistakes
from mimicgen.datagen.tasks.language import language_of_file, language_of_task, spoken
from mimicgen.datagen.tasks.schema import Subtask
from tests.tasks.descriptors import stack, write

REGISTERED = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
OTHER = "Isaac-Somewhere-Mimic-v0"


@pytest.mark.parametrize("name", names())
def test_what_comes_along_says_everything_in_several_ways(name: str) -> None:
    found = load_task(TASKS / f"{name}.toml")
    told = language_of_file(found)
    assert len(told.paraphrases) >= 4
    sentences = (told.instruction, *told.paraphrases)
    assert len(set(sentences)) == len(sentences)
    assert all(text[0].isupper() and text.endswith(".") for text in sentences)
    assert set(told.subtasks) == set(found.eefs)
    assert all(text[0].isupper() and not text.endswith(".") for own in told.subtasks.values() for text in own)
    for own in found.task.subtasks.values():
        assert all(one.description for one in own)
        assert all(before.next_subtask_description in ("", one.description) for before, one in pairwise(own))


@pytest.mark.parametrize("name", names())
def test_colours_are_those_of_the_scene(name: str) -> None:
    """A cube is called by the colour that it has, not by the one of its class in segmentation."""
    task = load_task(TASKS / f"{name}.toml").task
    strongest = {"red": 0, "green": 1, "blue": 2}
    cubes = {key: own.shapes[0].colour or own.colour for key, own in task.objects.items() if "cube" in key}
    seen = {max(strongest, key=lambda name, rgb=rgb: rgb[strongest[name]]) for rgb in cubes.values()}  # type: ignore[misc]
    told = f"{task.instruction} {task.paraphrases} {task.subtasks}"
    named = {colour for colour in strongest if f"{colour} cube" in told}
    assert named == seen


def test_what_the_subtask_before_says_is_taken_and_what_nobody_says_is_counted() -> None:
    own = {
        "arm": (
            Subtask(description="Grasp the mug", next_subtask_description="Lift it", subtask_term_signal="held"),
            Subtask(subtask_term_signal="lifted", object_ref="mug"),
            Subtask(object_ref="shelf"),
        )
    }
    told = spoken(OTHER, own)
    assert told.instruction == f"Perform the task {OTHER}."
    assert told.subtasks == {"arm": ("Grasp the mug", "Lift it", "Subtask 3 of 3, relative to shelf")}
    assert told.signals == {"arm": ("held", "lifted", None)}


def test_a_registered_task_has_the_words_of_its_file_under_its_own_names() -> None:
    own = load_task(TASKS / "stack_three.toml").task.subtasks["robot"]
    bare = tuple(Subtask(subtask_term_signal=one.subtask_term_signal) for one in own)
    told = spoken(REGISTERED, {"franka": bare})
    known = language_of_task(REGISTERED)
    assert known is not None
    assert told.subtasks == {"franka": known.subtasks["robot"]}
    assert (told.instruction, told.paraphrases) == (known.instruction, known.paraphrases)


def test_a_task_file_of_autodata_has_the_last_word(tmp_path: Path) -> None:
    own = load_task(TASKS / "stack_three.toml").task.subtasks["robot"]
    said = stack() | {"description": " A tower, if you please. "}
    said["subtasks"]["franka"][2]["description"] = " "
    told = spoken(REGISTERED, {"franka": own}, write(tmp_path / "a.yaml", said))
    known = language_of_task(REGISTERED)
    assert known is not None
    assert told.instruction == "A tower, if you please."
    assert told.paraphrases == (known.instruction, *known.paraphrases)
    first, second, third, _ = told.subtasks["franka"]
    assert (first, second, third) == ("What is done with cube_2.", "What is done with cube_1.", "Grasp the green cube")
    assert spoken(OTHER, {"franka": own}, tmp_path / "a.yaml").paraphrases == ()
    silent = write(tmp_path / "b.yaml", said | {"description": ""})
    assert spoken(REGISTERED, {"franka": own}, silent).instruction == known.instruction


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('description = "Put the block on the pad"\n', "", "subtasks.robot[1] has no description"),
        ('description = "Grasp the block"', "#", "subtasks.robot[0] has no description"),
        (
            'description = "Grasp the block"',
            'next_subtask_description = "Go on"\ndescription = "Grasp the block"',
            "subtasks.robot[1].description = 'Put the block on the pad': the subtask before says 'Go on'",
        ),
    ],
)
def test_what_is_not_said_is_told(before: str, after: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = BEGINNING.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    (warning,) = likely_mistakes(load_task(path))
    assert warning.startswith(told)


def test_nothing_is_known_of_what_no_file_describes() -> None:
    assert language_of_task(OTHER) is None
