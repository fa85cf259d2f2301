"""Plans, against the functions of Isaac Lab that they are written after. Without a Kit application."""

from __future__ import annotations

import json
from pathlib import Path

from tests.simulation.test_batched import result
from tests.simulation.test_physics import python


def test_interpolation_is_isaac_labs() -> None:
    code = """
import json
import torch
from mimicgen.datagen.simulation import kitless
kitless.teach_isaaclab()
import isaaclab.utils.math as pose_math
from mimicgen.datagen.simulation.planning import interpolated

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


def test_sources_are_chosen_as_isaac_labs_strategies_choose(tmp_path: Path) -> None:
    code = """
import numpy as np
import torch
import isaaclab.utils.math as pose_math
from isaaclab_mimic.datagen.datagen_info import DatagenInfo
from isaaclab_mimic.datagen.selection_strategy import make_selection_strategy
from mimicgen.datagen.simulation.planning import Request
from mimicgen.datagen.simulation.randomness import Streams

def pose():
    yaw = torch.rand(1) * 6.28
    half = torch.tensor([0.0, 0.0, torch.sin(yaw / 2), torch.cos(yaw / 2)])
    tilted = torch.nn.functional.normalize(half + 0.1 * torch.randn(4), dim=0)
    position = torch.tensor([0.5, 0.0, 0.1]) + torch.tensor([0.1, 0.2, 0.1]) * torch.randn(3)
    return pose_math.make_pose(position, pose_math.matrix_from_quat(tilted))

async def main():
    config = build({"source": sys.argv[2], "output_dataset": sys.argv[1] + "/g.hdf5", "output_dir": sys.argv[1],
                    "render.when": "never", "mimic.keep_clear": False})
    outputs = Outputs(config)
    async with open_simulation(config, outputs, stage) as generator:
        planner = generator._planner
        found = {}
        for name in ("random", "nearest_neighbor_object", "nearest_neighbor_robot_distance"):
            strategy, pairs = make_selection_strategy(name), []
            for subtask, cfg in enumerate(planner.subtasks):
                cfg.selection_strategy = name
                torch.manual_seed(subtask)
                requests = [Request(streams=Streams(0, "cpu"), subtask=subtask, boundaries=planner.boundaries(),
                                    before=None, eef_pose=pose(), object_poses={cfg.object_ref: pose()})
                            for _ in range(50)]
                for request, eligible in zip(requests, planner.eligible(requests), strict=True):
                    segments = [DatagenInfo(eef_pose=info.eef_pose[planner.eef][start:end],
                                            object_poses={cfg.object_ref: info.object_poses[cfg.object_ref][start:end]})
                                for info, (start, end) in zip(planner._infos, request.boundaries[:, subtask])]
                    options = {} if name == "random" else {"nn_k": 3}
                    torch.manual_seed(len(pairs))
                    expected = strategy.select_source_demo(eef_pose=request.eef_pose,
                        object_pose=request.object_poses[cfg.object_ref], src_subtask_datagen_infos=segments, **options)
                    torch.manual_seed(len(pairs))
                    pairs.append([int(expected), eligible[int(torch.randint(0, len(eligible), (1,)))]])
            found[name] = pairs
        print("RESULT", json.dumps(found))
    outputs.close()

asyncio.run(main())
"""
    found = result(code, tmp_path)
    assert len(found) == 3
    for name, pairs in found.items():
        assert len(pairs) == 200
        assert len({expected for expected, _ in pairs}) > 3, name
        assert [ours for _, ours in pairs] == [expected for expected, _ in pairs], name


def test_noise_is_what_is_drawn_step_by_step() -> None:
    code = """
from mimicgen.datagen.simulation import kitless
kitless.teach_isaaclab()
import torch
from mimicgen.datagen.simulation.planning import normals

same = []
for steps in (1, 2, 3, 90):
    torch.manual_seed(7)
    torch.randn(9)  # an odd number, of which torch keeps the other half of a pair
    state = torch.get_rng_state()
    expected = torch.stack([torch.randn(6) for _ in range(steps)])
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    same += [torch.equal(normals(steps), expected), torch.equal(torch.get_rng_state(), after)]
print("RESULT", json.dumps(same))
"""
    found = [line for line in python("import json" + code).splitlines() if line.startswith("RESULT")]
    assert json.loads(found[-1].removeprefix("RESULT")) == [True] * 8
