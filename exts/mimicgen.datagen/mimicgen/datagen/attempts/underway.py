"""An attempt that is under way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, Self

import torch

from mimicgen.datagen.attempts import Attempt, Outcome, Segment, Try
from mimicgen.datagen.attempts.randomness import Streams, try_seed


@dataclasses.dataclass
class UnderWay:
    """What is known of the attempt that is under way in an environment.

    Attributes:
        number: Counts from 1 over the run.
        env: Environment index.
        seed: Seed of everything random in it.
        streams: The random numbers of the reset, and, with the first try, of all that follows.
        signals: Step at which each subtask signal first came.
        segments: Source segments chosen so far.
        begin: When it began [s, `perf_counter`].
        steps: Environment steps so far.
        last_success: Last step at which the success term was true.
        overdue: First signal that had not come when its subtask was over.
        overdue_eef: End effector of that subtask.
        starts: Where each object starts: x and y [m], turn about the vertical [rad].
        eefs: End effector that each signal is of, where there are several.
        earlier_tries: The tries that failed before this one.
        perturbed: What has disturbed it.
    """

    number: int
    env: int
    seed: int
    streams: Streams
    signals: dict[str, int | None]
    segments: list[Segment] = dataclasses.field(default_factory=list)
    begin: float = dataclasses.field(default_factory=time.perf_counter)
    steps: int = 0
    last_success: int | None = None
    overdue: str | None = None
    overdue_eef: str | None = None
    starts: dict[str, list[float]] | None = None
    eefs: dict[str, str] | None = None
    earlier_tries: tuple[Try, ...] = ()
    perturbed: dict[str, Any] | None = None

    def start_from(self, poses: Mapping[str, torch.Tensor]) -> None:
        """Note where the objects are, given `world_from_object` by object, shape (4, 4) each, on the host."""
        self.starts = {
            name: [
                *(round(float(value), 4) for value in pose[:2, 3]),
                round(float(torch.atan2(pose[1, 0], pose[0, 0])), 4),
            ]
            for name, pose in poses.items()
        }

    def end_subtask(self, eef: str, subtask: int, step: int) -> None:
        """Note that a subtask of an end effector was over after a step, or that its segment was left for another."""
        for index, segment in enumerate(self.segments):
            if (segment.eef, segment.subtask, segment.over) == (eef, subtask, None):
                self.segments[index] = dataclasses.replace(segment, over=step)

    def miss(self, signal: str, eef: str) -> None:
        """Note that a subtask was over and its signal had not come; the first counts."""
        if self.overdue is None:
            self.overdue, self.overdue_eef = signal, eef

    def finish(self, outcome: Outcome, reason: str) -> Attempt:
        """Return the record of the attempt, ended now."""
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
            overdue=self.overdue,
            overdue_eef=self.overdue_eef,
            starts=self.starts,
            eefs=self.eefs,
            earlier_tries=self.earlier_tries,
            perturbed=self.perturbed,
        )

    def used(self, eef: str, subtask: int) -> frozenset[str]:
        """Return the source demonstrations that earlier tries have followed in a subtask."""
        return frozenset(
            segment.demo
            for one in self.earlier_tries
            for segment in one.segments
            if (segment.eef, segment.subtask) == (eef, subtask)
        )

    def set_out(self, device: str) -> None:
        """Go on after the reset: a later try has the same start as the first, and other random numbers from there on.

        Args:
            device: As of `Streams`.
        """
        if self.earlier_tries:
            self.streams = Streams(try_seed(self.seed, len(self.earlier_tries)), device)

    def again(self, reason: str, device: str) -> Self:
        """Return the attempt's next try, to begin from the same start.

        Args:
            reason: Why this one failed.
            device: As of `Streams`.
        """
        failed = Try(segments=tuple(self.segments), reason=reason, steps=self.steps)
        return type(self)(
            number=self.number,
            env=self.env,
            seed=self.seed,
            streams=Streams(self.seed, device),
            signals=dict.fromkeys(self.signals),
            begin=self.begin,
            eefs=self.eefs,
            earlier_tries=(*self.earlier_tries, failed),
        )
