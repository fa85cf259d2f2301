"""What a written demonstration says besides what was recorded: where it comes from, and how it went."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.dataset.files import natural_order
from mimicgen.datagen.dataset.outputs.parts import Episode


def complete(episode: Episode, attempt: Attempt) -> dict[str, Any]:
    """Return an episode with what robomimic's algorithms and analyses want of every step.

    `rewards` and `dones` are 1 at the last step of a success, else 0; `subtask_index` counts the subtask signals that
    had come before the step, in the order of the subtasks.
    """
    steps = len(episode["actions"])
    last = np.zeros(steps, np.float32)
    last[-1:] = attempt.outcome is Outcome.SUCCESS
    return {
        **episode,
        "rewards": last,
        "dones": last.astype(np.int64),
        "subtask_index": _subtask_index(attempt, steps),
    }


def attributes(episode: Episode, attempt: Attempt) -> dict[str, Any]:
    """Return the attributes of a demonstration; see `docs/datasets.md`."""
    rare: dict[str, Any] = {"tries": 1 + len(attempt.earlier_tries)} if attempt.earlier_tries else {}
    if attempt.perturbed is not None:
        rare["perturbed"] = json.dumps(attempt.perturbed)
    return {
        **rare,
        "seed": attempt.seed,
        "success": attempt.outcome is Outcome.SUCCESS,
        "attempt": attempt.number,
        "segments": json.dumps([dataclasses.asdict(segment) for segment in attempt.segments]),
        "signals": json.dumps(attempt.signals),
        "final_offsets": json.dumps(_final_offsets(episode)),
    }


def _subtask_index(attempt: Attempt, steps: int) -> NDArray[np.int8]:
    index = np.zeros(steps, np.int8)
    for step in attempt.signals.values():
        if step is None:
            break
        index[step:] += 1
    return index


def _final_offsets(episode: Episode) -> dict[str, list[float]]:
    """Return how each object lies relative to the one before it, in the last state, x, y, z [m], by the object's name.

    Of three objects that are stacked, each twice as large as `size`: twice (0, 0, `size`), if they stand well.
    """
    objects = episode.get("states", {}).get("rigid_object", {})
    last = {name: objects[name]["root_pose"][-1, :3] for name in sorted(objects, key=natural_order)}
    return {name: [round(float(value), 5) for value in last[name] - last[before]] for before, name in pairwise(last)}
