"""Actions that lead a hand to where it is wanted, in all environments at once."""

from __future__ import annotations

import isaaclab.utils.math as pose_math
import torch


def relative_actions(
    targets: torch.Tensor, grippers: torch.Tensor, noise: torch.Tensor, eef_poses: torch.Tensor
) -> torch.Tensor:
    """Return the relative actions that lead from the hands' poses to their targets, in all environments at once.

    What `target_eef_pose_to_action` of Isaac Lab's Mimic environments with relative inverse kinematics does, over the
    environments (https://github.com/isaac-sim/IsaacLab, `isaaclab_mimic/envs`).

    Args:
        targets: `world_from_eef` to reach, shape (num_envs, 4, 4).
        grippers: Gripper actions, shape (num_envs, gripper_dim).
        noise: What is added to the poses' actions, shape (num_envs, 6).
        eef_poses: `world_from_eef` now, shape (num_envs, 4, 4).

    Returns:
        Position, axis-angle and gripper, shape (num_envs, 6 + gripper_dim).
    """
    positions, rotations = pose_math.unmake_pose(eef_poses)
    target_positions, target_rotations = pose_math.unmake_pose(targets)
    turns = pose_math.quat_from_matrix(products(target_rotations, rotations.transpose(-1, -2)))
    moves = torch.cat([target_positions - positions, pose_math.axis_angle_from_quat(turns)], dim=-1)
    return torch.cat([torch.clamp(moves + noise, -1.0, 1.0), grippers], dim=-1)


def products(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the products of matrices, shapes (num_envs, ..., 3, 3) and (num_envs, 3, 3).

    On the host one by one: a batch is rounded otherwise than a matrix alone on some processors, and contacts make 1e-5
    of 1e-9 within an attempt, which would then depend on the environments beside it.
    """
    if first.is_cuda:
        return first.matmul(second)
    return torch.stack([one.matmul(other) for one, other in zip(first, second, strict=True)])
