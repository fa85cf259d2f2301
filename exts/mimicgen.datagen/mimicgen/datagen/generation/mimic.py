"""Acts as Mimic does: segments of source demonstrations, moved to where the objects are now.

What an attempt does is what `isaaclab_mimic`'s `DataGenerator` does; with one environment, the same seed and without
`mimic.keep_clear` the actions are the same. Where an end effector's subtask begins, its next plan is made
(`planning.py`), and it is settled who goes on and who waits until somebody needs a plan again (`timing.py`). What all
end effectors of an environment are to reach until then lies in rows; every environment's next row becomes its action.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.converting import Converter
from mimicgen.datagen.generation.interpolation import normals
from mimicgen.datagen.generation.perturbing import Perturber
from mimicgen.datagen.generation.planning import Planner
from mimicgen.datagen.generation.plans.plan import Request, with_approaches
from mimicgen.datagen.generation.plans.progress import Progress
from mimicgen.datagen.generation.plans.together import Asked, Together
from mimicgen.datagen.generation.policy import Over
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.pool import SourcePool
from mimicgen.datagen.isaaclab.resets import Resets


class MimicPolicy:
    """Implements `mimicgen.datagen.generation.policy.Policy`.

    Args:
        environment: The environment, open.
        sources: The source demonstrations, on the host.
        clearances: Prefer segments that lead the hand into nothing else, by these; by end effector.
        left_out: The source demonstrations that are never chosen, by end effector and subtask.
        perturb: Share of the attempts that are disturbed.

    Attributes:
        perturber: What disturbs them, if any are.

    Raises:
        TaskError: The constraints between the subtasks cannot be kept.
    """

    def __init__(
        self,
        environment: Environment,
        sources: SourcePool,
        clearances: Mapping[str, Clearance] | None = None,
        left_out: Mapping[str, Sequence[Collection[int]]] | None = None,
        perturb: float = 0.0,
    ):
        self._environment = environment
        self._env = environment.env
        self._planner = Planner(self._env, sources, clearances, left_out)
        self._reset = Resets(self._env)
        self._convert = Converter(self._env)
        self.draws_on = self._reset.draws_on if self._convert.draws is not None else str(self._env.device)
        longest = self._planner.longest
        self.perturber = Perturber(environment, self._planner, perturb) if perturb else None
        longest += self.perturber.longest if self.perturber else 0
        self.longest: int | None = longest
        self._progress: dict[int, Progress] = {}
        self._held: set[int] = set()
        # Whose noise is how many numbers of a step; its amplitude alone, where the environment draws it itself.
        self._draws = self._convert.draws or tuple((eef, 1) for eef in self._planner.subtasks)
        # One row a step: pose (16) and gripper of every end effector, then noise. All environments' rows of a step are
        # sent to the device in one piece.
        grippers = {eef: own[0].cpu() for eef, own in sources.pool.datagen_infos[0].gripper_action.items()}
        self._columns: dict[str, tuple[slice, slice]] = {}
        width = 0
        for eef in self._planner.subtasks:
            middle, end = width + 16, width + 16 + len(grippers[eef])
            self._columns[eef], width = (slice(width, middle), slice(middle, end)), end
        self._noise = slice(width, width + sum(numbers for _, numbers in self._draws))
        count = self._env.num_envs
        self._rows = np.zeros((count, longest, self._noise.stop), dtype=np.float32)
        for eef, (_, own) in self._columns.items():
            self._rows[:, :, own] = grippers[eef].numpy()
        self._at = np.zeros(count, dtype=np.int64)
        self._until = np.zeros(count, dtype=np.int64)
        self._everybody = np.arange(count)
        self._acting = np.zeros(count, dtype=bool)
        alike = self.perturber is None and self._convert.draws is not None
        together = alike and Together.fits(self._planner, self._env)
        self._together = Together(self._planner, self._noise.stop - self._noise.start, count) if together else None

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """See `Policy.begin`."""
        self._reset({attempt.env: attempt.streams for attempt in attempts})
        for attempt in attempts:
            attempt.set_out(self.draws_on)
            with attempt.streams.active():
                timing, choices = self._planner.begin()
            disturbance = self.perturber.drawn(attempt) if self.perturber else None
            self._progress[attempt.env] = Progress(attempt, timing, choices, disturbance)
            self._held.discard(attempt.env)
        chosen = [attempt.env for attempt in attempts]
        self._acting[chosen] = True
        self._at[chosen] = self._until[chosen] = 0

    def hold(self, env_ids: Sequence[int]) -> None:
        """See `Policy.hold`."""
        self._held.update(env_ids)
        self._acting[list(env_ids)] = False

    async def actions(self) -> torch.Tensor:
        """See `Policy.actions`."""
        with torch.inference_mode():
            self._stay()
            self._go_on()
            rows = torch.from_numpy(self._rows[self._everybody, self._at]).to(self._env.device)
            targets = {eef: rows[:, pose].reshape(-1, 4, 4) for eef, (pose, _) in self._columns.items()}
            grippers = {eef: rows[:, gripper] for eef, (_, gripper) in self._columns.items()}
            noise = rows[:, self._noise]
            if self._convert.draws is not None:
                actions = self._convert(targets, grippers, noise)
            else:
                actions = torch.stack([self._alone(env_id, targets, grippers, own) for env_id, own in enumerate(noise)])
            self._push(actions, targets, grippers)
            return actions

    def over(self) -> list[Over]:
        """See `Policy.over`."""
        self._at += self._acting
        over = []
        for env_id in self._at_the_end():
            progress = self._progress[env_id]
            progress.steps += int(self._until[env_id])
            if progress.disturbance is not None and progress.disturbance.left is not None:
                progress.disturbance.left -= int(self._until[env_id])
            for eef, subtask in progress.timing.over:
                progress.attempt.end_subtask(eef, subtask, progress.steps)
                subtasks = self._planner.subtasks[eef]
                if subtask < len(subtasks) - 1:
                    over.append(Over(env=env_id, eef=eef, signal=subtasks[subtask].subtask_term_signal))
            if progress.timing.done:
                over.append(Over(env=env_id, last=True))
        return over

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """The success term alone decides."""
        return None

    def _push(
        self, actions: torch.Tensor, targets: Mapping[str, torch.Tensor], grippers: Mapping[str, torch.Tensor]
    ) -> None:
        """Have hands that are pushed led off their way, whatever the actions say."""
        if self.perturber is None:
            return
        disturbed = ((env_id, progress.disturbance) for env_id, progress in self._progress.items())
        pushes = [
            (env_id, own) for env_id, own in disturbed if own and own.acts and not own.moves and self._acting[env_id]
        ]
        if not pushes:
            return
        led = {eef: poses.clone() for eef, poses in targets.items()}
        for env_id, own in pushes:
            led[own.eef][env_id, :3, 3] += torch.tensor(own.by, device=self._env.device)
        executed = actions.clone()
        chosen = [env_id for env_id, _ in pushes]
        executed[chosen] += (self._convert(led, grippers) - self._convert(targets, grippers))[chosen]
        self._environment.execute(executed)

    def _alone(
        self,
        env_id: int,
        targets: Mapping[str, torch.Tensor],
        grippers: Mapping[str, torch.Tensor],
        amplitudes: torch.Tensor,
    ) -> torch.Tensor:
        """Return the action of an environment that converts in a way of its own."""
        if not self._acting[env_id]:
            return self._convert.alone(env_id, targets, grippers)
        with self._progress[env_id].attempt.streams.active():
            return self._convert.alone(
                env_id, targets, grippers, dict(zip(self._columns, amplitudes.unbind(), strict=True))
            )

    def _at_the_end(self) -> list[int]:
        """Return the environments in which somebody's plan is over."""
        return np.nonzero(self._acting & (self._at == self._until))[0].tolist()

    def _stay(self) -> None:
        """Let environments in which nothing is left to do stay as they are."""
        if not self._held:
            return
        held = sorted(self._held)
        self._held.clear()
        rows = self._rows[held, np.maximum(self._at[held] - 1, 0)]
        rows[:, self._noise] = 0.0
        for eef, (pose, _) in self._columns.items():
            rows[:, pose] = self._env.get_robot_eef_pose(eef).cpu()[held].reshape(-1, 16).numpy()
        self._rows[held, 0] = rows
        self._at[held], self._until[held] = 0, 1

    def _go_on(self) -> None:
        """Plan what comes next wherever somebody's plan is over."""
        done = self._at_the_end()
        if not done:
            return
        if self._together is not None:
            self._plan_together(self._together, done)
            return
        self._disturb(done)
        requests = self._requests(done)
        asked = iter(zip(requests, self._planner.eligible(requests), strict=True))
        parts, stretches = [], []
        for env_id in done:
            progress = self._progress[env_id]
            amplitudes = {eef: plan.amplitudes for eef, plan in progress.plans.items()}
            with progress.attempt.streams.active():
                for eef, again in progress.due():
                    part = self._planner.part(*next(asked))
                    progress.timing.begin(eef, len(part))
                    amplitudes[eef] = part.amplitudes
                    parts.append(part)
                    if again:
                        progress.attempt.end_subtask(eef, part.segment.subtask, progress.steps)
                    elif self.perturber is not None and self._is_disturbed(progress, eef):
                        assert progress.disturbance is not None
                        if not self.perturber.plan(progress.disturbance, part):
                            progress.disturbance = None
                if progress.disturbed:
                    progress.disturbance = None
                left = progress.disturbance.left if progress.disturbance is not None else None
                taken = torch.from_numpy(progress.timing.stretch(left))
                stretches.append((taken, self._drawn(taken, amplitudes)))
        for request, plan in zip(requests, with_approaches(parts), strict=True):
            progress = self._progress[request.env]
            progress.plans[request.eef] = plan
            progress.attempt.segments.append(plan.segment)
        for env_id, (taken, noise) in zip(done, stretches, strict=True):
            self._follow(env_id, taken, noise)

    def _plan_together(self, together: Together, env_ids: Sequence[int]) -> None:
        """Plan what comes next in environments whose plans can be made together."""
        ((eef, (pose, gripper)),) = self._columns.items()
        eef_poses, object_poses = self._environment.poses(env_ids)
        alike: dict[int, list[int]] = {}
        for row, env_id in enumerate(env_ids):
            alike.setdefault(self._progress[env_id].timing.subtask[eef], []).append(row)
        for subtask, rows in alike.items():
            envs = [env_ids[row] for row in rows]
            whose = [self._progress[env_id] for env_id in envs]
            asked = [
                Asked(env=env_id, attempt=own.attempt, choices=own.choices, begun=own.steps)
                for env_id, own in zip(envs, whose, strict=True)
            ]
            here = {name: poses[rows] for name, poses in object_poses.items()}
            plans = together.plan(subtask, asked, eef_poses[eef][rows], here)
            steps = plans.poses.shape[1]
            self._rows[envs, :steps, pose] = plans.poses.reshape(len(envs), steps, 16).numpy()
            self._rows[envs, :steps, gripper] = plans.grippers.numpy()
            self._rows[envs, :steps, self._noise] = plans.noise
            self._at[envs], self._until[envs] = 0, plans.lengths
            for env_id, count in zip(envs, plans.lengths.tolist(), strict=True):
                timing = self._progress[env_id].timing
                timing.begin(eef, count)
                timing.stretch()

    def _is_disturbed(self, progress: Progress, eef: str) -> bool:
        """Return whether what an end effector begins is the subtask in which its attempt is going to be disturbed."""
        own = progress.disturbance
        return own is not None and (own.eef, own.subtask) == (eef, progress.timing.subtask[eef]) and own.left is None

    def _disturb(self, env_ids: Sequence[int]) -> None:
        """Begin the disturbances whose time has come."""
        for env_id in env_ids:
            progress = self._progress[env_id]
            own = progress.disturbance
            if self.perturber is None or own is None or own.left != 0 or own.acts:
                continue
            if not self.perturber.act(own, progress.attempt, progress.steps):
                progress.disturbance = None

    def _requests(self, env_ids: Sequence[int]) -> list[Request]:
        """Return what has to be planned, in the order in which upstream does."""
        eef_poses, object_poses = self._environment.poses(env_ids)
        return [
            Request(
                env=env_id,
                eef=eef,
                subtask=progress.timing.subtask[eef],
                choices=progress.choices,
                before=progress.plans.get(eef),
                eef_pose=eef_poses[eef][row],
                object_poses={name: poses[row] for name, poses in object_poses.items()},
                begun=progress.steps,
                used=progress.attempt.used(eef, progress.timing.subtask[eef]),
                rejoins=again,
            )
            for row, env_id in enumerate(env_ids)
            for progress in (self._progress[env_id],)
            for eef, again in progress.due()
        ]

    def _drawn(self, taken: torch.Tensor, amplitudes: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Draw noise for steps: shape (steps, numbers).

        Args:
            taken: Waypoints by step and end effector.
            amplitudes: Of the end effectors' waypoints.
        """
        scales = {
            eef: amplitudes[eef][own][:, None] for eef, own in zip(self._columns, taken.unbind(dim=1), strict=True)
        }
        scale = torch.cat([scales[eef].expand(-1, numbers) for eef, numbers in self._draws], dim=1)
        return normals(*scale.shape) * scale if self._convert.draws is not None else scale

    def _follow(self, env_id: int, taken: torch.Tensor, noise: torch.Tensor) -> None:
        """Put what the end effectors of an environment do until somebody's plan is over into its rows."""
        plans, parts = self._progress[env_id].plans, []
        for eef, own in zip(self._columns, taken.unbind(dim=1), strict=True):
            parts += [plans[eef].poses[own].reshape(-1, 16), plans[eef].grippers[own]]
        self._rows[env_id, : len(taken)] = torch.cat([*parts, noise], dim=1).numpy()
        self._at[env_id], self._until[env_id] = 0, len(taken)
