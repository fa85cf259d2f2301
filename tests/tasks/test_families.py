from __future__ import annotations

from mimicgen.datagen.tasks.families import task_defaults, task_family


def test_variants_of_a_task_are_one_family() -> None:
    stack = task_family("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Blueprint-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos-Mimic-v0")
    assert stack == task_family("IsaacContrib-Stack-Cube-Franka-IK-Rel")
    assert stack != task_family("Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0")


def test_a_task_may_have_defaults_of_its_own() -> None:
    assert task_defaults("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")["mimic.subtasks.stack_1.term_offset_low"] == 2
    assert task_defaults("Isaac-PickPlace-GR1T2-Abs-Mimic-v0") == {}
