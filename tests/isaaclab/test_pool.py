"""Source demonstrations in upstream's pool, with poses that are none to the last bits."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import python

LEFT_OUT = """
import json
from types import SimpleNamespace
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.config.sections import MimicConfig, SubtaskConfig
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.isaaclab.pool import SourcePool

pool = SourcePool.__new__(SourcePool)
pool.names = ["demo_0", "demo_1", "demo_10"]

def told(anew=True, per_arm=True, arms=("arm",), **mimic):
    signals = [SimpleNamespace(subtask_term_signal=signal) for signal in ("grasp", None)]
    options = SimpleNamespace(generation_select_src_per_subtask=anew, generation_select_src_per_arm=per_arm)
    cfg = SimpleNamespace(subtask_configs=dict.fromkeys(arms, signals), datagen_config=options)
    try:
        return {eef: [sorted(one) for one in own] for eef, own in pool.left_out(MimicConfig(**mimic), cfg).items()}
    except ConfigError as error:
        return str(error)

final = {"final": SubtaskConfig(leave_out=("demo_10",))}
print("RESULT", json.dumps({
    "nothing": told(),
    "all": told(leave_out=("demo_1",)),
    "one": told(leave_out=("demo_1",), subtasks=final),
    "once": told(anew=False, subtasks=final),
    "once for both": told(anew=False, per_arm=False, arms=("left", "right"),
                          subtasks={"left_grasp": SubtaskConfig(leave_out=("demo_0",))}),
    "for both": told(per_arm=False, arms=("left", "right"),
                     subtasks={"left_grasp": SubtaskConfig(leave_out=("demo_0",))}),
    "unknown": told(subtasks={"grasp": SubtaskConfig(leave_out=("demo_2",))}),
    "none left": told(leave_out=("demo_0", "demo_1", "demo_10")),
}))
"""

ROUNDED = """
import json, sys
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import torch
import isaaclab.utils.math as pose_math
from mimicgen.datagen.isaaclab.pool import rigid

# Two poses of demonstrations that are shipped, which are rounded to be small.
begin, end = torch.eye(4).repeat(2, 1, 1)
begin[:3, :3] = torch.tensor([
    [0.9056802988052368, -0.4240085482597351, -0.00455841887742281],
    [-0.4240085482597351, -0.9056802988052368, -0.001221541897393763],
    [-0.00360107421875, 0.0030517575796693563, -1.0],
])
end[:3, :3] = torch.tensor([
    [0.5413656830787659, 0.8407407999038696, -0.01072203554213047],
    [0.8407543301582336, -0.5414326190948486, -0.006167166866362095],
    [-0.010986328125, -0.00567626953125, -0.999908447265625],
])

def turn(begin, end):
    return pose_math.quat_from_matrix(end[:3, :3] @ begin[:3, :3].mT)

straight = rigid(torch.stack([begin, end]))
exact = pose_math.make_pose(torch.rand(50, 3), pose_math.matrix_from_quat(pose_math.random_orientation(50, "cpu")))
print("RESULT", json.dumps({
    "upstream": turn(begin, end).tolist(),
    "ours": turn(*straight).tolist(),
    "moved": float((straight - torch.stack([begin, end])).abs().max()),
    "exact": rigid(exact) is exact,
}))
"""


def test_a_rounded_rotation_turns_into_nothing_unless_it_is_straightened(tmp_path: Path) -> None:
    line = next(line for line in python(ROUNDED, tmp_path).splitlines() if line.startswith("RESULT "))
    found = json.loads(line.removeprefix("RESULT "))
    assert all(number != number for number in found["upstream"]), "upstream does without: take `rigid` out"
    assert abs(sum(number**2 for number in found["ours"]) - 1) < 1e-6
    assert 0 < found["moved"] < 1e-4
    assert found["exact"], "what is exact stays what it is, bit by bit"


def test_what_is_left_out_of_a_subtask_is_said_by_name(tmp_path: Path) -> None:
    line = next(line for line in python(LEFT_OUT, tmp_path).splitlines() if line.startswith("RESULT "))
    found = json.loads(line.removeprefix("RESULT "))
    assert found["nothing"] == {"arm": [[], []]}
    assert found["all"] == {"arm": [[1], [1]]}
    assert found["one"] == {"arm": [[1], [2]]}, "a subtask's own instead of all subtasks'"
    assert found["once"] == {"arm": [[2], [2]]}, "one demonstration is followed for both"
    assert found["once for both"] == {"left": [[0], [0]], "right": [[0], [0]]}
    assert found["for both"] == found["once for both"], "upstream chooses once then, too"
    unknown = "mimic.leave_out for 'grasp': there is no usable source demonstration 'demo_2'"
    assert found["unknown"] == f"{unknown}; there are demo_0, demo_1, demo_10"
    assert found["none left"].startswith("mimic.leave_out leaves none of the source demonstrations demo_0, demo_1")
