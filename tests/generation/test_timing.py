"""Stretches that are cut short. What they are against Isaac Lab's generator is in `test_constraints.py`."""

from __future__ import annotations

import numpy as np
import pytest
from isaaclab.envs import SubTaskConstraintConfig, SubTaskConstraintType

from mimicgen.datagen.generation.timing import Timing


def taken(most: int | None, *, waits: bool) -> list[list[int]]:
    """All steps of two hands of two subtasks each, the second hand's second one after the first's first."""
    constraint = SubTaskConstraintConfig(
        eef_subtask_constraint_tuple=[("right", 0), ("left", 1)],
        constraint_type=SubTaskConstraintType.SEQUENTIAL,
        sequential_min_time_diff=3,
    )
    timing = Timing({"right": 2, "left": 2}, constraint.generate_runtime_subtask_constraints() if waits else {})
    lengths = {("right", 0): 20, ("right", 1): 6, ("left", 0): 5, ("left", 1): 9}
    rows: list[list[int]] = []
    while not timing.done:
        for eef in timing.due:
            timing.begin(eef, lengths[eef, timing.subtask[eef]])
        rows += timing.stretch(most).tolist()
    return rows


@pytest.mark.parametrize("waits", [False, True])
def test_in_short_stretches_the_steps_are_the_same(waits: bool) -> None:
    whole = taken(None, waits=waits)
    assert len(whole) == 26
    assert np.array(whole).max() == 19
    for most in (1, 2, 7):
        assert taken(most, waits=waits) == whole, most
