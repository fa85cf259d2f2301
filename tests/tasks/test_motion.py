from __future__ import annotations

import pytest

from mimicgen.datagen.tasks.motion import motion_of


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
    assert found.relative == relative
