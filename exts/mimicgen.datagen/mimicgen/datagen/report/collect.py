"""What the page shows, read from a dataset and the records beside it."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.attempts import Attempt, Counts, Outcome, kind_of_reason
from mimicgen.datagen.attempts.coverage import Coverage
from mimicgen.datagen.dataset.files import attribute, demo_names, open_source, recorded_task
from mimicgen.datagen.dataset.formats.language import language_of
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.validate import step_seconds
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.report import reading
from mimicgen.datagen.report.meshes import packed
from mimicgen.datagen.report.pictures import MOST, pictures
from mimicgen.datagen.report.records import read_attempts, read_run
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.text import all_shown

POSITION, QUATERNION, ANGLE = 1e-4, 1 / 32767, 2e-4
"""Units of 16-bit numbers: of positions [m] and actions, of a quaternion's components, of joints [rad or m]."""

DEMOS = 1000
"""Demonstrations in a page unless more are asked for, the first ones: 14 MB."""

LOST = 3
"""What attempts lacked most before a subtask that they did not reach: so many kinds of it are told."""

STILL = 1e-3
"""What a robot's base, or what an object with joints stands on, may change in a demonstration and stand still."""

Array = np.ndarray[Any, Any]


def collect(dataset: Path, records: Path | None, source: Path | None, most: int = DEMOS) -> dict[str, Any]:
    """Return everything that the page shows but the scene, as JSON has it.

    Args:
        dataset: HDF5 file of demonstrations in Isaac Lab's layout.
        records: Folder with the run's `run.json` and `attempts.jsonl`, if there is one.
        source: HDF5 file of the demonstrations that the segments come from, if it is at hand.
        most: Demonstrations that are shown, the first ones.

    Raises:
        SourceError: A file is missing or damaged, or has no recorded states.
    """
    run = read_run(records)
    attempts = read_attempts(records)
    with open_source(dataset) as file:
        names = demo_names(file)
        demos = [demonstration(file, name) for name in names[:most]]
        if records is not None:
            for demo in demos[:MOST]:
                alive()
                demo["pictures"] = pictures(records, demo["name"])
        task, seconds = recorded_task(file), step_seconds(file)
        language = language_of(file["data"], language_of_task).plain()
    wanted = {segment["demo"] for demo in demos for segment in demo["segments"]}
    sources: list[dict[str, Any]] = []
    if source is not None and wanted:
        with open_source(source) as file:
            sources = [source_way(file, name) for name in demo_names(file) if name in wanted]
    told = described(dataset.name, task, seconds) | of_attempts(attempts, run)
    told |= {"language": language, "count": len(names), "demos": demos, "sources": sources, "run": run}
    found: dict[str, Any] = all_shown(told)
    return found


def described(dataset: str, task: str, step_seconds: float) -> dict[str, Any]:
    """Return what the page says of a dataset as a whole, and the units of its numbers."""
    units = {"position": POSITION, "quaternion": QUATERNION, "angle": ANGLE}
    return {"dataset": dataset, "task": task, "step_seconds": step_seconds, "units": units}


def of_attempts(attempts: list[Attempt], run: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the page says of attempts: each of them, the funnel, why they failed, and what they cover."""
    reasons = Counter(kind_of_reason(attempt.reason) for attempt in attempts if attempt.outcome is Outcome.FAILURE)
    told = [_told(attempt) for attempt in attempts]
    coverage = Coverage((run or {}).get("starts", {}), (run or {}).get("source", {}).get("demos", ()))
    for attempt in attempts:
        coverage.add(attempt)
    return {
        "attempts": told,
        "funnel": _funnel(attempts),
        "reasons": reasons.most_common(),
        "coverage": coverage.told((run or {}).get("config", {})),
    }


def _told(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "outcome": str(attempt.outcome),
        "reason": attempt.reason,
        "steps": attempt.steps,
        "seconds": round(attempt.seconds, 2),
        "furthest": attempt.furthest_subtask,
        "demo": attempt.demo,
        "starts": {name: start[:2] for name, start in (attempt.starts or {}).items()},
    }


def _funnel(attempts: list[Attempt]) -> dict[str, Any] | None:
    if not attempts:
        return None
    stages = (*attempts[0].signals, "success")
    counts = Counts(stages)
    for attempt in attempts:
        counts.add(attempt)
    return {
        "attempts": counts.attempts,
        "tries": counts.tries,
        "perturbed": [counts.perturbed_successes, counts.perturbed],
        "reached": [[stage, counts.reached.get(stage, 0)] for stage in stages],
        "lost": [
            [stage, part, count] for stage, parts in counts.lost.items() for part, count in parts.most_common(LOST)
        ],
    }


def demonstration(file: h5py.File, name: str) -> dict[str, Any]:
    """Return a demonstration: what it says of itself, and its track of 16-bit numbers, a row a quantity.

    Raises:
        SourceError: It has no recorded states, or no rows of numbers where the page draws some.
    """
    alive()
    demo = file["data"][name]
    arms, things = (reading.groups(demo.get(f"states/{kind}")) for kind in ("articulation", "rigid_object"))
    if not arms or not things:
        raise SourceError(f"source '{file.filename}', {name}: has no recorded states of robot and objects")
    actions = reading.array(demo, "actions")
    steps = len(actions)
    joints = {key: reading.array(demo, f"{arm.name}/joint_position", steps) for key, arm in arms.items()}
    roots = {
        key: reading.array(demo, f"{arm.name}/root_pose", steps, 7) for key, arm in arms.items() if "root_pose" in arm
    }
    objects = {
        key: np.nan_to_num(reading.array(demo, f"{thing.name}/root_pose", steps, 7)) for key, thing in things.items()
    }
    hands = reading.hands(demo, steps)
    roots = {key: np.nan_to_num(pose) for key, pose in roots.items()}
    moving = {key: pose for key, pose in roots.items() if np.abs(pose - pose[0]).max() > STILL}
    rows = [_rows(values, ANGLE) for values in joints.values()]
    for pose in (*moving.values(), *objects.values()):
        rows += [_rows(pose[:, :3], POSITION), _rows(pose[:, 3:], QUATERNION)]
    # Observations are of the moment before a step, states of the one after it.
    rows += [_rows(np.concatenate([way[1:], way[-1:]]), POSITION) for way in hands.values()]
    last = {key: pose[-1] for key, pose in objects.items()}
    return {
        "name": name,
        "steps": steps,
        "success": reading.whole(attribute(demo, "success")),
        "attempt": reading.whole(attribute(demo, "attempt")),
        "seed": reading.whole(attribute(demo, "seed")),
        "segments": reading.segments(attribute(demo, "segments")),
        "signals": reading.signals(attribute(demo, "signals")),
        "joints": {key: values.shape[1] for key, values in joints.items()},
        "moving": list(moving),
        "objects": list(objects),
        "actions": actions.shape[1],
        "hands": list(hands),
        "bases": {key: [round(float(value), 5) for value in pose[0]] for key, pose in roots.items()},
        "starts": [[round(float(value), 4) for value in pose[0, :2]] for pose in objects.values()],
        "offsets": _offsets(last),
        "track": _track([*rows, _rows(actions, POSITION)]),
    }


def source_way(file: h5py.File, name: str) -> dict[str, Any]:
    """Return the ways of the hands in a source demonstration, which is all that the page draws of it.

    Raises:
        SourceError: It says nowhere where a hand was.
    """
    alive()
    demo = file["data"][name]
    hands = reading.hands(demo, None) or reading.annotated_hands(demo)
    steps = min((len(way) for way in hands.values()), default=0) - 1
    if steps < 1:
        raise SourceError(f"source '{file.filename}', {name}: says nowhere where the hand was")
    still = {"joints": {}, "moving": [], "objects": [], "bases": {}, "actions": 0}
    track = _track([_rows(way[1 : steps + 1], POSITION) for way in hands.values()])
    return {"name": name, "steps": steps, "hands": list(hands), **still, "track": track}


def _track(rows: list[Array]) -> str:
    """Return rows of 16-bit numbers as text: the first of each, then differences."""
    track = np.concatenate(rows)
    track[:, 1:] = np.diff(track, axis=1)  # wraps around, and so does the sum
    return packed(track.astype("<i2"))


def _rows(values: Array, unit: float) -> Array:
    """Return columns as rows of 16-bit numbers; what does not fit is at the end of the range, what is none is zero."""
    return np.clip(np.round(np.nan_to_num(values).T / unit), -32768, 32767).astype(np.int16)


def _offsets(last: dict[str, Array]) -> list[list[float]]:
    """Return how far each object that stands on another is beside its middle: x and y [m], from the bottom up."""
    ordered = sorted(last.values(), key=lambda pose: float(pose[2]))
    return [
        [round(float(upper[axis] - lower[axis]), 4) for axis in (0, 1)]
        for lower, upper in itertools.pairwise(ordered)
        if float(upper[2] - lower[2]) > 0.02
    ]
