"""How environments convert target poses of hands into actions, as far as that can be done for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from isaaclab_mimic.envs.franka_stack_ik_abs_mimic_env import FrankaCubeStackIKAbsMimicEnv
from isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env import FrankaCubeStackIKRelMimicEnv

from mimicgen.datagen.robots.actions import Control


class Conversion(Protocol):
    """Converts what the hands are to reach into actions, in all environments of an environment at once.

    Attributes:
        draws: Who noise is drawn for in an environment's step, and how many normal numbers, in the order in which
            `target_eef_pose_to_action` draws them.
    """

    draws: tuple[tuple[str, int], ...]

    def __call__(
        self, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor], noise: torch.Tensor
    ) -> torch.Tensor:
        """Return actions, shape (num_envs, action_dim).

        Args:
            targets: `world_from_eef` to reach by end effector, shape (num_envs, 4, 4).
            grippers: Gripper actions by end effector, shape (num_envs, gripper_dim).
            noise: What is added, shape (num_envs, numbers): the numbers of `draws`, each times its end effector's
                amplitude.
        """


class ArmByArm:
    """Implements `Conversion` for actions that are one end effector's after the other's: pose, then gripper.

    Args:
        env: Isaac Lab's environment.
        controls: How each end effector is told its pose, in the order of the actions.
    """

    def __init__(self, env: Any, controls: Mapping[str, Control]):
        self._env = env
        self._controls = dict(controls)
        self.draws = tuple((eef, control.width) for eef, control in controls.items())

    def __call__(
        self, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor], noise: torch.Tensor
    ) -> torch.Tensor:
        """See `Conversion`."""
        parts, begin = [], 0
        for eef, control in self._controls.items():
            own = noise[:, begin : begin + control.width]
            parts.append(control.actions(targets[eef], grippers[eef], own, self._env.get_robot_eef_pose(eef)))
            begin += control.width
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]


REGISTERED: dict[Any, Control] = {
    FrankaCubeStackIKRelMimicEnv.target_eef_pose_to_action: Control(kind="relative_ik"),
    FrankaCubeStackIKAbsMimicEnv.target_eef_pose_to_action: Control(kind="absolute_ik"),
}
"""What Isaac Lab's classes for one end effector do; others inherit it."""


def conversion_of(env: Any) -> Conversion | None:
    """Return how an environment converts the poses of its end effectors, None when it does so in a way of its own.

    Args:
        env: Isaac Lab's environment. It says how its end effectors are told their poses by `controls`, if it does.
    """
    controls = getattr(env, "controls", None)
    if controls is not None:
        return ArmByArm(env, controls)
    known = REGISTERED.get(type(env).target_eef_pose_to_action)
    if known is None or len(env.cfg.subtask_configs) != 1:
        return None
    return ArmByArm(env, dict.fromkeys(env.cfg.subtask_configs, known))
