"""How hands get to where they are wanted, in one kernel: for devices, on which every operation is a launch."""

from __future__ import annotations

import isaaclab.utils.math as pose_math
import torch
import warp as wp

from mimicgen.datagen.robots.move_kernel import lead


class Moves:
    """Computes what `Control` does of relative poses.

    Args:
        base: `world_from_base`, in whose axes they are, shape (4, 4); None where these are the environment's.
    """

    def __init__(self, base: torch.Tensor | None):
        turned = (
            pose_math.quat_from_matrix(base[None, :3, :3])[0].tolist() if base is not None else [0.0, 0.0, 0.0, 1.0]
        )
        self._base = wp.quat(*turned)

    def __call__(self, targets: torch.Tensor, positions: torch.Tensor, quaternions: torch.Tensor) -> torch.Tensor:
        """Return move [m] and turn, axis times angle [rad], shape (n, 6).

        Args:
            targets: `world_from_eef` to reach, shape (n, 4, 4).
            positions: Where the hands are in the environment's frame [m], shape (n, 3).
            quaternions: How they are turned, x, y, z, w, shape (n, 4).
        """
        moves = torch.empty(len(targets), 6, device=targets.device)
        inputs = [self._base, *map(wp.from_torch, (targets, positions, quaternions))]
        device = wp.device_from_torch(targets.device)
        wp.launch(lead, dim=len(targets), inputs=inputs, outputs=[wp.from_torch(moves)], device=device)
        return moves
