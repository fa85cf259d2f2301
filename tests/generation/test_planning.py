"""Plans, against the functions of Isaac Lab that they are written after. Without a Kit application."""

from __future__ import annotations

import json

from tests.generation.running import python


def test_interpolation_is_isaac_labs() -> None:
    code = """
import json
import torch
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import isaaclab.utils.math as pose_math
from mimicgen.datagen.generation.interpolation import interpolated

torch.manual_seed(0)

def pose(turn):
    quaternion = torch.nn.functional.normalize(torch.tensor([0.0, 0.0, 0.0, 1.0]) + turn * torch.randn(4), dim=0)
    return pose_math.make_pose(torch.randn(3), pose_math.matrix_from_quat(quaternion))

worst = 0.0
for trial in range(60):
    turn = (1.0, 0.005)[trial % 2]  # the second is below what upstream interpolates
    begin, end, steps = pose(turn), pose(turn), 1 + trial % 25
    expected, _ = pose_math.interpolate_poses(begin, end, num_steps=steps)
    others = torch.stack([begin, end]), torch.stack([end, begin])
    found = interpolated(*others, steps)
    assert found.shape == (2, steps + 1, 4, 4)
    worst = max(worst, float((found[0] - expected[1:]).abs().max()))
print("RESULT", json.dumps(worst))
"""
    found = [line for line in python(code).splitlines() if line.startswith("RESULT")]
    assert json.loads(found[-1].removeprefix("RESULT")) <= 1e-6


def test_noise_is_what_is_drawn_step_by_step() -> None:
    code = """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import torch
from mimicgen.datagen.generation.interpolation import normals

same = []
for steps in (1, 2, 3, 90):
    torch.manual_seed(7)
    torch.randn(9)  # an odd number, of which torch keeps the other half of a pair
    state = torch.get_rng_state()
    expected = torch.stack([torch.randn(6) for _ in range(steps)])
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    same += [torch.equal(normals(steps, 6), expected), torch.equal(torch.get_rng_state(), after)]
print("RESULT", json.dumps(same))
"""
    found = [line for line in python("import json" + code).splitlines() if line.startswith("RESULT")]
    assert json.loads(found[-1].removeprefix("RESULT")) == [True] * 8
