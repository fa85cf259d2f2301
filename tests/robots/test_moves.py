"""How hands get to where they are wanted, in one kernel, against `Control`. Without a Kit application."""

from __future__ import annotations

import json

from tests.generation.running import python

CODE = """
import json
import isaaclab.utils.math as pose_math
import torch
import warp as wp
from mimicgen.datagen.robots.actions import Control
from mimicgen.datagen.robots.moves import Moves

wp.config.quiet = True
torch.manual_seed(0)
count = 500

def poses(turns):
    axes = torch.nn.functional.normalize(torch.randn(len(turns), 3), dim=1)
    quaternions = pose_math.quat_from_angle_axis(turns, axes)
    return pose_math.make_pose(torch.randn(len(turns), 3), pose_math.matrix_from_quat(quaternions)), quaternions

hands, quaternions = poses(3 * torch.rand(count))
turned, _ = poses(torch.cat([torch.zeros(50), 1e-4 * torch.rand(50), 3.1 * torch.rand(count - 100)]))
targets = turned @ hands
rows = torch.cat([targets.reshape(count, 16), torch.randn(count, 3)], dim=1)  # as they come: a part of wider rows
base = poses(torch.tensor([0.7]))[0][0]
told = []
for own in (None, base):
    control = Control(kind="relative_ik", base=own)
    expected = control._relative(targets, hands)
    for sign in (1, -1):
        found = Moves(own)(rows[:, :16].reshape(-1, 4, 4), hands[:, :3, 3], sign * quaternions)
        told.append([float((found - expected).abs().max()), float(expected[:, 3:].norm(dim=1).max())])
print("RESULT", json.dumps(told))
"""


def test_moves_and_turns_are_those_of_the_controls() -> None:
    line = next(line for line in python(CODE).splitlines() if line.startswith("RESULT "))
    for apart, turned in json.loads(line.removeprefix("RESULT ")):
        assert apart < 1e-5
        assert turned > 3
