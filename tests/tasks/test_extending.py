"""Tasks that extend another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.tasks.catalogue import TASKS, load_task
from mimicgen.datagen.tasks.conditions import GripperOpen


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_it_is_the_other_but_for_what_it_says(tmp_path: Path) -> None:
    text = """
extends = "stack"
robots.robot.yaw = 0.5
[objects.red_cube]
mass = 0.2
[variants.d0.start]
red_cube = { x = [0.5, 0.6] }
[success]
is = "gripper_open"
"""
    mine, other = load_task(written(tmp_path, text)), load_task(TASKS / "stack.toml")
    assert mine.name == "mine"
    assert mine.task.robots["robot"].robot == other.task.robots["robot"].robot
    assert mine.task.robots["robot"].yaw == 0.5
    red, was = mine.task.objects["red_cube"], other.task.objects["red_cube"]
    assert (red.mass, red.shapes, red.colour) == (0.2, was.shapes, was.colour)
    start = mine.task.variants["d0"].start
    assert start["red_cube"].x == (0.5, 0.6), "a list takes the other's place"
    assert start["red_cube"].y == other.task.variants["d0"].start["red_cube"].y
    assert start["green_cube"] == other.task.variants["d0"].start["green_cube"]
    assert isinstance(mine.task.success, GripperOpen), "a condition takes the other's place"
    assert (mine.task.expert, mine.task.subtasks, mine.task.cameras) == (
        other.task.expert,
        other.task.subtasks,
        other.task.cameras,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "stak"', ("extends = 'stak'", "did you mean 'stack'?")),
        ("extends = 3", ("extends = 3", "no such task", "stack")),
        ('extends = ["stack"]', ("extends = ['stack']", "no such task")),
        ('extends = "../tasks/stack"', ("extends = '../tasks/stack'", "no such task")),
        ('extends = "stack_ur10"', ("it extends 'stack' itself", "extend that one")),
        ('extends = "stack"\n[objects.red_cube]\nmas = 1.0', ("'objects.red_cube.mas'", "did you mean 'mass'?")),
        ('extends = "stack"\nobjects = 3', ("objects = 3", "expected a table")),
        ('extends = "stack"\n[robots.other]\nyaw = 0.1', ("robots.other.robot is missing",)),
    ],
)
def test_what_is_wrong_is_told(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(TaskError) as raised:
        load_task(written(tmp_path, text))
    message = str(raised.value)
    assert "mine.toml" in message
    assert all(word in message for word in words), message
