"""Where in a source segment a hand that was disturbed goes on.

A segment in which a hand closes on its object has a part before that, in which the hand is nowhere near the object yet:
there it may be disturbed, and there it joins the segment again, at the step that is nearest to where it is.
"""

from __future__ import annotations

import torch

CLEAR = 0.08
"""Distance from where the hand closes, nearer than which it is left alone [m]."""


def closes_at(grippers: torch.Tensor) -> int | None:
    """Return the first step at which an open hand closes; None where none does, or where it is no simple gripper.

    Args:
        grippers: Gripper actions of a segment, shape (steps, gripper_dim); a simple gripper has one, positive to open.
    """
    if grippers.shape[-1] != 1 or not grippers[0, 0] > 0:
        return None
    closed = (grippers[:, 0] < 0).nonzero()
    return int(closed[0, 0]) if len(closed) else None


def free_steps(eef_poses: torch.Tensor, closes: int) -> int:
    """Return for how many steps a hand is `CLEAR` of where it closes, from the beginning on.

    Args:
        eef_poses: `world_from_eef` of a segment, shape (steps, 4, 4).
        closes: The step at which it closes.
    """
    gaps = torch.linalg.norm(eef_poses[: closes + 1, :3, 3] - eef_poses[closes, :3, 3], dim=-1)
    return int((gaps < CLEAR).nonzero()[0, 0])


def rejoined(eef_poses: torch.Tensor, grippers: torch.Tensor, hand: torch.Tensor) -> int:
    """Return the step at which a hand joins a segment: the nearest one of those at which it is clear, else the first.

    Args:
        eef_poses: `world_from_eef` of the segment, shape (steps, 4, 4).
        grippers: Its gripper actions, shape (steps, gripper_dim).
        hand: Where the hand is, `world_from_eef` as the segment's, shape (4, 4).
    """
    closes = closes_at(grippers)
    free = free_steps(eef_poses, closes) if closes is not None else 0
    if free == 0:
        return 0
    return int(torch.linalg.norm(eef_poses[:free, :3, 3] - hand[:3, 3], dim=-1).argmin())
