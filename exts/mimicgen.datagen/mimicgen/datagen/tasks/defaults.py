"""What lies below everything that is said of a job: the task that is taken when none is, and the task's own cameras."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec

from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.config.keys import job_from
from mimicgen.datagen.config.sections import CameraConfig, MimicConfig
from mimicgen.datagen.config.values import Flat, quoted
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.schema import Vector
from mimicgen.datagen.tasks import autodata
from mimicgen.datagen.tasks.catalogue import Described, described, task_file
from mimicgen.datagen.tasks.schema import Camera, Subtask

TASK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
"""The task when none is said: the one that the demonstrations which come with the project are of."""


def base_layer(said: Mapping[str, Any]) -> Flat:
    """Return the values, by dotted key, that hold where nothing else is said.

    Args:
        said: What is said, which may name a task, and a task file of AutoData.

    Raises:
        BadInputError: The task's file, or one of AutoData, cannot be read, or says something that is not valid.
    """
    task = said.get("task") or TASK
    if not isinstance(task, str):  # which is refused where it is read
        return {"task": TASK}
    path = task_file(task)
    stamp = path.stat().st_mtime_ns if path is not None and path.is_file() else 0
    descriptor = said.get("task_file")
    overlay = autodata.settings(autodata.read_descriptor(descriptor)) if descriptor else {}
    return {"task": TASK, **_cameras(task, path, stamp), **overlay}


@overload
def build(*layers: Flat) -> Generate: ...


@overload
def build[J: Job](*layers: Flat, kind: type[J]) -> J: ...


def build(*layers: Flat, kind: type[Job] = Generate) -> Job:
    """Return the job that layers of values give, later ones winning over earlier ones, over the task's own.

    Args:
        layers: Values by dotted key; a missing key leaves what the layers before said.
        kind: The job, whatever `mode` says.

    Raises:
        BadInputError: A key is unknown, a value has the wrong type or is out of range, or the task's file is wrong.
    """
    merged: Flat = {}
    for layer in layers:
        merged |= layer
    return job_from(kind, base_layer(merged) | merged)


def own_subtasks(task: str, eefs: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Subtask, ...]]:
    """Return what a file says of a task's subtasks, by end effector; nothing for a task without a file.

    Args:
        task: The task.
        eefs: Its subtasks by end effector, as Isaac Lab's configuration has them; that of a registered task may call
            an end effector in another way than the file, so those that the file does not know are taken in order.

    Raises:
        TaskError: The file has other end effectors, or another number of subtasks.
    """
    found = described(task)
    if found is None:
        return {}
    said = found.task.subtasks
    named = dict(zip(eefs, said.values(), strict=False)) | {eef: said[eef] for eef in eefs if eef in said}
    if [len(own) for own in eefs.values()] != [len(own) for own in named.values()]:
        raise TaskError(f"task file {quoted(found.path)}: has other subtasks than '{task}'")
    return named


def refuse_unknown_subtasks(mimic: MimicConfig, task: str, subtasks: Mapping[str, Sequence[str]]) -> None:
    """Check that a configuration's subtasks are some of the task's.

    Args:
        mimic: The configuration.
        task: The task.
        subtasks: Their names by end effector, as `subtask_names` gives them.

    Raises:
        TaskError: One is not.
    """
    names = [name for own in subtasks.values() for name in own]
    unknown = sorted(set(mimic.subtasks) - set(names))
    if unknown:
        raise TaskError(f"mimic.subtasks.{unknown[0]}: task '{task}' has the subtasks {', '.join(names)}")


@functools.lru_cache(maxsize=16)
def _cameras(task: str, path: Path | None, stamp: int) -> Flat:
    """Return a task's cameras by dotted key; `stamp` tells one state of its file from the next."""
    found = described(task)
    if found is None:
        return {}
    return {
        f"render.cameras.{name}.{key}": value
        for name, camera in found.task.cameras.items()
        for key, value in _camera(camera).items()
    }


def cameras_of(task: Described) -> dict[str, CameraConfig]:
    """Return a task's cameras by name."""
    return {name: CameraConfig(**_camera(camera)) for name, camera in task.task.cameras.items()}


def _camera(camera: Camera) -> dict[str, Any]:
    said = {key: value for key, value in msgspec.structs.asdict(camera).items() if value is not None}
    target = said.pop("look_at", None)
    return said if target is None else said | {"orientation": looking_at(camera.position, target)}


def looking_at(position: Vector, target: Vector) -> tuple[float, float, float, float]:
    """Return the orientation of a camera that looks at a point, with z up in its image.

    Args:
        position: Where it stands [m].
        target: Where it looks, another point; one straight above or below is seen with x up in the image.

    Returns:
        Unit quaternion (x, y, z, w): z forward, y down.
    """
    forward = _unit([to - at for to, at in zip(target, position, strict=True)])
    upright = abs(forward[2]) < 1 - 1e-9
    right = _unit(_cross(forward, [0.0, 0.0, 1.0] if upright else [1.0, 0.0, 0.0]))
    down = _cross(forward, right)
    return _quaternion([[r, d, f] for r, d, f in zip(right, down, forward, strict=True)])


def _cross(a: list[float], b: list[float]) -> list[float]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _unit(vector: list[float]) -> list[float]:
    length = math.hypot(*vector)
    return [value / length for value in vector]


def _quaternion(m: list[list[float]]) -> tuple[float, float, float, float]:
    """Return the quaternion (x, y, z, w) of a rotation matrix, from the component that is largest."""
    x, y, z = m[0][0], m[1][1], m[2][2]
    squares = [1 + x - y - z, 1 - x + y - z, 1 - x - y + z, 1 + x + y + z]
    row = max(range(4), key=squares.__getitem__)
    sums = [
        [squares[0], m[1][0] + m[0][1], m[0][2] + m[2][0], m[2][1] - m[1][2]],
        [m[1][0] + m[0][1], squares[1], m[2][1] + m[1][2], m[0][2] - m[2][0]],
        [m[0][2] + m[2][0], m[2][1] + m[1][2], squares[2], m[1][0] - m[0][1]],
        [m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1], squares[3]],
    ]
    i, j, k, w = _unit(sums[row])
    return i, j, k, w
