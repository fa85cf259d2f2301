"""Stretches that are cut short. What they are against Isaac Lab's generator is in `test_constraints.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.generation.running import python

TAKEN = """
import json
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from isaaclab.envs import SubTaskConstraintConfig, SubTaskConstraintType
from mimicgen.datagen.generation.timing import Timing

def taken(most, waits):
    # All steps of two hands of two subtasks each, the second hand's second one after the first's first.
    constraint = SubTaskConstraintConfig(
        eef_subtask_constraint_tuple=[("right", 0), ("left", 1)],
        constraint_type=SubTaskConstraintType.SEQUENTIAL,
        sequential_min_time_diff=3,
    )
    timing = Timing({"right": 2, "left": 2}, constraint.generate_runtime_subtask_constraints() if waits else {})
    lengths = {("right", 0): 20, ("right", 1): 6, ("left", 0): 5, ("left", 1): 9}
    rows = []
    while not timing.done:
        for eef in timing.due:
            timing.begin(eef, lengths[eef, timing.subtask[eef]])
        rows += timing.stretch(most).tolist()
    return rows

for waits in (False, True):
    print("RESULT", json.dumps({str(most): taken(most, waits) for most in (None, 1, 2, 7)}))
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[list[int]]]]:
    """Without and with waiting: all steps, by how long a stretch is at most."""
    printed = python(TAKEN, tmp_path_factory.mktemp("timing")).splitlines()
    return [json.loads(line.removeprefix("RESULT")) for line in printed if line.startswith("RESULT")]


@pytest.mark.parametrize("waits", [False, True])
def test_in_short_stretches_the_steps_are_the_same(taken: list[dict[str, list[list[int]]]], *, waits: bool) -> None:
    found = taken[waits]
    whole = found.pop("None")
    assert len(whole) == 26
    assert np.array(whole).max() == 19
    assert [*found.values()] == [whole] * 3
