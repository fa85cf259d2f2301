"""How environments convert target poses of hands into actions, as far as that can be done for all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env import FrankaCubeStackIKRelMimicEnv

from mimicgen.datagen.robots.actions import relative_actions

Conversion = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Targets, gripper actions, noise and present poses of one end effector into its actions; see `relative_actions`."""


def conversion_of(env: Any) -> Conversion | None:
    """Return how an environment converts the poses of an end effector, None when it does so in a way of its own.

    Args:
        env: Isaac Lab's environment. Its class says that it takes relative poses by `relative_poses = True`.
    """
    as_registered = type(env).target_eef_pose_to_action is FrankaCubeStackIKRelMimicEnv.target_eef_pose_to_action
    return relative_actions if as_registered or getattr(type(env), "relative_poses", False) else None
