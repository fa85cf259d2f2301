"""What the preflight check asks of an open environment: what actions come back as, and how far the arm reaches."""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.envs import ManagerBasedRLMimicEnv
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.reach import Arm

ARM = [*(f"panda_link{index}" for index in range(2, 8)), "panda_hand"]
"""The Franka's links from the shoulder, which the second joint turns, to the hand."""


def round_trip_error(env: ManagerBasedRLMimicEnv, action: NDArray[Any]) -> float:
    """Return the largest change of a component when an action becomes a pose and an action again.

    The conversions start at the environment's present state.
    """
    with torch.inference_mode():
        given = torch.tensor(action, dtype=torch.float32, device=env.device)
        poses = {eef: pose[0] for eef, pose in env.action_to_target_eef_pose(given[None]).items()}
        grippers = {eef: gripper[0] for eef, gripper in env.actions_to_gripper_actions(given[None]).items()}
        back = env.target_eef_pose_to_action(poses, grippers, env_id=0).reshape(-1)
        errors = [(back - given).abs().max()]
        if "IK-Abs" in env.cfg.env_name:  # a quaternion may come back with the other sign
            turned = given.clone()
            turned[3:7] *= -1
            errors.append((back - turned).abs().max())
        return float(min(errors))


def arm_of(env: ManagerBasedRLMimicEnv) -> Arm | None:
    """Return how far the environment's Franka reaches, None for another robot."""
    robot = env.scene["robot"]
    if not set(ARM) <= set(robot.body_names):
        return None
    positions = robot.data.body_pos_w.torch[0] - env.scene.env_origins[0]
    joints = torch.stack([positions[robot.body_names.index(name)] for name in ARM])
    length: dict[str, float] = {}
    for eef in env.cfg.subtask_configs:
        tool = env.get_robot_eef_pose(eef, env_ids=[0])[0, :3, 3]
        length[eef] = float(torch.cat([joints, tool[None]]).diff(dim=0).norm(dim=1).sum())
    return Arm(
        shoulder=tuple(joints[0].tolist()),
        length=length,
        base=float(robot.data.root_pos_w.torch[0, 2] - env.scene.env_origins[0, 2]),
    )
