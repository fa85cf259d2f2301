"""Which checkpoint is the best, and whether training is to go on: by how often a policy succeeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mimicgen.datagen.attempts import wilson


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A checkpoint that was evaluated.

    Attributes:
        step: Gradient steps after which it was written.
        attempts: Episodes.
        successes: Of them.
    """

    step: int
    attempts: int
    successes: int

    @property
    def rate(self) -> float:
        """Share of the episodes that succeeded."""
        return self.successes / self.attempts if self.attempts else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the rate."""
        return wilson(self.successes, self.attempts)


def best_of(evaluated: Iterable[Evaluated]) -> Evaluated | None:
    """Return the checkpoint that succeeded most often, the latest of those that did; None where none was evaluated."""
    return max(evaluated, key=lambda one: (one.rate, one.step), default=None)


def stands_still(evaluated: Iterable[Evaluated], patience: int) -> bool:
    """Return whether success no longer rises: so many evaluations in a row were not better than one before them.

    Args:
        evaluated: All so far.
        patience: How many; 0: never.
    """
    ordered = sorted(evaluated, key=lambda one: one.step)
    if not patience or not ordered:
        return False
    highest = max(one.rate for one in ordered)
    first = next(index for index, one in enumerate(ordered) if one.rate == highest)
    return len(ordered) - 1 - first >= patience


def due(steps: Iterable[int], every: int, last: int) -> list[int]:
    """Return the checkpoints that are evaluated, of those at some steps.

    Args:
        steps: At which checkpoints are written.
        every: Steps between two that are evaluated, at least; 0: none is.
        last: The step of the last checkpoint, which always is.
    """
    found: list[int] = []
    for step in sorted(steps) if every else ():
        if step == last or step // every > (found[-1] // every if found else 0):
            found.append(step)
    return found
