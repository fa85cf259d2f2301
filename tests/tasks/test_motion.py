from __future__ import annotations

import pytest

from mimicgen.datagen.dataset.sources.commands import Command
from mimicgen.datagen.tasks.catalogue import load_task
from mimicgen.datagen.tasks.motion import commands_of, motion_of
from tests.conftest import PROJECT


@pytest.mark.parametrize(
    ("task", "arms", "relative"),
    [
        ("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0", 7, True),
        ("Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0", 7, False),
        ("Isaac-Lift-Cube-Franka-IK-Rel-v0", 7, True),
        ("stack_three-d1-Mimic-v0", 7, True),
        ("Isaac-Stack-Cube-Galbot-Left-Arm-Gripper-RmpFlow-v0", 0, False),
        ("/etc/passwd.toml", 0, False),
        ("", 0, False),
    ],
)
def test_what_a_tasks_name_tells_of_its_robot(task: str, arms: int, relative: bool) -> None:
    found = motion_of(task)
    assert len(found.speeds.get("robot", ())) == arms
    assert any(command.relative for command in found.commands) == relative


def test_the_actions_of_several_arms_follow_each_other() -> None:
    found = load_task(PROJECT / "tests" / "data" / "two_arms.toml")
    assert commands_of("two_arms-d0-Mimic-v0", found) == (
        Command(eef="near", robot="near", begin=0, relative=True),
        Command(eef="far", robot="far", begin=7, relative=True),
    )


def test_a_name_tells_nothing_of_two_hands_that_pink_moves() -> None:
    assert commands_of("Isaac-NutPour-GR1T2-Pink-IK-Abs-Mimic-v0", None) == ()
