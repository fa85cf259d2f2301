from __future__ import annotations

from mimicgen.datagen.tasks.colours import class_colours


def test_a_described_task_has_the_colours_of_its_file_and_those_of_every_scene() -> None:
    found = class_colours("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0")
    assert found == class_colours("stack_three")
    assert found["cube_1"] == (255, 36, 66)
    assert found["table"] == (255, 237, 218)
    assert class_colours("Isaac-PickPlace-GR1T2-Abs-Mimic-v0") == {}
