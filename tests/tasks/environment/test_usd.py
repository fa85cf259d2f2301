"""Objects as USD: parts slide in their joints wherever the object stands; what has several shapes is met by each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.generation.running import python
from tests.tasks.environment.test_mimic import ENGINES

TASK = """
instruction = "Put the cube into the drawer."
[robots.robot]
robot = "franka_panda"
[objects.chest]
shapes = [
    { shape = "box", size = [0.2, 0.2, 0.01], position = [0.0, 0.0, 0.005] },
    { shape = "box", size = [0.2, 0.2, 0.01], position = [0.0, 0.0, 0.075] },
]
movable = false
position = [0.7, 0.0, 0.0]
[objects.chest.parts.drawer]
shapes = [{ shape = "box", size = [0.2, 0.2, 0.01] }]
joint = { kind = "slide", axis = "x", position = [0.0, 0.0, 0.02], low = -0.15, high = 0.0, friction = 0.5 }
[objects.cube]
shapes = [{ shape = "box", size = [0.03, 0.03, 0.03] }]
position = [0.4, -0.3, 0.015]
[objects.ring]
shapes = [
    { shape = "box", size = [0.02, 0.08, 0.02], position = [0.03, 0.0, 0.0] },
    { shape = "box", size = [0.02, 0.08, 0.02], position = [-0.03, 0.0, 0.0] },
    { shape = "box", size = [0.04, 0.02, 0.02], position = [0.0, 0.03, 0.0] },
    { shape = "box", size = [0.04, 0.02, 0.02], position = [0.0, -0.03, 0.0] },
]
position = [0.35, 0.3, 0.12]
[objects.post]
shapes = [{ shape = "box", size = [0.03, 0.03, 0.1] }]
movable = false
position = [0.35, 0.3, 0.05]
[variants.d0.start]
chest = { x = [0.6, 0.7], y = [-0.1, 0.1], yaw = [-0.5, 0.5], joints.drawer = [-0.14, -0.12] }
[[subtasks.robot]]
object_ref = "cube"
[success]
is = "all"
of = [
    { is = "inside", object = "cube", of = "chest", size = [0.2, 0.2, 0.08], centre = [0.0, 0.0, 0.04] },
    { is = "joint_beyond", object = "chest", part = "drawer", above = -0.02 },
]
[cameras.front]
position = [1.5, 0.5, 0.8]
look_at = [0.45, 0.0, 0.05]
"""

CODE = """
import json, sys, torch
sys.argv[1:] = sys.argv[2:]
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from isaaclab.utils.math import combine_frame_transforms, subtract_frame_transforms
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.isaaclab.live_check import opened
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.tasks.defaults import build

told = {}
with opened(build({"task": sys.argv[1], "physics": sys.argv[2], "num_envs": 3}, kind=Record)) as environment:
    env = environment.env
    with torch.inference_mode():
        Resets(env)({number: Streams(number, "cpu") for number in range(3)})
        chest, cube = env.scene["chest"], env.scene["cube"]
        ids, stay = torch.arange(3), torch.zeros(3, 7)
        stay[:, -1] = 1.0

        def steps(count):
            for _ in range(count):
                environment.step(stay)
                environment.update_success()

        def of_chest(asset):
            own, base = asset.data.root_link_pose_w.torch, chest.data.root_link_pose_w.torch
            return subtract_frame_transforms(base[:, :3], base[:, 3:], own[:, :3], own[:, 3:])[0]

        def place_cube(x):
            base = chest.data.root_link_pose_w.torch
            where = combine_frame_transforms(base[:, :3], base[:, 3:], torch.tensor([[x, 0.0, 0.045]] * 3), base[:, 3:])
            cube.write_root_pose_to_sim_index(root_pose=torch.cat([where[0], base[:, 3:]], dim=1), env_ids=ids)
            cube.write_root_velocity_to_sim_index(root_velocity=torch.zeros(3, 6), env_ids=ids)

        told["places"] = env.get_object_poses()["chest"][:, :3, 3].tolist()
        told["began"] = chest.data.joint_pos.torch[:, 0].tolist()
        place_cube(-0.15)
        steps(12)
        told["stayed"] = chest.data.joint_pos.torch[:, 0].tolist()
        told["in the drawer"] = of_chest(cube).tolist()
        told["open"] = environment.succeeded.tolist()
        for _ in range(12):
            chest.write_joint_velocity_to_sim_index(velocity=torch.full((3, 1), 0.6), env_ids=ids)
            steps(2)
        told["pushed"] = chest.data.joint_pos.torch[:, 0].tolist()
        told["carried"] = of_chest(cube).tolist()
        drawers = env.get_object_poses()["chest_drawer"][:, :3, 3] - env.get_object_poses()["chest"][:, :3, 3]
        told["drawers"] = drawers.norm(dim=1).tolist()
        told["shut"] = environment.succeeded.tolist()
        told["still"] = env.get_object_poses()["chest"][:, :3, 3].tolist()
        told["ring"] = env.get_object_poses()["ring"][:, :3, 3].tolist()
print("RESULT", json.dumps(told))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_drawer_slides_and_carries_and_a_ring_falls_over_a_post(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "chest.toml"
    path.write_text(TASK)
    output = python(CODE, tmp_path, path, engine)
    (line,) = (line for line in output.splitlines() if line.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    assert len({tuple(place) for place in told["places"]}) == 3, "every environment has its own place for it"
    assert told["still"] == [pytest.approx(place, abs=1e-4) for place in told["places"]]
    assert all(-0.14 <= position <= -0.12 for position in told["began"])
    assert told["stayed"] == pytest.approx(told["began"], abs=2e-3), "friction holds it"
    assert told["in the drawer"] == [pytest.approx([-0.15, 0.0, 0.04], abs=3e-3)] * 3, "on the drawer's floor"
    assert told["open"] == [False] * 3
    assert told["pushed"] == pytest.approx([0.0] * 3, abs=0.015), "up to its limit, off which it springs a little"
    assert all(carried[0] > -0.12 for carried in told["carried"]), "what lies in it comes along"
    assert told["drawers"] == pytest.approx([0.02] * 3, abs=8e-3)
    assert told["shut"] == [True] * 3
    assert told["ring"] == [pytest.approx([0.35, 0.3, 0.01], abs=6e-3)] * 3, "around the post, on the table"
