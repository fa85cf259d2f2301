"""Attempts driven by `isaaclab_mimic`'s own `DataGenerator`, one task an environment.

Only upstream's `env_loop` and its module-global counters are replaced (they own the event loop and the process). The
attempts themselves (source selection, transformation, interpolation, noise) are upstream's code.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import torch
from isaaclab.managers import TerminationTermCfg
from isaaclab_mimic.datagen.data_generator import DataGenerator

from mimicgen.datagen.attempts import FINAL, Attempt, Outcome, Segment, reason_for_failure
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.simulation.environment import Environment
from mimicgen.datagen.simulation.randomness import Streams, attempt_seed, run_with
from mimicgen.datagen.simulation.rendezvous import Rendezvous


class ReportingDataGenerator(DataGenerator):  # type: ignore[misc]
    """Upstream's generator, telling which source segment it chose.

    Attributes:
        on_segment: Called with the environment, the end effector, the subtask, the index of the source demonstration
            and the first and the end step of the segment.
    """

    on_segment: Callable[[int, str, int, int, int, int], None]

    def generate_eef_subtask_trajectory(
        self,
        env_id: int,
        eef_name: str,
        subtask_ind: int,
        all_randomized_subtask_boundaries: dict[str, Any],
        runtime_subtask_constraints_dict: dict[Any, Any],
        selected_src_demo_inds: dict[str, int],
    ) -> Any:
        """Build the trajectory as upstream does, then report the choice that it made."""
        trajectory = super().generate_eef_subtask_trajectory(
            env_id,
            eef_name,
            subtask_ind,
            all_randomized_subtask_boundaries,
            runtime_subtask_constraints_dict,
            selected_src_demo_inds,
        )
        demo = selected_src_demo_inds[eef_name]
        start, end = all_randomized_subtask_boundaries[eef_name][demo, subtask_ind]
        self.on_segment(env_id, eef_name, subtask_ind, int(demo), int(start), int(end))
        return trajectory


@dataclasses.dataclass
class _Flight:
    """What is known of the attempt that is under way in an environment."""

    number: int
    env: int
    seed: int
    streams: Streams
    signals: dict[str, int | None]
    segments: list[Segment] = dataclasses.field(default_factory=list)
    begin: float = dataclasses.field(default_factory=time.perf_counter)
    steps: int = 0
    last_success: int | None = None

    def land(self, outcome: Outcome, reason: str) -> Attempt:
        return Attempt(
            number=self.number,
            env=self.env,
            seed=self.seed,
            segments=tuple(self.segments),
            signals=dict(self.signals),
            outcome=outcome,
            reason=reason,
            steps=self.steps,
            seconds=time.perf_counter() - self.begin,
        )


class ReferenceGenerator:
    """Implements `mimicgen.datagen.session.Generator` over upstream's `DataGenerator`.

    Args:
        environment: The environment, open.
        config: The run's configuration.
    """

    def __init__(self, environment: Environment, config: RunConfig):
        self._environment = environment
        self._config = config
        self._env = environment.env
        self._signals = environment.signal_names
        self.stages = (*self._signals, FINAL)
        self.facts = environment.facts
        self._generator = ReportingDataGenerator(self._env, environment.pool)
        self._generator.on_segment = self._note_segment
        self._rendezvous = Rendezvous(self._env.num_envs)
        self._flights: dict[int, _Flight] = {}
        self._attempts = 0
        self._success = torch.zeros(self._env.num_envs, dtype=torch.bool)
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
        return self._rendezvous.ends.pending

    def keep(self, attempt: Attempt) -> Attempt:
        """See `Generator.keep`. A failure is written to the file of failures, if there is one."""
        success = attempt.outcome is Outcome.SUCCESS
        demo = self._environment.export(attempt.env, success=success, seed=attempt.seed)
        return dataclasses.replace(attempt, demo=demo)

    async def actions(self) -> torch.Tensor:
        """See `Generator.actions`. Shape (num_envs, action_dim)."""
        rendezvous = self._rendezvous
        rendezvous.ends.serve()
        await rendezvous.everybody()
        while resets := rendezvous.resets.pending:
            for env_id in resets:
                with torch.inference_mode(), self._flights[env_id].streams.active():
                    self._env.reset(env_ids=torch.tensor([env_id], dtype=torch.int64, device=self._env.device))
            rendezvous.resets.serve()
            await rendezvous.everybody()
        return torch.stack([action for _, action in sorted(rendezvous.actions.pending, key=lambda pair: pair[0])])

    def step(self, actions: torch.Tensor) -> None:
        """See `Generator.step`. Success and the subtask signals are computed once for all environments."""
        with torch.inference_mode():
            self._env.step(actions)
            self._success = self._environment.success()
            signals = {name: signal.tolist() for name, signal in self._env.get_subtask_term_signals().items()}
        for env_id, success in enumerate(self._success.tolist()):
            flight = self._flights[env_id]
            flight.steps += 1
            if success:
                flight.last_success = flight.steps
            for name, step in flight.signals.items():
                if step is None and signals[name][env_id]:
                    flight.signals[name] = flight.steps
        self._rendezvous.actions.serve()

    def abandoned(self) -> list[Attempt]:
        """See `Generator.abandoned`."""
        ended = {attempt.env for attempt in self._rendezvous.ends.pending}
        return [
            flight.land(Outcome.ABANDONED, "the run ended first")
            for env_id, flight in sorted(self._flights.items())
            if env_id not in ended
        ]

    async def _attempts_in(self, env_id: int) -> None:
        """Make one attempt after the other in an environment, until cancelled."""
        rendezvous = self._rendezvous
        success_term = TerminationTermCfg(func=lambda _: self._success, params={})
        while True:
            flight = self._begin(env_id)
            attempt = self._generator.generate(
                env_id=env_id,
                success_term=success_term,
                env_reset_queue=rendezvous.resets,
                env_action_queue=rendezvous.actions,
                export_demo=False,
            )
            await run_with(flight.streams, attempt)
            held = bool(self._success[env_id])
            if held:
                await run_with(flight.streams, self._settle(env_id))
            if bool(self._success[env_id]):
                ended = flight.land(Outcome.SUCCESS, "the success term held after settling")
            else:
                reason = reason_for_failure(
                    flight.signals, last_success=flight.last_success, held=held, steps=flight.steps
                )
                ended = flight.land(Outcome.FAILURE, reason)
            await rendezvous.ends.put(ended)
            await rendezvous.ends.join()

    def _begin(self, env_id: int) -> _Flight:
        self._attempts += 1
        seed = attempt_seed(self._config.seed, self._attempts)
        flight = _Flight(
            number=self._attempts,
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

    def _note_segment(self, env_id: int, eef: str, subtask: int, demo: int, start: int, end: int) -> None:
        name = self._environment.source_names[demo]
        self._flights[env_id].segments.append(Segment(eef=eef, subtask=subtask, demo=name, start=start, end=end))
