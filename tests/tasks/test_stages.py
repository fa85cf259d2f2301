from __future__ import annotations

from mimicgen.datagen.tasks import conditions as stated
from mimicgen.datagen.tasks.catalogue import described, names
from mimicgen.datagen.tasks.predicates import stages


def test_a_grasp_is_a_stage_when_it_has_lifted_something() -> None:
    found = described("stack_three")
    assert found is not None
    told = stages.staged(found)
    assert stages.in_order(told) == dict.fromkeys(("grasp_1_lifted", "stack_1", "grasp_2_lifted"), "robot")
    both = told.task.signals["grasp_1_lifted"]
    assert isinstance(both, stated.All)
    assert both.of == (found.task.signals["grasp_1"], stated.Lifted(object="cube_2"))
    assert told.task.signals["stack_1"] is found.task.signals["stack_1"]
    assert told.task.success is found.task.success


def test_every_task_that_comes_along_has_as_many_stages_as_signals() -> None:
    for name in names():
        found = described(name)
        assert found is not None
        assert [own.removesuffix("_lifted") for own in stages.in_order(stages.staged(found))] == [
            *stages.in_order(found)
        ]
