"""What the preflight check asks of an open environment: what actions come back as, and how far the arms reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from isaaclab.envs import ManagerBasedRLMimicEnv
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.commands import Command, quaternions
from mimicgen.datagen.dataset.sources.reach import Arm
from mimicgen.datagen.tasks.catalogue import description_of


def round_trip_error(env: ManagerBasedRLMimicEnv, commands: Sequence[Command], action: NDArray[Any]) -> float:
    """Return the largest change of a component when an action becomes poses and an action again.

    The conversions start at the environment's present state.

    Args:
        env: The environment.
        commands: Which of an action's columns are quaternions; each may come back with the other sign.
        action: The action, shape (action_dim,).
    """
    with torch.inference_mode():
        given = torch.tensor(action, dtype=torch.float32, device=env.device)
        poses = {eef: pose[0] for eef, pose in env.action_to_target_eef_pose(given[None]).items()}
        grippers = {eef: gripper[0] for eef, gripper in env.actions_to_gripper_actions(given[None]).items()}
        back = env.target_eef_pose_to_action(poses, grippers, env_id=0).reshape(-1)
        for begin in quaternions(commands).values():
            own, came = given[begin : begin + 4], back[begin : begin + 4]
            if (came + own).abs().max() < (came - own).abs().max():
                back[begin : begin + 4] = -came
        return float((back - given).abs().max())


def arms_of(env: ManagerBasedRLMimicEnv) -> list[Arm]:
    """Return how far a task's arms reach; none where no file says which links they have."""
    found = description_of(env.cfg)
    if found is None or len(found.eefs) != len(env.cfg.subtask_configs):
        return []
    # A registered task may call its only end effector in another way than the file.
    names = found.eefs if found.eefs.keys() == env.cfg.subtask_configs.keys() else env.cfg.subtask_configs
    arms = []
    for name, eef in zip(names, found.eefs.values(), strict=True):
        robot = env.scene[eef.robot]
        positions = robot.data.body_pos_w.torch[0] - env.scene.env_origins[0]
        joints = torch.stack([positions[robot.body_names.index(link)] for link in eef.arm.links])
        tool = env.get_robot_eef_pose(name, env_ids=[0])[0, :3, 3]
        arms.append(
            Arm(
                shoulder=tuple(joints[0].tolist()),
                length={name: float(torch.cat([joints, tool[None]]).diff(dim=0).norm(dim=1).sum())},
                base=float(robot.data.root_pos_w.torch[0, 2] - env.scene.env_origins[0, 2]),
            )
        )
    return arms
