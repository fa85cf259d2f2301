"""An attempt that is under way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import torch

from mimicgen.datagen.attempts import Attempt, Outcome, Segment
from mimicgen.datagen.attempts.randomness import Streams


@dataclasses.dataclass
class UnderWay:
    """What is known of the attempt that is under way in an environment.

    Attributes:
        number: Counts from 1 over the run.
        env: Environment index.
        seed: Seed of `streams`.
        streams: The attempt's random numbers.
        signals: Step at which each subtask signal first came.
        segments: Source segments chosen so far.
        begin: When it began [s, `perf_counter`].
        steps: Environment steps so far.
        last_success: Last step at which the success term was true.
        overdue: First signal that had not come when its subtask was over.
        overdue_eef: End effector of that subtask.
        starts: Where each object starts: x and y [m].
        eefs: End effector that each signal is of, where there are several.
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

    def start_from(self, positions: Mapping[str, torch.Tensor]) -> None:
        """Note where the objects are, given x and y by object, shape (2,) each [m]."""
        self.starts = {name: [round(float(value), 4) for value in own] for name, own in positions.items()}

    def end_subtask(self, eef: str, subtask: int, step: int) -> None:
        """Note that a subtask of an end effector was over after a step."""
        for index, segment in enumerate(self.segments):
            if (segment.eef, segment.subtask) == (eef, subtask):
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
        )
