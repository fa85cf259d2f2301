"""Where the hands are to be, as actions of all environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mimicgen.datagen.tasks.conversions import conversion_of


class Converter:
    """Turns what all hands are to reach into actions.

    Args:
        env: Isaac Lab's environment.
        eefs: Its end effectors, in the order in which actions name them.
    """

    def __init__(self, env: Any, eefs: Sequence[str]):
        self._env = env
        self._eefs = eefs
        self._conversion = conversion_of(env)

    def __call__(
        self,
        targets: Mapping[str, torch.Tensor],
        grippers: Mapping[str, torch.Tensor],
        noise: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return actions, shape (num_envs, action_dim).

        Args:
            targets: `world_from_eef` to reach by end effector, shape (num_envs, 4, 4).
            grippers: Gripper actions by end effector, shape (num_envs, gripper_dim).
            noise: What is added to the actions of the poses, shape (num_envs, 6); None for nothing.
        """
        env = self._env
        if self._conversion is None:  # the environment's own way, which is for one at a time
            own = [
                env.target_eef_pose_to_action(
                    target_eef_pose_dict={eef: poses[env_id] for eef, poses in targets.items()},
                    gripper_action_dict={eef: actions[env_id] for eef, actions in grippers.items()},
                    env_id=env_id,
                ).reshape(-1)
                for env_id in range(env.num_envs)
            ]
            return torch.stack(own)
        if noise is None:
            noise = torch.zeros(env.num_envs, 6, device=env.device)
        parts = [
            self._conversion(targets[eef], grippers[eef], noise, env.get_robot_eef_pose(eef)) for eef in self._eefs
        ]
        return torch.cat(parts, dim=-1) if len(parts) > 1 else parts[0]


class Holder:
    """Keeps hands where they are, and grippers as they were told last.

    Args:
        env: Isaac Lab's environment.
        eefs: Its end effectors, in the order in which actions name them.
    """

    def __init__(self, env: Any, eefs: Sequence[str]):
        self._env = env
        self._convert = Converter(env, eefs)
        self._targets = {eef: env.get_robot_eef_pose(eef).clone() for eef in eefs}
        self._grippers = {eef: own.clone() for eef, own in self._last_grippers().items()}

    def hold(self, env_ids: Sequence[int]) -> None:
        """Keep the hands of environments where they are now."""
        chosen = list(env_ids)
        last = self._last_grippers()
        for eef, targets in self._targets.items():
            targets[chosen] = self._env.get_robot_eef_pose(eef)[chosen]
            self._grippers[eef][chosen] = last[eef][chosen]

    def actions(self) -> torch.Tensor:
        """Return the actions that do so, shape (num_envs, action_dim); those of other environments mean nothing."""
        return self._convert(self._targets, self._grippers)

    def _last_grippers(self) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = self._env.actions_to_gripper_actions(self._env.action_manager.action)
        return found
