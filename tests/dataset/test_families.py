from __future__ import annotations

from mimicgen.datagen.dataset.families import task_family


def test_variants_of_a_task_are_one_family() -> None:
    stack = task_family("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Blueprint-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos-Mimic-v0")
    assert stack == task_family("IsaacContrib-Stack-Cube-Franka-IK-Rel")
    assert stack != task_family("Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0")


def test_variants_of_a_task_by_file_are_one_family_however_it_is_named() -> None:
    assert task_family("stack_three") == "stack_three"
    assert {task_family(f"stack_three-d{number}-Mimic-v0") for number in range(3)} == {"stack_three"}
    assert task_family("mine/stack_three.toml") == "stack_three"
    assert task_family("Isaac-Reach-Mimic-v0") == "Reach"
