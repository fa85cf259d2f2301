"""Ways from one pose to another, and the noise on them, as `isaaclab_mimic` has them, without its loops."""

from __future__ import annotations

import isaaclab.utils.math as pose_math
import torch

from mimicgen.datagen.robots.actions import products


def normals(steps: int, numbers: int, generator: torch.Generator | None = None) -> torch.Tensor:
    """Draw what `torch.randn` gives for fewer than sixteen numbers at a time: shape (steps, numbers).

    More are drawn in another way, but not where they do not lie together.

    Args:
        steps: How often.
        numbers: How many each time.
        generator: From which; None for the process's own.
    """
    return torch.empty(numbers * steps, 2)[:, 0].normal_(generator=generator).reshape(steps, numbers)


def interpolated(begins: torch.Tensor, ends: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the poses after each beginning on the straight way to its end, and the end.

    `isaaclab.utils.math.interpolate_poses` without its loops over the steps.

    Args:
        begins: Shape (n, 4, 4).
        ends: Shape (n, 4, 4).
        steps: How many there are between the two.

    Returns:
        Shape (n, steps + 1, 4, 4).
    """
    count, parts = len(begins), steps + 1
    positions, rotations = pose_math.unmake_pose(begins)
    end_positions, end_rotations = pose_math.unmake_pose(ends)
    grid = torch.arange(1, parts, dtype=torch.float32)
    way = positions[:, None] + grid[:, None] * ((end_positions - positions) / parts)[:, None]
    turns = pose_math.axis_angle_from_quat(
        pose_math.quat_from_matrix(products(end_rotations, rotations.transpose(-1, -2)))
    )
    angles = torch.linalg.norm(turns, dim=-1, keepdim=True)
    axes = (turns / angles)[:, None].expand(count, steps, 3)
    quaternions = pose_math.quat_from_angle_axis((grid * (angles / parts)).reshape(-1), axes.reshape(-1, 3))
    turned = products(pose_math.matrix_from_quat(quaternions).reshape(count, steps, 3, 3), rotations[:, None])
    # Smaller turns are not interpolated, says upstream.
    turned = torch.where((angles < 0.05)[..., None, None], end_rotations[:, None], turned)
    return pose_math.make_pose(
        torch.cat([way, end_positions[:, None]], dim=1), torch.cat([turned, end_rotations[:, None]], dim=1)
    )
