"""Functions that `isaaclab_mimic` calls for coordinated subtasks, and that `isaaclab.utils.math` lacks.

`get_delta_pose_with_scheme` wants `get_delta_object_pose` for the scheme `transform`, and `add_uniform_noise_to_pose`
for noise on any scheme. Isaac Lab 3.0.0 has neither, so upstream's generator ends with an `AttributeError` there. What
the first returns follows from its use; how the second draws is known from its name and arguments alone.

Upstream: https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_mimic/isaaclab_mimic/datagen/data_generator.py
"""

from __future__ import annotations

import isaaclab.utils.math as pose_math
import torch


def get_delta_object_pose(pose: torch.Tensor, source_pose: torch.Tensor) -> torch.Tensor:
    """Return what moves an object from its pose in the source to its present one, `world_from_world`, shape (4, 4)."""
    return pose @ pose_math.pose_inv(source_pose[None])[0]


def add_uniform_noise_to_pose(
    position: torch.Tensor, rotation: torch.Tensor, position_scale: float, rotation_scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a pose with noise, drawn from torch's random numbers: six, uniform on both sides of zero.

    Args:
        position: Shape (3,) [m].
        rotation: Shape (3, 3).
        position_scale: Largest deviation along each axis [m].
        rotation_scale: Largest roll, pitch and yaw, about the world's axes [rad].
    """
    drawn = 2.0 * torch.rand(6, device=position.device) - 1.0
    turn = pose_math.matrix_from_quat(pose_math.quat_from_euler_xyz(*(drawn[3:, None] * rotation_scale)))[0]
    return position + drawn[:3] * position_scale, turn @ rotation


def complete() -> None:
    """Give `isaaclab.utils.math` what it lacks; what it has stays."""
    for function in (get_delta_object_pose, add_uniform_noise_to_pose):
        if not hasattr(pose_math, function.__name__):
            setattr(pose_math, function.__name__, function)
