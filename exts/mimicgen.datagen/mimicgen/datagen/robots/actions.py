"""Actions that lead a hand to where it is wanted, in all environments at once.

What `target_eef_pose_to_action` of Isaac Lab's Mimic environments with inverse kinematics does for one environment
(https://github.com/isaac-sim/IsaacLab, `isaaclab_mimic/envs`), and its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import isaaclab.utils.math as pose_math
import torch


@dataclass(frozen=True, kw_only=True)
class Control:
    """How an arm is told where its hand is to be.

    Attributes:
        kind: Differential inverse kinematics, with poses relative to where the hand is, or absolute ones.
        base: `world_from_base`, the frame in which the controller takes poses, shape (4, 4); None where it is the
            environment's.
        point: Point that the controller moves, in the end effector's frame [m], shape (3,); None for that frame's
            origin. Relative poses are taken as if it were.
    """

    kind: Literal["relative_ik", "absolute_ik"]
    base: torch.Tensor | None = None
    point: torch.Tensor | None = None

    @property
    def width(self) -> int:
        """Numbers that say a pose: position and axis-angle, or position and quaternion x, y, z, w."""
        return 6 if self.kind == "relative_ik" else 7

    def actions(
        self, targets: torch.Tensor, grippers: torch.Tensor, noise: torch.Tensor, eef_poses: torch.Tensor
    ) -> torch.Tensor:
        """Return the actions that lead from the hands' poses to their targets.

        Args:
            targets: `world_from_eef` to reach, shape (num_envs, 4, 4).
            grippers: Gripper actions, shape (num_envs, gripper_dim).
            noise: What is added to the poses' actions, shape (num_envs, width).
            eef_poses: `world_from_eef` now, shape (num_envs, 4, 4).

        Returns:
            Pose and gripper, shape (num_envs, width + gripper_dim).
        """
        moves = self._relative(targets, eef_poses) if self.kind == "relative_ik" else self._absolute(targets)
        return self.told(moves, grippers, noise)

    def told(self, moves: torch.Tensor, grippers: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return actions of what a pose's part of them is without noise, shape (num_envs, width); else as `actions`."""
        moves = moves + noise
        if self.kind == "relative_ik":
            moves = torch.clamp(moves, -1.0, 1.0)
        return torch.cat([moves, grippers], dim=-1)

    def targets(self, actions: torch.Tensor, eef_poses: torch.Tensor) -> torch.Tensor:
        """Return the poses that actions lead to: the inverse of `actions`.

        Args:
            actions: The pose's part of them, shape (num_envs, width).
            eef_poses: `world_from_eef` as they are given, shape (num_envs, 4, 4).

        Returns:
            `world_from_eef`, shape (num_envs, 4, 4).
        """
        if self.kind == "absolute_ik":
            rotations = pose_math.matrix_from_quat(actions[:, 3:])
            positions = actions[:, :3]
            if self.point is not None:
                positions = positions - placed(self.point, rotations)
            poses = pose_math.make_pose(positions, rotations)
            return poses if self.base is None else self.base @ poses
        move, turn = actions[:, :3], actions[:, 3:]
        if self.base is not None:
            move, turn = move @ self.base[:3, :3].T, turn @ self.base[:3, :3].T
        positions, rotations = pose_math.unmake_pose(eef_poses)
        angles = torch.linalg.norm(turn, dim=-1, keepdim=True)
        axes = torch.where(angles > 1e-8, turn / angles.clamp(min=1e-8), torch.zeros_like(turn))
        turned = pose_math.matrix_from_quat(pose_math.quat_from_angle_axis(angles.squeeze(-1), axes))
        return pose_math.make_pose(positions + move, products(turned, rotations))

    def _relative(self, targets: torch.Tensor, eef_poses: torch.Tensor) -> torch.Tensor:
        positions, rotations = pose_math.unmake_pose(eef_poses)
        target_positions, target_rotations = pose_math.unmake_pose(targets)
        turns = pose_math.quat_from_matrix(products(target_rotations, rotations.transpose(-1, -2)))
        moves = [target_positions - positions, pose_math.axis_angle_from_quat(turns)]
        if self.base is not None:
            moves = [in_axes_of(self.base, own) for own in moves]
        return torch.cat(moves, dim=-1)

    def _absolute(self, targets: torch.Tensor) -> torch.Tensor:
        positions, rotations = pose_math.unmake_pose(targets)
        if self.point is not None:
            positions = positions + placed(self.point, rotations)
        if self.base is not None:
            positions = in_axes_of(self.base, positions - self.base[:3, 3])
            rotations = products(self.base[:3, :3].T.expand(len(targets), 3, 3), rotations)
        return torch.cat([positions, pose_math.quat_from_matrix(rotations)], dim=-1)


def placed(point: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
    """Return where a point of a hand, shape (3,), is from its origin, in the world's axes: shape (num_envs, 3).

    Each by itself, for the reason that `products` has; so does `in_axes_of`.

    Args:
        point: In the hand's frame [m].
        rotations: Of the hands, shape (num_envs, 3, 3).
    """
    x, y, z = rotations.unbind(-1)
    return x * point[0] + y * point[1] + z * point[2]


def in_axes_of(base: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Return vectors of the world, shape (num_envs, 3), in the axes of a base, `world_from_base` of shape (4, 4)."""
    x, y, z = vectors.unbind(-1)
    return x[:, None] * base[0, :3] + y[:, None] * base[1, :3] + z[:, None] * base[2, :3]


def products(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the products of matrices, shapes (..., 3, 3), which are broadcast.

    On the host number by number: a batch of matrices is rounded otherwise than one alone on some processors, and
    contacts make 1e-5 of 1e-9 within an attempt, which would then depend on the environments beside it.
    """
    if first.is_cuda:
        return first.matmul(second)
    columns, rows = first.unsqueeze(-1).unbind(-2), second.unsqueeze(-3).unbind(-2)
    return columns[0] * rows[0] + columns[1] * rows[1] + columns[2] * rows[2]
