"""What environments observe, as learned policies are given it: by the names that datasets have, over the last steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mimicgen.datagen.dataset.formats.embodiment import Embodiment
from mimicgen.datagen.policies.parts import PART, Parts

if TYPE_CHECKING:  # whoever asks what fits needs no simulation
    from mimicgen.datagen.isaaclab.environment import Environment

LAST_ACTION = "actions"
"""What Isaac Lab's tasks call the action before, which a policy has no need to be told."""

SIGNALS = "subtask_terms"
"""The group of a task's signals, which no policy may know."""

STATES = "states"


class Observations:
    """The observations of an open environment.

    Args:
        environment: The environment.
        body: The robots of its task.
    """

    def __init__(self, environment: Environment, body: Embodiment):
        self._env: Any = environment.env
        self._parts = Parts(self._env, body)

    def begin(self, env_ids: Sequence[int]) -> None:
        """Forget what environments were in, in which episodes begin."""
        self._parts.begin(env_ids)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of everything that can be observed in one environment, by name."""
        return {name: tuple(own.shape[1:]) for name, own in self._now(states=True, parts=True).items()}

    def now(self, names: Sequence[str]) -> dict[str, torch.Tensor]:
        """Return what is observed now, shape (num_envs, ...) each; the simulation's own memory, in part."""
        states, parts = (any(name.startswith(own) for name in names) for own in (f"{STATES}/", PART))
        found = self._now(states=states, parts=parts)
        return {name: found[name] for name in names}

    def _now(self, *, states: bool, parts: bool) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        for group, terms in self._env.obs_buf.items():
            if group == SIGNALS:
                continue
            if isinstance(terms, Mapping):
                found |= terms
            else:
                found[group] = terms
        if states or parts:
            state = self._env.scene.get_state(is_relative=True)
            found |= _flat(f"{STATES}/", state)
            found |= self._parts.now(state) if parts else {}
        return found


def _flat(prefix: str, nested: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}/", value)
        else:
            yield f"{prefix}{name}", value


class History:
    """The last observations of all environments.

    Args:
        observations: What is observed.
        names: What of it is wanted.
        steps: Of how many steps.
        num_envs: How many environments there are.
        noise: Standard deviation of what is added to every number that is no image's, drawn by episode.
    """

    def __init__(
        self, observations: Observations, names: Sequence[str], *, steps: int, num_envs: int, noise: float = 0.0
    ):
        self._observations = observations
        self._names = tuple(names)
        self._steps = steps
        self._noise = noise
        self._new = np.ones(num_envs, dtype=bool)
        self._draws: dict[int, np.random.Generator] = {}
        self._seen: dict[str, torch.Tensor] = {}

    def begin(self, env_ids: Sequence[int], seeds: Sequence[int]) -> None:
        """Forget what environments have seen, in which episodes begin."""
        self._new[list(env_ids)] = True
        self._observations.begin(env_ids)
        if self._noise:
            for env_id, seed in zip(env_ids, seeds, strict=True):
                self._draws[env_id] = np.random.default_rng((seed, 1))

    def see(self) -> None:
        """Take note of what is observed before a step."""
        for name, now in self._observations.now(self._names).items():
            now = self._noisy(now) if self._noise and now.is_floating_point() else now
            seen = self._seen.get(name)
            if seen is None:
                self._seen[name] = now[:, None].repeat_interleave(self._steps, dim=1)
                continue
            if self._steps > 1:
                seen[:, :-1] = seen[:, 1:].clone()
            seen[:, -1] = now
            if self._new.any():
                new = torch.from_numpy(np.nonzero(self._new)[0]).to(now.device)
                seen[new] = now[new][:, None].expand_as(seen[new])
        self._new[:] = False

    def of(self, env_ids: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return what environments have seen, oldest first, shape (len(env_ids), steps, ...) each."""
        return {name: seen[list(env_ids)] for name, seen in self._seen.items()}

    def _noisy(self, now: torch.Tensor) -> torch.Tensor:
        """Return numbers with noise on those of environments in which an episode is under way."""
        drawn = np.zeros(now.shape, dtype=np.float32)
        for env_id, draws in self._draws.items():
            drawn[env_id] = draws.standard_normal(now.shape[1:], dtype=np.float32) * self._noise
        return now + torch.from_numpy(drawn).to(now.device)
