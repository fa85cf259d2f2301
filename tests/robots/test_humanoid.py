"""A humanoid: two arms of seven joints on a body that stands, from a model that is installed on demand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.generation.running import python

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("robosuite") is None, reason="no model is installed; ./scripts/setup.sh --with humanoid"
)

TASK = """
instruction = "Lift the cube."
[robots.robot]
robot = "gr1"
position = [0.0, 0.0, -0.09]
[objects.cube]
shapes = [{ shape = "box", size = [0.042, 0.042, 0.042] }]
position = [0.5, 0.4, 0.021]
[variants.d0]
[[subtasks.robot_left]]
object_ref = "cube"
[[subtasks.robot_right]]
object_ref = "cube"
[success]
is = "lifted"
object = "cube"
[cameras.front]
position = [1.9, 0.9, 0.9]
look_at = [0.1, 0.0, 0.1]
"""

CODE = """
import sys
sys.argv[1:] = sys.argv[2:]
import json, torch
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from isaaclab.utils.math import axis_angle_from_quat, matrix_from_quat, quat_from_angle_axis, quat_from_matrix
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.isaaclab.live_check import opened
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.tasks.defaults import build

with opened(build({"task": sys.argv[1], "physics": sys.argv[2], "num_envs": 1})) as environment, torch.inference_mode():
    env = environment.env
    Resets(env)({0: Streams(0, "cpu")})
    robot = env.scene["robot"]
    def hands():
        return {eef: env.get_robot_eef_pose(eef).clone() for eef in ("robot_left", "robot_right")}
    def off(targets):
        now = hands()
        turned = {eef: targets[eef][:, :3, :3] @ now[eef][:, :3, :3].transpose(1, 2) for eef in now}
        return {eef: [float((targets[eef] - now[eef])[0, :3, 3].norm()),
                      float(axis_angle_from_quat(quat_from_matrix(turned[eef])).norm())] for eef in now}
    def lead(targets, closed):
        for _ in range(60):
            actions = {eef: torch.tensor([-1.0 if eef == closed else 1.0]) for eef in targets}
            whole = {eef: target[0] for eef, target in targets.items()}
            environment.step(env.target_eef_pose_to_action(whole, actions, env_id=0)[None])
    start = hands()
    body = robot.find_joints(["torso_.*", "head_.*", "[lr]_leg_.*"])[0]
    told = {"joints": robot.num_joints, "body": len(body)}
    told["start"] = {eef: pose[0].tolist() for eef, pose in start.items()}
    # Left up and turned about its own z, right forwards and down, turned about the world's z.
    targets = {eef: pose.clone() for eef, pose in start.items()}
    targets["robot_left"][0, :3, 3] += torch.tensor([0.05, 0.05, 0.1])
    targets["robot_right"][0, :3, 3] += torch.tensor([0.08, 0.0, -0.05])
    turn = matrix_from_quat(quat_from_angle_axis(torch.tensor([0.4]), torch.tensor([[0.0, 0.0, 1.0]])))
    targets["robot_left"][:, :3, :3] = targets["robot_left"][:, :3, :3] @ turn
    targets["robot_right"][:, :3, :3] = turn @ targets["robot_right"][:, :3, :3]
    told["wanted"] = off(targets)
    lead(targets, "robot_left")
    told["both"] = off(targets)
    told["fingers"] = {eef: env.tools.fingers(eef)[0].tolist() for eef in start}
    alone = {"robot_left": start["robot_left"], "robot_right": targets["robot_right"]}
    lead(alone, "robot_left")
    told["alone"] = off(alone)
    told["still"] = float((robot.data.joint_pos.torch - robot.data.default_joint_pos.torch)[:, body].abs().max())
print("RESULT", json.dumps(told))
"""


def test_both_arms_follow_while_the_body_stands(tmp_path: Path) -> None:
    path = tmp_path / "hands.toml"
    path.write_text(TASK)
    (line,) = (own for own in python(CODE, tmp_path, path, "mujoco").splitlines() if own.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    assert (told["joints"], told["body"]) == (36, 18)
    left, right = (told["start"][eef] for eef in ("robot_left", "robot_right"))
    assert left[1][3] == pytest.approx(-right[1][3], abs=0.05), "they mirror each other, but for noise"
    assert left[1][3] > 0.1
    for where, turned in told["wanted"].values():
        assert where > 0.09
        assert turned > 0.39
    for stage in ("both", "alone"):
        for eef, (where, turned) in told[stage].items():
            assert where < 0.005, (stage, eef)
            assert turned < 0.03, (stage, eef)
    assert max(told["fingers"]["robot_left"]) < 0.005
    assert min(told["fingers"]["robot_right"]) > 0.035
    assert told["still"] < 0.005
