"""Which source segments lead the hand into something else.

The strategies choose a segment by its own object. What stands beside that object is where it is by chance, and a hand
as wide as the Franka's lands on it: a stack of two cubes, 10 cm from the third, kept 4% of the attempts from reaching
the third (`docs/physics.md`). Another demonstration grasps it across, and does not.
"""

from __future__ import annotations

from typing import Any

import isaaclab.utils.math as pose_math
import torch
from isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env import FrankaCubeStackIKRelMimicEnv

from mimicgen.datagen.robots.franka import PALM

EEF_IN_HAND = 0.1034
"""Where the end effector's frame is along z of the hand's [m], as the tasks' `ee_frame` has it."""

OBJECT_RADIUS = 0.033
"""How far an object reaches around its centre [m]: half a diagonal of a cube's face."""

LOOKS = 16
"""Poses of a segment at which it is looked."""


def knows(env: Any) -> bool:
    """Return whether an environment's hand and objects are what this module takes them for: a Franka and cubes."""
    hand = getattr(getattr(env.cfg.actions, "arm_action", None), "body_name", None)
    return type(env) is FrankaCubeStackIKRelMimicEnv and hand == "panda_hand"


def in_the_way(eef_poses: torch.Tensor, object_positions: torch.Tensor) -> torch.Tensor:
    """Return which ways lead the hand into an object.

    Args:
        eef_poses: `world_from_eef`, shape (..., steps, 4, 4).
        object_positions: In the world, shape (..., objects, 3).

    Returns:
        Shape (...), bool.
    """
    rotations, positions = eef_poses[..., :3, :3], eef_poses[..., :3, 3]
    between = object_positions[..., None, :, :] - positions[..., :, None, :]  # (..., steps, objects, 3)
    x, y, z = (between @ rotations).unbind(-1)  # in the end effector's frame
    beside = ((y - PALM.centre[1]).abs() - PALM.length / 2).clamp(min=0.0)
    above = z - (PALM.centre[2] - EEF_IN_HAND)
    distances = torch.sqrt((x - PALM.centre[0]) ** 2 + beside**2 + above**2)
    return (distances < PALM.radius + OBJECT_RADIUS).flatten(-2).any(dim=-1)


def looked_at(eef_poses: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Return some poses of a segment of every demonstration.

    Args:
        eef_poses: Of the demonstrations, shape (demonstrations, steps, 4, 4).
        starts: First steps of segments, shape (n, demonstrations).
        ends: Steps after their last, likewise.

    Returns:
        Shape (n, demonstrations, LOOKS, 4, 4).
    """
    parts = torch.linspace(0.0, 1.0, LOOKS)
    steps = (starts[..., None] + parts * (ends - 1 - starts)[..., None]).long()
    return eef_poses[torch.arange(len(eef_poses))[:, None], steps]


def moved(eef_poses: torch.Tensor, source_poses: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """Return the ways of a hand as they are when an object that they go to lies elsewhere.

    Args:
        eef_poses: `world_from_eef`, shape (..., steps, 4, 4).
        source_poses: `world_from_object` in the source, shape (..., 4, 4).
        poses: `world_from_object` now, likewise.
    """
    return (poses @ pose_math.pose_inv(source_poses))[..., None, :, :] @ eef_poses
