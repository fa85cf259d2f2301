"""What `run.json` says of a run that has ended."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from mimicgen.datagen.attempts import FINAL, Attempt, Counts, wilson
from mimicgen.datagen.attempts.coverage import Coverage
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.rendering.rendering import Rendered


class Tally:
    """What is counted over the attempts of a run that are on the disk, earlier runs' included.

    Args:
        stages: Subtask signals in order, then 'success'.
        facts: What the simulation says of itself.

    Attributes:
        counts: How many of them there are.
        coverage: Where they began, and what they were made from.
    """

    def __init__(self, stages: Sequence[str] = (FINAL,), facts: Mapping[str, Any] | None = None):
        told = facts or {}
        self.counts = Counts(stages)
        self.coverage = Coverage(told.get("starts", {}), told.get("source", {}).get("demos", ()))

    def add(self, attempt: Attempt) -> None:
        """Count an attempt."""
        self.counts.add(attempt)
        self.coverage.add(attempt)

    def poor_segments(self, config: Mapping[str, Any]) -> str:
        """Return in lines what follows which source demonstrations is kept less often; nothing where nothing does."""
        return "\n".join(self.coverage.poor_segments(config))


def run_record(
    end: End,
    config: Mapping[str, Any],
    facts: Mapping[str, Any],
    tally: Tally,
    progress: Progress,
    step_seconds: Sequence[float],
    rendered: Rendered | None,
) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        end: Why it ended.
        config: Its configuration by dotted key.
        facts: What the simulation says of itself.
        tally: What was counted.
        progress: The latest snapshot, which has the times.
        step_seconds: Duration of every environment step of this run [s].
        rendered: What it has rendered, None when nothing was to be.
    """
    counts = tally.counts
    return {
        "end": dataclasses.asdict(end),
        "config": config,
        **facts,
        **({"rendering": rendered.facts()} if rendered is not None else {}),
        "counts": {
            "attempts": counts.attempts,
            "successes": counts.successes,
            "failures": counts.failures,
            "success_rate_interval": _interval(counts.successes, counts.attempts),
            "tries": {"tries": counts.tries, "success_rate_interval": _interval(counts.successes, counts.tries)},
            "perturbed": {
                "attempts": counts.perturbed,
                "successes": counts.perturbed_successes,
                "success_rate_interval": _interval(counts.perturbed_successes, counts.perturbed),
            },
            "reached": counts.reached,
            "before": {"attempts": progress.before, "successes": progress.kept_before},
        },
        "coverage": tally.coverage.told(config),
        "timings": {
            "stages": {stage.name: stage.seconds for stage in progress.stages},
            "steps": len(step_seconds),
            "elapsed": progress.elapsed,
            "drawing": progress.drawing_seconds,
            "step_seconds_median": statistics.median(step_seconds) if step_seconds else None,
        },
    }


def _interval(successes: int, of: int) -> list[float]:
    """Return the 95% interval of a rate."""
    return [round(bound, 4) for bound in wilson(successes, of)]
