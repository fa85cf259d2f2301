"""Attempts made by `isaaclab_mimic`'s own `DataGenerator`.

Only upstream's `env_loop` and its module-global counters are replaced (they own the event loop and the process). The
attempts themselves (source selection, transformation, interpolation, noise) are upstream's code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from isaaclab.managers import TerminationTermCfg
from isaaclab_mimic.datagen.data_generator import DataGenerator

from mimicgen.datagen.attempts import Segment, reason_for_abort
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.isaaclab.environment import Environment
from mimicgen.datagen.isaaclab.pool import SourcePool
from mimicgen.datagen.reference.rendezvous import Rendezvous


class _Waypoints(list[Any]):
    """What an end effector is to do in a subtask. Upstream repeats the last waypoint where nothing is left to do."""

    def __init__(self, waypoints: list[Any], on_over: Callable[[], None]):
        super().__init__(waypoints)
        self._on_over = on_over

    def append(self, waypoint: Any) -> None:
        """Repeat a waypoint."""
        super().append(waypoint)
        self._on_over()


class ReportingDataGenerator(DataGenerator):  # type: ignore[misc]
    """Upstream's generator, telling which subtask begins and which source segment it chose.

    Attributes:
        on_subtask: Called before that, with the environment, the end effector and the subtask.
        on_segment: Called with the environment, the end effector, the subtask, the index of the source demonstration
            and the first and the end step of the segment.
        on_last: Called with the environment and the end effector at every step after which nothing is left to do.
    """

    on_subtask: Callable[[int, str, int], None]
    on_segment: Callable[[int, str, int, int, int, int], None]
    on_last: Callable[[int, str], None]

    def generate_eef_subtask_trajectory(
        self,
        env_id: int,
        eef_name: str,
        subtask_ind: int,
        all_randomized_subtask_boundaries: dict[str, Any],
        runtime_subtask_constraints_dict: dict[Any, Any],
        selected_src_demo_inds: dict[str, int],
    ) -> Any:
        """Build the trajectory as upstream does, and report the choice that it made."""
        self.on_subtask(env_id, eef_name, subtask_ind)
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

    def merge_eef_subtask_trajectory(self, env_id: int, eef_name: str, *arguments: Any) -> list[Any]:
        """Merge as upstream does, and report when nothing is left to do."""
        waypoints = super().merge_eef_subtask_trajectory(env_id, eef_name, *arguments)
        return _Waypoints(waypoints, lambda: self.on_last(env_id, eef_name))


class MimicPolicy:
    """Acts as Mimic does: segments of source demonstrations, moved to where the objects are now.

    Args:
        environment: The environment, open.
        sources: The source demonstrations, on the environment's device.
        early_abort: Whether an attempt ends when a subtask is over and its signal has not come.
    """

    def __init__(self, environment: Environment, sources: SourcePool, *, early_abort: bool):
        self._environment = environment
        self._names = sources.names
        self._early_abort = early_abort
        self._generator = ReportingDataGenerator(environment.env, sources.pool)
        self._generator.on_subtask = self._check_signal
        self._generator.on_segment = self._note_segment
        self._generator.on_last = self._end_last
        self._subtasks = environment.env.cfg.subtask_configs
        # Upstream evaluates the term for all environments, in every environment; the driver has done so already.
        self._success = TerminationTermCfg(func=lambda _: environment.succeeded, params={})
        self._attempts: dict[int, UnderWay] = {}

    async def act(self, attempt: UnderWay, rendezvous: Rendezvous) -> None:
        """Make an attempt: ask for a reset, then for steps, until the attempt is over."""
        self._attempts[attempt.env] = attempt
        with contextlib.suppress(_SubtaskFailedError):
            await self._generator.generate(
                env_id=attempt.env,
                success_term=self._success,
                env_reset_queue=rendezvous.resets,
                env_action_queue=rendezvous.actions,
                export_demo=False,
            )

    def reset(self, attempt: UnderWay) -> None:
        """Reset the environment with its own randomisation."""
        env = self._environment.env
        env.reset(env_ids=torch.tensor([attempt.env], dtype=torch.int64, device=env.device))

    def judge(self, attempt: UnderWay, *, success: bool) -> str | None:
        """Return why the attempt was ended early, if it was; else the success term alone decides."""
        if self._early_abort and attempt.overdue is not None:
            lacking = self._environment.lacking({attempt.env: attempt.overdue})[attempt.env]
            eef = attempt.overdue_eef if len(self._subtasks) > 1 else None
            return reason_for_abort(attempt.overdue, eef=eef, steps=attempt.steps, lacking=lacking)
        return None

    def _check_signal(self, env_id: int, eef: str, subtask: int) -> None:
        attempt = self._attempts[env_id]
        if subtask == 0:
            return
        attempt.end_subtask(eef, subtask - 1, attempt.steps)
        signal = self._subtasks[eef][subtask - 1].subtask_term_signal
        if signal in attempt.signals and attempt.signals[signal] is None:
            attempt.miss(signal, eef)
            if self._early_abort:
                raise _SubtaskFailedError

    def _end_last(self, env_id: int, eef: str) -> None:
        attempt, last = self._attempts[env_id], len(self._subtasks[eef]) - 1
        if any((one.eef, one.subtask, one.over) == (eef, last, None) for one in attempt.segments):
            attempt.end_subtask(eef, last, attempt.steps)

    def _note_segment(self, env_id: int, eef: str, subtask: int, demo: int, start: int, end: int) -> None:
        attempt, name = self._attempts[env_id], self._names[demo]
        attempt.segments.append(Segment(eef=eef, subtask=subtask, demo=name, start=start, end=end, begun=attempt.steps))


class _SubtaskFailedError(Exception):
    """A subtask is over, and its signal has not come."""
