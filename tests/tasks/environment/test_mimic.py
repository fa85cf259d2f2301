"""A task by file as an environment: where attempts start, what it says of itself, and what stands still in it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.generation.running import python

ENGINES = [
    "mujoco",
    pytest.param(
        "physx",
        marks=pytest.mark.skipif(importlib.util.find_spec("ovphysx") is None, reason="PhysX is not installed"),
    ),
]

TASK = """
instruction = "Put the can on the coaster."
[robots.robot]
robot = "franka_panda"
[objects.can]
shapes = [{ shape = "cylinder", radius = 0.03, height = 0.1 }]
position = [0.45, -0.18, 0.05]
[objects.coaster]
shapes = [{ shape = "cylinder", radius = 0.055, height = 0.01 }]
movable = false
position = [0.5, 0.16, 0.005]
[objects.wall]
shapes = [{ shape = "box", size = [0.3, 0.02, 0.12] }]
movable = false
position = [0.5, 0.3, 0.06]
[variants.d0]
separation = 0.2
[variants.d0.start]
can = { x = [0.4, 0.6], y = [-0.2, 0.2], yaw = [-1.0, 1.0] }
coaster = { x = [0.4, 0.6], y = [-0.2, 0.2] }
[[subtasks.robot]]
object_ref = "can"
subtask_term_signal = "grasp"
[[subtasks.robot]]
object_ref = "coaster"
[signals]
grasp = { is = "grasped", object = "can" }
[success]
is = "all"
of = [{ is = "on_top", object = "can", of = "coaster" }, { is = "gripper_open" }, { is = "at_rest", object = "can" }]
[cameras.front]
position = [1.5, 0.5, 0.8]
look_at = [0.45, 0.0, 0.05]
"""

CODE = """
import json, sys, torch
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.isaaclab.live_check import opened
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.tasks.defaults import build

told = {}
with opened(build({"task": sys.argv[1], "physics": sys.argv[2], "num_envs": 4}, kind=Record)) as environment:
    env = environment.env
    with torch.inference_mode():
        reset = Resets(env)
        told["draws_on"] = reset.draws_on
        reset({number: Streams(number, "cpu") for number in range(4)})
        def places(name):
            return env.get_object_poses()[name][:, :3, 3].tolist()
        told["starts"] = {name: places(name) for name in ("can", "coaster", "wall")}
        reset({2: Streams(0, "cpu")})
        told["again"] = places("can")
        told["names"] = [env.cfg.env_name, list(env.obs_buf["policy"]), list(env.get_subtask_term_signals())]
        # An action becomes a pose and an action again.
        action = torch.tensor([[0.02, -0.01, 0.03, 0.1, -0.2, 0.05, 1.0]]).repeat(4, 1)
        poses = env.action_to_target_eef_pose(action)["robot"]
        grippers = env.actions_to_gripper_actions(action)
        back = env.target_eef_pose_to_action({"robot": poses[1]}, {"robot": grippers["robot"][1]}, env_id=1)
        told["round_trip"] = float((back - action[1]).abs().max())
        # What is put onto the coaster, which cannot be pushed, stays there.
        coaster = env.get_object_poses()["coaster"][:, :3, 3]
        pose = torch.cat([coaster + torch.tensor([0.0, 0.0, 0.059]), torch.tensor([[0.0, 0, 0, 1]] * 4)], dim=1)
        can = env.scene["can"]
        can.write_root_pose_to_sim_index(root_pose=pose + torch.cat([env.scene.env_origins, torch.zeros(4, 4)], dim=1),
                                         env_ids=torch.arange(4))
        can.write_root_velocity_to_sim_index(root_velocity=torch.zeros(4, 6), env_ids=torch.arange(4))
        stay = torch.zeros(4, 7)
        stay[:, -1] = 1.0
        told["before"] = [bool(value) for value in environment.succeeded]
        for _ in range(12):
            environment.step(stay)
            environment.update_success()
        told["success"] = environment.succeeded.tolist()
        told["heights"] = [place[2] for place in places("can")]
        told["coaster_moved"] = float((env.get_object_poses()["coaster"][:, :3, 3] - coaster).abs().max())
print("RESULT", json.dumps(told))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_file_says_is_what_there_is(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "can_on_coaster.toml"
    path.write_text(TASK)
    output = python("import sys\nsys.argv[1:] = sys.argv[2:]\n" + CODE, tmp_path, path, engine)
    (line,) = (line for line in output.splitlines() if line.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    starts = told["starts"]
    for can, coaster in zip(starts["can"], starts["coaster"], strict=True):
        for x, y, _ in (can, coaster):
            assert 0.4 <= x <= 0.6
            assert -0.2 <= y <= 0.2
        assert ((can[0] - coaster[0]) ** 2 + (can[1] - coaster[1]) ** 2) ** 0.5 >= 0.2
    assert len({tuple(can) for can in starts["can"]}) == 4, "every environment draws its own"
    assert starts["wall"] == [pytest.approx([0.5, 0.3, 0.06])] * 4
    assert told["draws_on"] == "cpu", "the streams of the attempts decide"
    assert told["again"][2] == pytest.approx(starts["can"][0]), "the same stream starts it at the same place"
    assert told["again"][1] == pytest.approx(starts["can"][1]), "and the neighbours stay"
    name, observed, signals = told["names"]
    assert name == "can_on_coaster-d0-Mimic-v0"
    assert {"actions", "joint_pos", "joint_vel", "object", "eef_pos", "eef_quat", "gripper_pos"} == set(observed)
    assert signals == ["grasp"]
    assert told["round_trip"] < 1e-5
    assert told["before"] == [False] * 4
    assert told["success"] == [True] * 4
    assert told["heights"] == pytest.approx([0.06] * 4, abs=1e-3)
    assert told["coaster_moved"] < 1e-5
