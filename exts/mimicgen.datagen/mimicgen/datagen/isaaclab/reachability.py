"""What the preflight check asks of an open environment: what actions come back as, and how far the arm reaches."""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.envs import ManagerBasedRLMimicEnv
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.reach import Arm
from mimicgen.datagen.tasks.catalogue import description_of


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
    """Return how far the robot of a task with one end effector reaches, None where no file says which links it has."""
    found = description_of(env.cfg)
    if found is None or len(found.eefs) != 1 or len(env.cfg.subtask_configs) != 1:
        return None
    (eef,), (name,) = found.eefs.values(), env.cfg.subtask_configs
    robot = env.scene[eef.robot]
    positions = robot.data.body_pos_w.torch[0] - env.scene.env_origins[0]
    joints = torch.stack([positions[robot.body_names.index(link)] for link in eef.arm.links])
    tool = env.get_robot_eef_pose(name, env_ids=[0])[0, :3, 3]
    return Arm(
        shoulder=tuple(joints[0].tolist()),
        length={name: float(torch.cat([joints, tool[None]]).diff(dim=0).norm(dim=1).sum())},
        base=float(robot.data.root_pos_w.torch[0, 2] - env.scene.env_origins[0, 2]),
    )
