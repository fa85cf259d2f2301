from __future__ import annotations

from mimicgen.datagen.dataset.families import task_family


def test_variants_of_a_task_are_one_family() -> None:
    stack = task_family("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Blueprint-Mimic-v0")
    assert stack == task_family("Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos-Mimic-v0")
    assert stack == task_family("IsaacContrib-Stack-Cube-Franka-IK-Rel")
    assert stack != task_family("Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0")
