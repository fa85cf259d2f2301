"""How far an attempt has come along its plans."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.generation.perturbing import Disturbance
from mimicgen.datagen.generation.plans.plan import Choices, Plan
from mimicgen.datagen.generation.timing import Timing


@dataclasses.dataclass
class Progress:
    """How far an attempt has come.

    Attributes:
        attempt: The attempt.
        timing: When its end effectors take their steps.
        choices: What it has drawn.
        disturbance: What is going to disturb it, or does; None for nothing, any more.
        plans: What its end effectors follow.
        steps: Those before the present stretch.
    """

    attempt: UnderWay
    timing: Timing
    choices: Choices
    disturbance: Disturbance | None
    plans: dict[str, Plan] = dataclasses.field(default_factory=dict)
    steps: int = 0

    @property
    def disturbed(self) -> bool:
        """Whether a disturbance is over, and its subtask is to be planned anew."""
        return self.disturbance is not None and self.disturbance.acts and self.disturbance.left == 0

    def due(self) -> Iterator[tuple[str, bool]]:
        """Yield the end effectors that need a plan, and whether that is in the midst of a subtask."""
        if self.disturbed:
            assert self.disturbance is not None
            yield self.disturbance.eef, True
        for eef in self.timing.due:
            yield eef, False
