"""A learned policy acts in environments: it sees what they observe, and is asked where it has nothing left to do."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch

from mimicgen.datagen.attempts import WHOLE, Segment
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.errors import PolicyError
from mimicgen.datagen.generation.converting import Holder
from mimicgen.datagen.generation.policy import Over
from mimicgen.datagen.generation.replay import as_tensors
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.policies.observing import History
from mimicgen.datagen.policies.policy import LearnedPolicy


class Starts(Protocol):
    """Where episodes start that do not start at random."""

    def start(self, attempt: UnderWay) -> tuple[str, int, States]:
        """Return the recorded demonstration that an episode is the same as, its steps, and its initial state."""


class ActingPolicy:
    """Implements `mimicgen.datagen.generation.policy.Policy` with a learned one.

    Args:
        environment: The environment, open.
        learned: The policy, which fits it. It has to know `rows` environments beyond those that there are.
        rows: For how many environments it is asked at once.
        history: What it observes.
        applied: Turns its actions into the environment's.
        action_dim: Length of its actions.
        instruction: What is to be done, in words.
        max_steps: Steps of an episode at most.
        delay: Steps after which an action is taken.
        starts: Where episodes start; None for the task's own random starts.

    Attributes:
        effort: How many times the policy was asked (`calls`), and how long it has taken (`seconds`), so far.
    """

    def __init__(
        self,
        environment: Environment,
        learned: LearnedPolicy,
        history: History,
        applied: Callable[[torch.Tensor], torch.Tensor],
        *,
        rows: int,
        action_dim: int,
        instruction: str,
        max_steps: int,
        delay: int = 0,
        starts: Starts | None = None,
    ):
        env = self._env = environment.env
        self._learned = learned
        self._history = history
        self._applied = applied
        self._action_dim = action_dim
        self._instruction = instruction
        self._starts = starts
        self._reset = Resets(env) if starts is None else None  # which replaces what recorded states are restored by
        self._holder = Holder(env, tuple(env.cfg.subtask_configs))
        self.draws_on = self._reset.draws_on if self._reset is not None else str(env.device)
        self.longest: int | None = max_steps
        self.effort: dict[str, float] = {"calls": 0, "seconds": 0.0}
        count = self._count = env.num_envs
        self._acting = np.zeros(count, dtype=bool)
        self._taken = np.zeros(count, dtype=np.int64)
        """Steps of the episode in each environment."""
        self._plan = torch.zeros(count, 1, action_dim, device=env.device)
        self._at = np.zeros(count, dtype=np.int64)
        self._until = np.zeros(count, dtype=np.int64)
        self._delayed = torch.zeros(count, delay, action_dim, device=env.device) if delay else None
        self._rows = rows
        self._spare = range(count, count + rows)
        if not learned.contract.alone:
            learned.begin(self._spare, [0] * rows, instruction)

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """See `Policy.begin`."""
        if self._reset is not None:
            self._reset({attempt.env: attempt.streams for attempt in attempts})
        else:
            self._restore(attempts)
        chosen, seeds = [attempt.env for attempt in attempts], [attempt.seed for attempt in attempts]
        self._acting[chosen] = True
        for values in (self._taken, self._at, self._until):
            values[chosen] = 0
        self._history.begin(chosen, seeds)
        self._learned.begin(chosen, seeds, self._instruction)
        if self._delayed is not None:
            self._holder.hold(chosen)

    def hold(self, env_ids: Sequence[int]) -> None:
        """See `Policy.hold`."""
        self._holder.hold(env_ids)
        self._acting[list(env_ids)] = False

    async def actions(self) -> torch.Tensor:
        """See `Policy.actions`."""
        with torch.inference_mode():
            self._history.see()
        asked = np.nonzero(self._acting & (self._at == self._until))[0].tolist()
        if asked:
            begin = time.perf_counter()
            for batch in [asked] if self._learned.contract.alone else itertools.batched(asked, self._rows):
                await self._ask(list(batch))
            self.effort["seconds"] += time.perf_counter() - begin
        with torch.inference_mode():
            return self._next()

    def over(self) -> list[Over]:
        """See `Policy.over`. A policy never says that it is done."""
        return []

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """The success term alone decides."""
        return None

    def _restore(self, attempts: Sequence[UnderWay]) -> None:
        """Put environments into recorded states."""
        assert self._starts is not None
        for attempt in attempts:
            demo, steps, state = self._starts.start(attempt)
            attempt.segments.append(Segment(eef=WHOLE, subtask=0, demo=demo, start=0, end=steps))
            chosen = torch.tensor([attempt.env], dtype=torch.int64, device=self._env.device)
            with attempt.streams.active():
                self._env.reset_to(as_tensors([(state, 0)], self._env.device), chosen, is_relative=True)

    async def _ask(self, envs: list[int]) -> None:
        """Ask for what to do in environments, and plan it."""
        spare = [] if self._learned.contract.alone else [*self._spare[: self._rows - len(envs)]]
        seen = self._history.of([*envs, *envs[:1] * len(spare)])
        # What was made in inference mode is no use to a network that is not in it.
        observations = {name: own.clone() for name, own in seen.items()}
        given = await self._learned.act([*envs, *spare], observations)
        self.effort["calls"] += 1
        shape = tuple(given.shape)
        if len(shape) != 3 or shape[0] != len(envs) + len(spare) or not shape[1] or shape[2] != self._action_dim:
            raise PolicyError(
                f"the policy gave actions of shape {shape}, expected ({len(envs) + len(spare)}, steps, "
                f"{self._action_dim}): an action, or several to take one after the other, of every environment"
            )
        chunk = given[: len(envs)].to(self._env.device, torch.float32)
        if not bool(torch.isfinite(chunk).all()):
            raise PolicyError("the policy gave an action that is not finite; see whether its training went well")
        if shape[1] > self._plan.shape[1]:
            more = self._plan.new_zeros(self._count, shape[1] - self._plan.shape[1], self._action_dim)
            self._plan = torch.cat([self._plan, more], dim=1)
        self._plan[envs, : shape[1]] = chunk
        self._at[envs], self._until[envs] = 0, shape[1]

    def _next(self) -> torch.Tensor:
        """Return what is done in this step in all environments."""
        actions = self._plan[torch.arange(self._count), torch.from_numpy(np.minimum(self._at, self._plan.shape[1] - 1))]
        acting = self._acting.copy()
        if self._delayed is not None:
            delay = self._delayed.shape[1]
            late = self._delayed[:, 0].clone()
            self._delayed[:, :-1] = self._delayed[:, 1:].clone()
            self._delayed[:, -1] = actions
            actions, acting = late, acting & (self._taken >= delay)
        applied = self._applied(actions)
        self._at += self._acting
        self._taken += self._acting
        if acting.all():
            return applied
        chosen = torch.from_numpy(acting).to(applied.device)[:, None]
        return torch.where(chosen, applied, self._holder.actions())
