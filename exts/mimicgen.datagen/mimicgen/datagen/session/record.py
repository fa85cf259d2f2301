"""What `run.json` says of a run that has ended."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from mimicgen.datagen.attempts import Counts
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.rendering.rendering import Rendered


def run_record(
    end: End,
    config: Mapping[str, Any],
    facts: Mapping[str, Any],
    counts: Counts,
    progress: Progress,
    step_seconds: Sequence[float],
    rendered: Rendered | None,
) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        end: Why it ended.
        config: Its configuration by dotted key.
        facts: What the simulation says of itself.
        counts: Of the attempts that are on the disk, earlier runs' included.
        progress: The latest snapshot, which has the times.
        step_seconds: Duration of every environment step of this run [s].
        rendered: What it has rendered, None when nothing was to be.
    """
    low, high = counts.interval
    return {
        "end": dataclasses.asdict(end),
        "config": config,
        **facts,
        **({"rendering": rendered.facts()} if rendered is not None else {}),
        "counts": {
            "attempts": counts.attempts,
            "successes": counts.successes,
            "failures": counts.failures,
            "success_rate_interval": [round(low, 4), round(high, 4)],
            "reached": counts.reached,
            "before": {"attempts": progress.before, "successes": progress.kept_before},
        },
        "timings": {
            "stages": {stage.name: stage.seconds for stage in progress.stages},
            "steps": len(step_seconds),
            "elapsed": progress.elapsed,
            "drawing": progress.drawing_seconds,
            "step_seconds_median": statistics.median(step_seconds) if step_seconds else None,
        },
    }
