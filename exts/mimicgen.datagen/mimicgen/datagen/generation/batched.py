"""Attempts in all environments at once: one state machine over tensors instead of one coroutine an environment.

`Batched` is a session's generator. What an attempt does is what `isaaclab_mimic`'s `DataGenerator` does for tasks with
one end effector; with one environment, the same seed and without `mimic.keep_clear` the actions are the same. A cycle:

- environments whose attempt was accounted for begin a new one, and are reset together;
- where a subtask begins, the next plan is made (`planning.py`);
- every environment's next waypoint becomes its action, in one conversion;
- after the step, success and signals are read once, and attempts that are over are ended.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.attempts import FINAL, Attempt, Outcome, reason_for_abort, reason_for_failure
from mimicgen.datagen.config.run import RunConfig
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.outputs.parts import Episode
from mimicgen.datagen.generation import clearance
from mimicgen.datagen.generation.flight import Flight
from mimicgen.datagen.generation.planning import Plan, Planner, Request, actions_towards, hold
from mimicgen.datagen.generation.pool import SourcePool
from mimicgen.datagen.generation.randomness import Streams, attempt_seed
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.resets import Resets

GROUPS = 32
"""A reset takes as long for one environment as for many, so this part of the environments is waited for..."""

PATIENCE = 8
"""...but not for more steps than this. With fewer than twice as many environments as groups, nothing waits."""


@dataclasses.dataclass
class _Course:
    """Where an attempt is in its plans.

    Attributes:
        flight: What is known of the attempt.
        subtask: Index of the subtask.
        boundaries: Where source segments begin and end, as drawn for the attempt.
        plan: What is being followed.
        settling: The last subtask is done, and success has to last.
    """

    flight: Flight
    subtask: int = 0
    boundaries: np.ndarray[Any, Any] | None = None
    plan: Plan | None = None
    settling: bool = False


class Batched:
    """Implements `mimicgen.datagen.session.generator.Generator`.

    Args:
        environment: The environment, open.
        config: The run's configuration.
        sources: The source demonstrations, on the host.
        renderer: What draws kept demonstrations, if they are to be drawn.
        made: Numbers of attempts that an earlier run has made.

    Attributes:
        longest: Steps that an attempt can take at most, until its environment begins another.
    """

    def __init__(
        self,
        environment: Environment,
        config: RunConfig,
        sources: SourcePool,
        renderer: Renderer | None = None,
        made: Collection[int] = (),
    ):
        self._environment = environment
        self._config = config
        self._env = environment.env
        self._planner = Planner(self._env, sources, keep_clear=config.mimic.keep_clear and clearance.knows(self._env))
        self._reset = Resets(self._env)
        self.stages = (*environment.signal_names, FINAL)
        self.facts = environment.facts
        self.env_args = environment.env_args()
        self.renderer = renderer
        self._numbers = (number for number in itertools.count(1) if number not in made)
        self._coming: deque[tuple[int, int, Streams]] = deque()
        self._courses: dict[int, _Course] = {}
        self._ended: list[Attempt] = []
        self._free = list(range(self._env.num_envs))
        self._waited = 0
        count, steps = self._env.num_envs, max(self._planner.longest, config.settle_steps)
        self.longest = self._planner.longest + config.settle_steps + PATIENCE
        gripper_dim = sources.pool.datagen_infos[0].gripper_action[self._planner.eef].shape[-1]
        # One row a waypoint: pose (16), noise (6), gripper. A step's rows are sent to the device in one piece.
        self._rows = np.zeros((count, steps, 16 + 6 + gripper_dim), dtype=np.float32)
        self._at = np.zeros(count, dtype=np.int64)
        self._until = np.zeros(count, dtype=np.int64)
        self._steps = np.zeros(count, dtype=np.int64)
        self._last_success = np.zeros(count, dtype=np.int64)
        self._first = {name: np.zeros(count, dtype=np.int64) for name in environment.signal_names}
        self._everybody = np.arange(count)
        self._under_way = np.zeros(count, dtype=bool)
        self._last = 0
        self._stay(sources.pool.datagen_infos[0].gripper_action[self._planner.eef][0].cpu())

    async def ended(self) -> list[Attempt]:
        """See `Generator.ended`."""
        return list(self._ended)

    def episodes(self, attempts: Sequence[Attempt]) -> Sequence[Episode]:
        """See `Generator.episodes`."""
        return self._environment.episodes([attempt.env for attempt in attempts])

    async def actions(self, last: int) -> torch.Tensor:
        """See `Generator.actions`. Shape (num_envs, action_dim)."""
        self._last = last
        with torch.inference_mode():
            self._begin()
            self._make_plans()
            return self._next_actions()

    def step(self, actions: torch.Tensor) -> None:
        """See `Generator.step`."""
        with torch.inference_mode():
            self._environment.step(actions)
            self._environment.update_success()
            signals = self._env.get_subtask_term_signals()
            told = torch.stack([self._environment.succeeded, *(signals[name].bool() for name in self._first)])
        # A CUDA device has only been told to step, and what can be done without its answer is done meanwhile.
        self._prepare(len(self._free) + int((self._under_way & (self._at + 1 == self._until)).sum()))
        succeeded, *came = told.cpu().numpy()
        self._steps += self._under_way
        self._at += self._under_way
        self._last_success[succeeded] = self._steps[succeeded]
        for first, now in zip(self._first.values(), came, strict=True):
            new = now & (first == 0)
            first[new] = self._steps[new]
        done = self._at_the_end()
        failed = [env_id for env_id in done if self._is_last(env_id) and not succeeded[env_id]]
        lacking = self._environment.lacking(failed)
        for env_id in done:
            self._go_on(env_id, success=bool(succeeded[env_id]), lacking=lacking.get(env_id))

    def resting(self) -> bool:
        """See `Generator.resting`."""
        return 0 in self._free or any(attempt.env == 0 for attempt in self._ended)

    def abandoned(self) -> list[Attempt]:
        """See `Generator.abandoned`."""
        over = {attempt.env for attempt in self._ended}
        return [
            self._told(env_id).land(Outcome.ABANDONED, "the run ended first")
            for env_id in sorted(self._courses)
            if env_id not in over
        ]

    def _begin(self) -> None:
        """Begin attempts where the last one was accounted for."""
        for attempt in self._ended:
            del self._courses[attempt.env]
            self._free.append(attempt.env)
            self._under_way[attempt.env] = False
            self._at[attempt.env] = self._until[attempt.env] - 1  # stays at its last waypoint
        self._ended.clear()
        self._prepare(len(self._free))
        beginning = sum(number <= self._last for number, *_ in itertools.islice(self._coming, len(self._free)))
        if not beginning:
            return
        self._waited += 1
        # Who has to wait for others waits while others may come.
        enough = min(self._env.num_envs // GROUPS, beginning + int(self._under_way.sum()))
        if beginning < enough and self._waited < PATIENCE:
            return
        free, self._free = sorted(self._free)[:beginning], sorted(self._free)[beginning:]
        self._waited = 0
        for env_id in free:
            number, seed, streams = self._coming.popleft()
            signals = dict.fromkeys(self._first)
            flight = Flight(number=number, env=env_id, seed=seed, streams=streams, signals=signals)
            self._courses[env_id] = _Course(flight)
        for values in (self._at, self._until, self._steps, self._last_success, *self._first.values()):
            values[free] = 0
        self._under_way[free] = True
        self._reset({env_id: self._courses[env_id].flight.streams for env_id in free})

    def _prepare(self, count: int) -> None:
        """Seed the random numbers of the attempts to come, until there are this many."""
        while len(self._coming) < count:
            number = next(self._numbers)
            seed = attempt_seed(self._config.seed, number)
            self._coming.append((number, seed, Streams(seed, self._reset.draws_on)))

    def _stay(self, gripper: torch.Tensor) -> None:
        """Let every environment stay where it is until an attempt begins in it.

        Args:
            gripper: The gripper's action meanwhile, shape (gripper_dim,).
        """
        poses = self._env.get_robot_eef_pose(self._planner.eef).cpu().reshape(-1, 16)
        self._rows[:, 0, :16] = poses.numpy()
        self._rows[:, 0, 22:] = gripper.numpy()

    def _at_the_end(self) -> list[int]:
        """Return the environments whose plan is done."""
        return np.nonzero(self._under_way & (self._at == self._until))[0].tolist()

    def _make_plans(self) -> None:
        """Plan what comes next wherever the last plan is done."""
        planner = self._planner
        done = self._at_the_end()
        if not done:
            return
        eef_poses = self._env.get_robot_eef_pose(planner.eef).cpu()
        object_poses = {name: poses.cpu() for name, poses in self._env.get_object_poses().items()}
        plans: dict[int, Plan] = {}
        requests: dict[int, Request] = {}
        for env_id in done:
            course = self._courses[env_id]
            if course.settling:
                assert course.plan is not None
                plans[env_id] = hold(eef_poses[env_id], course.plan.grippers[-1], self._config.settle_steps)
                continue
            poses = {name: poses[env_id] for name, poses in object_poses.items()}
            if course.boundaries is None:
                with course.flight.streams.active():
                    course.boundaries = planner.boundaries()
                course.flight.start_from(poses)
            requests[env_id] = Request(
                streams=course.flight.streams,
                subtask=course.subtask,
                boundaries=course.boundaries,
                before=course.plan,
                eef_pose=eef_poses[env_id],
                object_poses=poses,
            )
        plans |= zip(requests, planner.plans([*requests.values()]), strict=True)
        for env_id, plan in plans.items():
            course = self._courses[env_id]
            if plan.segment is not None:
                course.flight.segments.append(plan.segment)
            course.plan = plan
            rows = torch.cat([plan.poses.reshape(-1, 16), plan.noise, plan.grippers], dim=1)
            self._rows[env_id, : len(plan)] = rows.numpy()
            self._at[env_id], self._until[env_id] = 0, len(plan)

    def _next_actions(self) -> torch.Tensor:
        """Convert every environment's waypoint into its action."""
        rows = torch.from_numpy(self._rows[self._everybody, self._at]).to(self._env.device)
        poses, noise, grippers = rows.split((16, 6, rows.shape[1] - 22), dim=1)
        eef_poses = self._env.get_robot_eef_pose(self._planner.eef)
        return actions_towards(poses.reshape(-1, 4, 4), grippers, noise, eef_poses)

    def _is_last(self, env_id: int) -> bool:
        """Return whether the attempt of an environment has no subtask to come."""
        course = self._courses[env_id]
        return course.settling or course.subtask == len(self._planner.subtasks) - 1

    def _go_on(self, env_id: int, *, success: bool, lacking: str | None) -> None:
        """Decide what follows a plan that is done: the next subtask, settling, or the end of the attempt."""
        course, subtasks = self._courses[env_id], self._planner.subtasks
        flight = self._told(env_id)
        signal = subtasks[course.subtask].subtask_term_signal
        if self._is_last(env_id):
            if success and not course.settling and self._config.settle_steps > 0:
                course.settling = True
            elif success:
                self._ended.append(flight.land(Outcome.SUCCESS, "the success term held after settling"))
            else:
                reason = reason_for_failure(
                    flight.signals,
                    last_success=flight.last_success,
                    held=course.settling,
                    steps=flight.steps,
                    lacking=lacking,
                )
                self._ended.append(flight.land(Outcome.FAILURE, reason))
            return
        course.subtask += 1
        if signal in flight.signals and flight.signals[signal] is None:
            flight.overdue = flight.overdue or signal
            if self._config.early_abort:
                self._ended.append(flight.land(Outcome.FAILURE, reason_for_abort(signal, steps=flight.steps)))

    def _told(self, env_id: int) -> Flight:
        """Return the attempt of an environment, with what the arrays know of it."""
        flight = self._courses[env_id].flight
        flight.steps = int(self._steps[env_id])
        flight.last_success = int(self._last_success[env_id]) or None
        flight.signals = {name: int(first[env_id]) or None for name, first in self._first.items()}
        return flight
