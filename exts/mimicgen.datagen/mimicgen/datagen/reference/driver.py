"""Drives one attempt in every environment, each a coroutine in which Isaac Lab's own generator acts (`mimic.py`).

`Driver` is the session's generator: it steps the environment, and knows success and the subtask signals. It stands in
for `generation/machine.py` where a task asks for more than that can plan.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch

from mimicgen.datagen.attempts import (
    FINAL,
    Attempt,
    Outcome,
    reason_for_failure,
    reason_for_no_number,
    signal_to_blame,
)
from mimicgen.datagen.attempts.randomness import Streams, attempt_seed
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.reference.mimic import MimicPolicy
from mimicgen.datagen.reference.rendezvous import Rendezvous
from mimicgen.datagen.reference.streams import run_with


class Driver:
    """Implements `mimicgen.datagen.session.generator.Generator`.

    Args:
        environment: The environment, open.
        policy: Isaac Lab's own generator, which acts.
        seed: The run's seed.
        settle_steps: Steps for which success has to last.
        renderer: What draws kept demonstrations, if they are to be drawn; for the session.
        made: Numbers of attempts that an earlier run has made.
        first: Number of the first attempt.
    """

    def __init__(
        self,
        environment: Environment,
        policy: MimicPolicy,
        *,
        seed: int,
        settle_steps: int,
        renderer: Any = None,
        made: Collection[int] = (),
        first: int = 1,
    ):
        self._environment = environment
        self._policy = policy
        self._seed = seed
        self._settle_steps = settle_steps
        self._env = environment.env
        self._signals = environment.signal_names
        self.stages = (*self._signals, FINAL)
        self.facts = environment.facts
        self.env_args = environment.env_args()
        self.renderer = renderer
        self._rendezvous = Rendezvous(self._env.num_envs)
        self._attempts: dict[int, UnderWay] = {}
        self._numbers = (number for number in itertools.count(first) if number not in made)
        self._next = next(self._numbers)
        self._last = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._spoilt: dict[int, int] = {}
        """Steps of the attempts under way whose actions were not finite, the first of each, by environment."""

    async def start(self) -> None:
        """Start one task an environment."""
        self._tasks = [
            asyncio.create_task(self._attempts_in(env_id), name=f"mimicgen.datagen environment {env_id}")
            for env_id in range(self._env.num_envs)
        ]
        self._rendezvous.watch(self._tasks)

    async def close(self) -> None:
        """Cancel the tasks and wait for them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ended(self) -> list[Attempt]:
        """See `Generator.ended`."""
        await self._rendezvous.everybody()
        return [attempt for attempt in self._rendezvous.ends.pending if attempt is not None]

    def episodes(self, attempts: Sequence[Attempt]) -> Sequence[Episode]:
        """See `Generator.episodes`."""
        return self._environment.episodes([attempt.env for attempt in attempts])

    async def actions(self, last: int) -> torch.Tensor:
        """See `Generator.actions`. Shape (num_envs, action_dim)."""
        rendezvous = self._rendezvous
        self._last = last
        rendezvous.ends.serve()
        await rendezvous.everybody()
        while resets := rendezvous.resets.pending:
            for env_id in resets:
                attempt = self._attempts[env_id]
                with torch.inference_mode(), attempt.streams.active():
                    self._policy.reset(attempt)
                    poses = self._env.get_object_poses(env_ids=[env_id])
                    attempt.start_from({name: pose[0].cpu() for name, pose in poses.items()})
            rendezvous.resets.serve()
            await rendezvous.everybody()
        return torch.stack([action for _, action in sorted(rendezvous.actions.pending, key=lambda pair: pair[0])])

    def step(self, actions: torch.Tensor) -> None:
        """See `Generator.step`. Success and the subtask signals are computed once for all environments."""
        with torch.inference_mode():
            finite = self._environment.step(actions).tolist()
            self._environment.update_success()
            signals = {name: signal.tolist() for name, signal in self._env.get_subtask_term_signals().items()}
            succeeded = self._environment.succeeded.tolist()
        for env_id, attempt in self._attempts.items():
            success = succeeded[env_id]
            attempt.steps += 1
            if not finite[env_id]:
                self._spoilt.setdefault(env_id, attempt.steps)
            if success:
                attempt.last_success = attempt.steps
            for name, step in attempt.signals.items():
                if step is None and signals[name][env_id]:
                    attempt.signals[name] = attempt.steps
        self._rendezvous.actions.serve()

    def resting(self) -> bool:
        """See `Generator.resting`."""
        return 0 not in self._attempts

    def abandoned(self) -> list[Attempt]:
        """See `Generator.abandoned`."""
        return [
            attempt.finish(Outcome.ABANDONED, "the run ended first") for _, attempt in sorted(self._attempts.items())
        ]

    async def _attempts_in(self, env_id: int) -> None:
        """Make one attempt after the other in an environment, until cancelled."""
        rendezvous = self._rendezvous
        ended: Attempt | None = None
        hold: Callable[[], torch.Tensor] | None = None
        while True:
            # Everybody waits here between two attempts; what comes next is known when this has been served.
            await rendezvous.ends.put(ended)
            await rendezvous.ends.join()
            ended = None
            if self._next > self._last:
                with torch.inference_mode():
                    hold = hold or self._environment.hold(env_id)
                    action = hold()
                await rendezvous.actions.put((env_id, action))
                await rendezvous.actions.join()
                continue
            hold = None
            ended = await self._attempt_in(env_id)

    async def _attempt_in(self, env_id: int) -> Attempt:
        attempt = self._begin(env_id)
        await run_with(attempt.streams, self._policy.act(attempt, self._rendezvous))
        held = bool(self._environment.succeeded[env_id])
        if held:
            await run_with(attempt.streams, self._settle(env_id))
        success = bool(self._environment.succeeded[env_id])
        spoilt = self._spoilt.pop(env_id, None)
        reason = self._policy.judge(attempt, success=success) if spoilt is None else reason_for_no_number(spoilt)
        if reason is None and not success:
            blamed = signal_to_blame(attempt.signals, last_success=attempt.last_success)
            reason = reason_for_failure(
                attempt.signals,
                last_success=attempt.last_success,
                held=held,
                steps=attempt.steps,
                lacking=self._environment.lacking({env_id: blamed})[env_id],
            )
        del self._attempts[env_id]
        if reason is None:
            return attempt.finish(Outcome.SUCCESS, "the success term held after settling")
        return attempt.finish(Outcome.FAILURE, reason)

    def _begin(self, env_id: int) -> UnderWay:
        number = self._next
        self._next = next(self._numbers)
        seed = attempt_seed(self._seed, number)
        attempt = UnderWay(
            number=number,
            env=env_id,
            seed=seed,
            streams=Streams(seed, self._env.device),
            signals=dict.fromkeys(self._signals),
            eefs=self._environment.signal_eefs,
        )
        self._attempts[env_id] = attempt
        return attempt

    async def _settle(self, env_id: int) -> None:
        """Hold the hand where it is, for as long as success has to last."""
        hold = self._environment.hold(env_id)
        for _ in range(self._settle_steps):
            await self._rendezvous.actions.put((env_id, hold()))
            await self._rendezvous.actions.join()
