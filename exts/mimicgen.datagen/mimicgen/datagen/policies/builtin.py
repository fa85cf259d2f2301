"""Policies that come with the project, to try an evaluation with: recorded actions, none at all, and random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.dataset.sources.commands import Command, relative_columns
from mimicgen.datagen.dataset.sources.raw import RawDemos, States, file_hash
from mimicgen.datagen.policies.policy import Contract

ZEROS, RANDOM, REPLAY = "zeros", "random", "replay:"
"""What they are called; what follows the last one is a dataset's path."""


class Drawn:
    """Implements `LearnedPolicy`: actions that nobody has learned.

    Args:
        action_dim: Length of an action.
        scale: They are drawn from -scale to scale; 0 for zeros.
    """

    def __init__(self, action_dim: int, scale: float):
        about = f"uniform from {-scale:g} to {scale:g}" if scale else ZEROS
        self.contract = Contract(observed=(), action_dim=action_dim, alone=True, made_of={"actions": about})
        self._scale = scale
        self._draws: dict[int, np.random.Generator] = {}

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""
        self._draws |= {env: np.random.default_rng((seed, 2)) for env, seed in zip(envs, seeds, strict=True)}

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`. One action at a time."""
        width = self.contract.action_dim
        assert width is not None
        if not self._scale:
            return torch.zeros(len(envs), 1, width)
        rows = [self._draws[env].uniform(-self._scale, self._scale, (1, width)) for env in envs]
        return torch.from_numpy(np.stack(rows))

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""


class Replayed:
    """Implements `LearnedPolicy`, and says where episodes start: the recorded actions of demonstrations, in order.

    When they are over, a hand that is told moves stays where it is, and one that is told poses at the last one.

    Args:
        demos: The demonstrations.
        commands: Which columns of their actions tell hands where to be.

    Attributes:
        count: How many there are.
    """

    def __init__(self, demos: RawDemos, commands: Sequence[Command]):
        self.count = len(demos.names)
        self._demos = demos
        actions = demos.actions(demos.names[0])
        self.contract = Contract(
            observed=(),
            action_dim=actions.shape[1],
            alone=True,
            made_of={"dataset": demos.path.name, "sha256": file_hash(demos.path), "demos": len(demos.names)},
        )
        self._relative = relative_columns(commands, actions.shape[1])
        self._actions: dict[int, torch.Tensor] = {}

    def start(self, attempt: UnderWay) -> tuple[str, int, States]:
        """See `Starts.start`: the demonstration of the episode's number."""
        name = self._demos.names[attempt.number - 1]
        actions = self._actions[attempt.env] = torch.from_numpy(self._demos.actions(name))
        return name, len(actions), self._demos.initial_state(name)

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`. One action at a time."""
        rows = []
        for env in envs:
            actions = self._actions[env]
            if len(actions) > 1:
                rows.append(actions[:1])
                self._actions[env] = actions[1:]
                continue
            rows.append(actions.clone())
            actions[:, torch.from_numpy(self._relative)] = 0.0
        return torch.stack(rows)

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""
