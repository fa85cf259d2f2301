"""Where the hands are to be, as actions of all environments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mimicgen.datagen.tasks.conversions import conversion_of


class Converter:
    """Turns what all hands are to reach into actions.

    Args:
        env: Isaac Lab's environment.

    Attributes:
        draws: As in `Conversion`; None where the environment converts in a way of its own, for one environment at a
            time, and draws its noise itself.
    """

    def __init__(self, env: Any):
        self._env = env
        self._conversion = conversion_of(env)
        self.draws = self._conversion.draws if self._conversion is not None else None
        told = inspect.signature(env.target_eef_pose_to_action).parameters
        self._by_eef = "action_noise_dict" in told  # else one noise for all, which Isaac Lab deprecates

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
            noise: What is added, shape (num_envs, numbers), see `Conversion`; None for nothing.
        """
        env = self._env
        if self._conversion is None:
            return torch.stack([self.alone(env_id, targets, grippers) for env_id in range(env.num_envs)])
        if noise is None:
            noise = torch.zeros(env.num_envs, sum(count for _, count in self._conversion.draws), device=env.device)
        return self._conversion(targets, grippers, noise)

    def alone(
        self,
        env_id: int,
        targets: Mapping[str, torch.Tensor],
        grippers: Mapping[str, torch.Tensor],
        amplitudes: Mapping[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return the action of one environment in the environment's own way, shape (action_dim,).

        Args:
            env_id: Which.
            targets: As above, of all environments.
            grippers: Likewise.
            amplitudes: Of the noise by end effector, shape (); None for none.
        """
        noise: dict[str, Any] = {}
        if amplitudes is not None:
            noise = {"action_noise_dict": amplitudes} if self._by_eef else {"noise": max(amplitudes.values())}
        action: torch.Tensor = self._env.target_eef_pose_to_action(
            # Some environments add noise to what they are given, in place.
            target_eef_pose_dict={eef: poses[env_id].clone() for eef, poses in targets.items()},
            gripper_action_dict={eef: actions[env_id].clone() for eef, actions in grippers.items()},
            env_id=env_id,
            **noise,
        )
        return action.reshape(-1)


class Holder:
    """Keeps hands where they are, and grippers as they were told last.

    Args:
        env: Isaac Lab's environment.
        eefs: Its end effectors.
    """

    def __init__(self, env: Any, eefs: Sequence[str]):
        self._env = env
        self._convert = Converter(env)
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
