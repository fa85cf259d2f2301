from __future__ import annotations

from mimicgen.datagen.tasks.families import task_defaults


def test_a_task_may_have_defaults_of_its_own() -> None:
    assert task_defaults("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")["mimic.subtasks.stack_1.term_offset_low"] == 2
    assert task_defaults("Isaac-PickPlace-GR1T2-Abs-Mimic-v0") == {}
