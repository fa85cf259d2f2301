"""Source demonstrations in upstream's pool, with poses that are none to the last bits."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import python

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
