"""Signals and success of a task by file, told of an open environment."""

from __future__ import annotations

from typing import Any

import torch


class LiveConditions:
    """The conditions of a task by file.

    Args:
        env: Isaac Lab's environment.
    """

    def __init__(self, env: Any):
        self._env = env

    def holds(self, name: str) -> torch.Tensor:
        """Return whether a signal is true, shape (num_envs,)."""
        return torch.zeros(self._env.num_envs, dtype=torch.bool, device=self._env.device)

    def success(self) -> torch.Tensor:
        """Return whether the task is done, shape (num_envs,)."""
        return torch.zeros(self._env.num_envs, dtype=torch.bool, device=self._env.device)
