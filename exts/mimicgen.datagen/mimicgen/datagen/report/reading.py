"""Reads what a file says of a demonstration: arrays of numbers, ways of the hands, source segments and signals."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.errors import SourceError

WIDEST = 256
"""Numbers that a row of an array may have: every one is drawn."""

EEF_POSITION = re.compile("(?:(.+)_)?eef_pos")
"""Observation of where a hand is; of several, it begins with the end effector's name."""

Array = np.ndarray[Any, Any]


def hands(demo: h5py.Group, steps: int | None) -> dict[str, Array]:
    """Return where each hand was observed, shape (steps, 3) each [m]; '' is the name of the only one."""
    paths = {EEF_POSITION.fullmatch(name): f"obs/{name}" for name in members(demo.get("obs"))}
    return {match[1] or "": array(demo, path, steps, 3) for match, path in paths.items() if match}


def annotated_hands(demo: h5py.Group) -> dict[str, Array]:
    """Return where each hand was by the poses that it was annotated with, shape (steps, 3) each [m]."""
    return {name: pose[:, :3, 3] for name, pose in annotated_poses(demo, "eef_pose").items()}


def annotated_poses(demo: h5py.Group, kind: str) -> dict[str, Array]:
    """Return 4x4 poses that a demonstration was annotated with, shape (steps, 4, 4) each, before every step.

    Args:
        demo: The demonstration.
        kind: 'eef_pose' or 'object_pose'.
    """
    poses = demo.get(f"obs/datagen_info/{kind}")
    return {
        name: np.asarray(pose[()], dtype=np.float64)
        for name, pose in (poses.items() if isinstance(poses, h5py.Group) else ())
        if isinstance(pose, h5py.Dataset) and pose.shape[1:] == (4, 4) and pose.dtype.kind == "f" and len(pose) > 1
    }


def members(group: Any) -> list[str]:
    """Return the names in what may be a group."""
    return list(group) if isinstance(group, h5py.Group) else []


def groups(group: Any) -> dict[str, h5py.Group]:
    """Return the groups in what may be a group."""
    found = group.items() if isinstance(group, h5py.Group) else ()
    return {name: member for name, member in found if isinstance(member, h5py.Group)}


def array(demo: h5py.Group, path: str, steps: int | None = None, width: int | None = None) -> Array:
    """Return an array of numbers with a row a step.

    Args:
        demo: The demonstration.
        path: Where it is, in the demonstration or in the file.
        steps: Rows that it has to have, None for any.
        width: Numbers in a row that it has to have, None for any.

    Raises:
        SourceError: It is missing, or is another.
    """
    found = demo.get(path)
    expected = f"({steps or 'steps'}, {width or 'numbers'})"
    what = f"source '{demo.file.filename}', {demo.name.rpartition('/')[2]}: '{path.removeprefix(f'{demo.name}/')}'"
    remedy = "leave the demonstration out (datagen.sh dataset filter)"
    if not isinstance(found, h5py.Dataset):
        raise SourceError(f"{what} is missing; {remedy}")
    kind, shape = found.dtype.kind, found.shape
    right = len(shape) == 2 and shape[0] == (steps or shape[0]) and shape[1] == (width or shape[1])
    if kind not in "biuf" or not right or not found.size > 0 or shape[1] > WIDEST:
        raise SourceError(f"{what} has shape {shape} and type {found.dtype}, expected numbers, {expected}; {remedy}")
    return np.asarray(found[()], dtype=np.float64)


def whole(value: Any) -> int | None:
    """Return a whole number or a truth value; what else a file may say is not told."""
    return value if isinstance(value, int) else None


def segments(told: Any) -> list[dict[str, Any]]:
    """Return the source segments that a demonstration names; none when they are not as a run writes them."""
    try:
        found = [dataclasses.asdict(Segment(**segment)) for segment in told or ()]
    except TypeError:
        return []
    numbers, perhaps = ("subtask", "start", "end"), ("begun", "over")
    right = all(
        isinstance(one["demo"], str)
        and all(isinstance(one[key], int) for key in numbers)
        and all(isinstance(one[key], int | None) for key in perhaps)
        for one in found
    )
    return found if right else []


def signals(told: Any) -> dict[str, int]:
    """Return the steps at which signals came."""
    return {name: step for name, step in told.items() if isinstance(step, int)} if isinstance(told, dict) else {}
