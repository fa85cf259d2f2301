"""Drives one attempt in every environment; a policy says what is attempted.

`Driver` is the session's generator: it steps the environment, knows success and the subtask signals, and keeps or
drops what was recorded. A `Policy` acts: Mimic's own generator (`mimic.py`), a scripted expert
(`generation/expert.py`), or recorded actions (`generation/replay.py`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import torch

from mimicgen.datagen.attempts import FINAL, Attempt, Outcome, reason_for_failure
from mimicgen.datagen.config.run import RunConfig
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.generation.flight import Flight
from mimicgen.datagen.generation.randomness import Streams, attempt_seed, run_with
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.reference.rendezvous import Rendezvous


class Policy(Protocol):
    """What acts in the environments."""

    async def act(self, flight: Flight, rendezvous: Rendezvous) -> None:
        """Act in one attempt: ask for a reset, then for steps, until the attempt is over.

        Random numbers come from the attempt's own streams; `asyncio.sleep(0)` is not passed on.
        """

    def reset(self, flight: Flight) -> None:
        """Put the attempt's environment into the state that the attempt starts from."""

    def judge(self, flight: Flight, *, success: bool) -> str | None:
        """Return why an attempt that ended is a failure for a reason of the policy's own, else None."""


class Driver:
    """Implements `mimicgen.datagen.session.generator.Generator` over a policy.

    Args:
        environment: The environment, open.
        config: The run's configuration.
        policy: What acts.
        renderer: What draws kept demonstrations, if they are to be drawn.
        made: Numbers of attempts that an earlier run has made.
    """

    def __init__(
        self,
        environment: Environment,
        config: RunConfig,
        policy: Policy,
        renderer: Renderer | None = None,
        made: Collection[int] = (),
    ):
        self._environment = environment
        self._config = config
        self._policy = policy
        self._env = environment.env
        self._signals = environment.signal_names
        self.stages = (*self._signals, FINAL)
        self.facts = environment.facts
        self.env_args = environment.env_args()
        self.renderer = renderer
        self._rendezvous = Rendezvous(self._env.num_envs)
        self._flights: dict[int, Flight] = {}
        self._numbers = (number for number in itertools.count(1) if number not in made)
        self._next = next(self._numbers)
        self._last = 0
        self._tasks: list[asyncio.Task[None]] = []

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
                flight = self._flights[env_id]
                with torch.inference_mode(), flight.streams.active():
                    self._policy.reset(flight)
                    poses = self._env.get_object_poses(env_ids=[env_id])
                    flight.start_from({name: pose[0] for name, pose in poses.items()})
            rendezvous.resets.serve()
            await rendezvous.everybody()
        return torch.stack([action for _, action in sorted(rendezvous.actions.pending, key=lambda pair: pair[0])])

    def step(self, actions: torch.Tensor) -> None:
        """See `Generator.step`. Success and the subtask signals are computed once for all environments."""
        with torch.inference_mode():
            self._environment.step(actions)
            self._environment.update_success()
            signals = {name: signal.tolist() for name, signal in self._env.get_subtask_term_signals().items()}
            succeeded = self._environment.succeeded.tolist()
        for env_id, flight in self._flights.items():
            success = succeeded[env_id]
            flight.steps += 1
            if success:
                flight.last_success = flight.steps
            for name, step in flight.signals.items():
                if step is None and signals[name][env_id]:
                    flight.signals[name] = flight.steps
        self._rendezvous.actions.serve()

    def resting(self) -> bool:
        """See `Generator.resting`."""
        return 0 not in self._flights

    def abandoned(self) -> list[Attempt]:
        """See `Generator.abandoned`."""
        return [flight.land(Outcome.ABANDONED, "the run ended first") for _, flight in sorted(self._flights.items())]

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
        flight = self._begin(env_id)
        await run_with(flight.streams, self._policy.act(flight, self._rendezvous))
        held = bool(self._environment.succeeded[env_id])
        if held:
            await run_with(flight.streams, self._settle(env_id))
        success = bool(self._environment.succeeded[env_id])
        reason = self._policy.judge(flight, success=success)
        if reason is None and not success:
            reason = reason_for_failure(
                flight.signals,
                last_success=flight.last_success,
                held=held,
                steps=flight.steps,
                lacking=self._environment.lacking([env_id])[env_id],
            )
        del self._flights[env_id]
        if reason is None:
            return flight.land(Outcome.SUCCESS, "the success term held after settling")
        return flight.land(Outcome.FAILURE, reason)

    def _begin(self, env_id: int) -> Flight:
        number = self._next
        self._next = next(self._numbers)
        seed = attempt_seed(self._config.seed, number)
        flight = Flight(
            number=number,
            env=env_id,
            seed=seed,
            streams=Streams(seed, self._env.device),
            signals=dict.fromkeys(self._signals),
        )
        self._flights[env_id] = flight
        return flight

    async def _settle(self, env_id: int) -> None:
        """Hold the hand where it is, for as long as success has to last."""
        hold = self._environment.hold(env_id)
        for _ in range(self._config.settle_steps):
            await self._rendezvous.actions.put((env_id, hold()))
            await self._rendezvous.actions.join()
