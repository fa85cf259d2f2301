"""Observations of a task by file, as terms of Isaac Lab. Positions in the environment's frame [m]."""

from __future__ import annotations

from typing import Any

import torch


def tool_position(env: Any, eef: str) -> torch.Tensor:
    """Where a tool is, shape (num_envs, 3)."""
    return env.tools.position(eef)


def tool_orientation(env: Any, eef: str) -> torch.Tensor:
    """How a tool is turned, a quaternion x, y, z, w, shape (num_envs, 4)."""
    return env.tools.orientation(eef)


def joint_positions(env: Any, robot: str) -> torch.Tensor:
    """How far a robot's joints are from home [rad, m], shape (num_envs, joints)."""
    data = env.scene[robot].data
    return data.joint_pos.torch - data.default_joint_pos.torch


def joint_velocities(env: Any, robot: str) -> torch.Tensor:
    """How fast a robot's joints move [rad/s, m/s], shape (num_envs, joints)."""
    return env.scene[robot].data.joint_vel.torch.clone()


def finger_positions(env: Any, eef: str) -> torch.Tensor:
    """Where the joints of a gripper are [m or rad], shape (num_envs, joints)."""
    return env.tools.fingers(eef)


def objects(env: Any) -> torch.Tensor:
    """Position and quaternion (x, y, z, w) of every object that may move, their parts' joints, ways from the tools.

    Shape (num_envs, 7 objects + joints + 3 objects end effectors).
    """
    origins = env.scene.env_origins
    poses = [env.scene[name].data.root_link_pose_w.torch for name in env.moving]
    positions = [pose[:, :3] - origins for pose in poses]
    told = [torch.cat([position, pose[:, 3:]], dim=1) for position, pose in zip(positions, poses, strict=True)]
    told += [env.scene[name].data.joint_pos.torch for name in env.jointed]
    for eef in env.cfg.subtask_configs:
        tool = env.tools.position(eef)
        told += [position - tool for position in positions]
    return torch.cat(told, dim=1)


def signal(env: Any, name: str) -> torch.Tensor:
    """Whether a subtask's signal is true, shape (num_envs,)."""
    return env.conditions().signals()[name]


def success(env: Any) -> torch.Tensor:
    """Whether the task is done, shape (num_envs,)."""
    return env.conditions().success()
