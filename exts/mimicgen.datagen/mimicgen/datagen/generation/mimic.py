"""Acts as Mimic does: segments of source demonstrations, moved to where the objects are now.

What an attempt does is what `isaaclab_mimic`'s `DataGenerator` does for tasks with one end effector; with one
environment, the same seed and without `mimic.keep_clear` the actions are the same. Where a subtask begins, the next
plan is made (`planning.py`); every environment's next waypoint becomes its action, in one conversion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.converting import Converter
from mimicgen.datagen.generation.planning import Plan, Planner, Request, hold
from mimicgen.datagen.generation.policy import Over
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.pool import SourcePool
from mimicgen.datagen.isaaclab.resets import Resets


@dataclasses.dataclass
class _Progress:
    """How far an attempt has come.

    Attributes:
        attempt: The attempt.
        subtask: Index of the subtask.
        boundaries: Where source segments begin and end, as drawn for the attempt.
        plan: What is being followed.
    """

    attempt: UnderWay
    boundaries: np.ndarray[Any, Any]
    subtask: int = 0
    plan: Plan | None = None


class MimicPolicy:
    """Implements `mimicgen.datagen.generation.policy.Policy`.

    Args:
        environment: The environment, open.
        sources: The source demonstrations, on the host.
        clearance: Prefer segments that lead the hand into nothing else, by this; None not to.
    """

    def __init__(self, environment: Environment, sources: SourcePool, clearance: Clearance | None = None):
        self._env = environment.env
        self._planner = Planner(self._env, sources, clearance)
        self._reset = Resets(self._env)
        self._convert = Converter(self._env, (self._planner.eef,))
        self.draws_on = self._reset.draws_on
        longest = self._planner.longest
        self.longest: int | None = longest
        self._progress: dict[int, _Progress] = {}
        self._held: set[int] = set()
        first = sources.pool.datagen_infos[0].gripper_action[self._planner.eef][0].cpu()
        count = self._env.num_envs
        # One row a waypoint: pose (16), noise (6), gripper. A step's rows are sent to the device in one piece.
        self._rows = np.zeros((count, longest, 16 + 6 + len(first)), dtype=np.float32)
        self._rows[:, :, 22:] = first.numpy()
        self._at = np.zeros(count, dtype=np.int64)
        self._until = np.zeros(count, dtype=np.int64)
        self._everybody = np.arange(count)
        self._acting = np.zeros(count, dtype=bool)

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """See `Policy.begin`."""
        self._reset({attempt.env: attempt.streams for attempt in attempts})
        for attempt in attempts:
            with attempt.streams.active():
                boundaries = self._planner.boundaries()
            self._progress[attempt.env] = _Progress(attempt, boundaries)
            self._held.discard(attempt.env)
        chosen = [attempt.env for attempt in attempts]
        self._acting[chosen] = True
        self._at[chosen] = self._until[chosen] = 0

    def hold(self, env_ids: Sequence[int]) -> None:
        """See `Policy.hold`."""
        self._held.update(env_ids)
        self._acting[list(env_ids)] = False

    def actions(self) -> torch.Tensor:
        """See `Policy.actions`."""
        self._make_plans()
        rows = torch.from_numpy(self._rows[self._everybody, self._at]).to(self._env.device)
        poses, noise, grippers = rows.split((16, 6, rows.shape[1] - 22), dim=1)
        eef = self._planner.eef
        return self._convert({eef: poses.reshape(-1, 4, 4)}, {eef: grippers}, noise)

    def over(self) -> list[Over]:
        """See `Policy.over`."""
        self._at += self._acting
        over = []
        subtasks = self._planner.subtasks
        for env_id in self._at_the_end():
            progress = self._progress[env_id]
            signal = subtasks[progress.subtask].subtask_term_signal
            progress.subtask += 1
            over.append(Over(env=env_id, signal=signal, last=progress.subtask == len(subtasks)))
        return over

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """The success term alone decides."""
        return None

    def _at_the_end(self) -> list[int]:
        """Return the environments whose plan is done."""
        return np.nonzero(self._acting & (self._at == self._until))[0].tolist()

    def _make_plans(self) -> None:
        """Plan what comes next wherever the last plan is done."""
        done = self._at_the_end()
        if not done and not self._held:
            return
        eef_poses = self._env.get_robot_eef_pose(self._planner.eef).cpu()
        for env_id in self._held:
            plan = self._progress[env_id].plan if env_id in self._progress else None
            gripper = plan.grippers[-1] if plan is not None else torch.from_numpy(self._rows[env_id, 0, 22:])
            self._follow(env_id, hold(eef_poses[env_id], gripper, 1))
        self._held.clear()
        if not done:
            return
        object_poses = {name: poses.cpu() for name, poses in self._env.get_object_poses().items()}
        requests = [
            Request(
                streams=progress.attempt.streams,
                subtask=progress.subtask,
                boundaries=progress.boundaries,
                before=progress.plan,
                eef_pose=eef_poses[env_id],
                object_poses={name: poses[env_id] for name, poses in object_poses.items()},
            )
            for env_id in done
            for progress in (self._progress[env_id],)
        ]
        for env_id, plan in zip(done, self._planner.plans(requests), strict=True):
            progress = self._progress[env_id]
            progress.plan = plan
            if plan.segment is not None:
                progress.attempt.segments.append(plan.segment)
            self._follow(env_id, plan)

    def _follow(self, env_id: int, plan: Plan) -> None:
        """Begin a plan in an environment."""
        rows = torch.cat([plan.poses.reshape(-1, 16), plan.noise, plan.grippers], dim=1)
        self._rows[env_id, : len(plan)] = rows.numpy()
        self._at[env_id], self._until[env_id] = 0, len(plan)
