"""Reading source demonstrations, and finding out whether they serve a task before anything slow starts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks import task_family


@dataclass(frozen=True, kw_only=True)
class SubtaskNeed:
    """What a task needs of the source segments of one subtask.

    Attributes:
        signal: Termination signal; None for the last subtask, which ends with the demonstration.
        object_ref: Object that the segment is relative to, or None.
        offsets: Smallest and largest random offset of the segment's end [steps].
    """

    signal: str | None
    object_ref: str | None
    offsets: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class TaskNeeds:
    """What a task needs of its source demonstrations.

    Attributes:
        task: Registered task name.
        subtasks: The subtasks of every end effector, in order.
    """

    task: str
    subtasks: Mapping[str, Sequence[SubtaskNeed]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a source demonstration that the user should know.

    Attributes:
        demo: Name of the demonstration.
        step: Where, if at one step.
        problem: What is wrong.
        remedy: What to do.
    """

    demo: str
    step: int | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = self.demo if self.step is None else f"{self.demo}, step {self.step}"
        return f"{where}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A source file that was checked against a task.

    Attributes:
        path: The file.
        usable: Names of the demonstrations that serve, in natural order.
        findings: What is wrong with the others.
        quaternion_order: 'xyzw' or 'wxyz', as the file's format version says.
    """

    path: Path
    usable: tuple[str, ...]
    findings: tuple[Finding, ...]
    quaternion_order: str


def natural_order(name: str) -> tuple[str | int, ...]:
    """Sort key that puts demo_2 before demo_10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def check_file(path: Path) -> None:
    """Check what can be checked without knowing the task.

    Raises:
        SourceError: The file is missing, is not HDF5, is damaged, or holds no annotated demonstration.
    """
    with open_source(path) as file:
        for name in demo_names(file):
            if "obs/datagen_info" in file["data"][name]:
                return
    raise SourceError(
        f"source '{path}': no demonstration has 'obs/datagen_info'; "
        "annotate them first (Isaac Lab's annotate_demos.py --auto)"
    )


def open_source(path: Path) -> h5py.File:
    """Open a source file for reading.

    Raises:
        SourceError: The file is missing, is not HDF5, is damaged, is held by a writer, or has no demonstrations.
    """
    if not path.is_file():
        raise SourceError(f"source '{path}' does not exist; pass --source with an annotated HDF5 file")
    if not h5py.is_hdf5(path):
        raise SourceError(f"source '{path}' is not an HDF5 file; pass --source with an annotated HDF5 file")
    try:
        file = h5py.File(path, "r")
    except BlockingIOError as error:
        raise SourceError(f"source '{path}' is being written by another process; wait for it to finish") from error
    except OSError as error:
        raise SourceError(f"source '{path}' is damaged or truncated ({error}); copy it again") from error
    data = file.get("data")
    if not isinstance(data, h5py.Group) or not any(isinstance(data.get(name), h5py.Group) for name in data):
        file.close()
        raise SourceError(f"source '{path}' has no demonstrations under 'data'; pass a dataset in Isaac Lab's layout")
    return file


def demo_names(file: h5py.File) -> list[str]:
    """Return the names of the demonstrations in natural order."""
    data = file["data"]
    return sorted((name for name in data if isinstance(data[name], h5py.Group)), key=natural_order)


def check_sources(path: Path, needs: TaskNeeds) -> Sources:
    """Check every demonstration of a file against a task.

    Raises:
        SourceError: The file cannot be read, is of another task, or no demonstration of it is usable.
    """
    with open_source(path) as file:
        recorded = _recorded_task(path, file)
        if recorded and task_family(recorded) != task_family(needs.task):
            raise SourceError(
                f"source '{path}' was recorded for task '{recorded}', not for '{needs.task}'; "
                "pass --task or --source so that they match"
            )
        order = "xyzw" if int(file.attrs.get("format_version", 0)) >= 1 else "wxyz"
        findings: dict[str, list[Finding]] = {}
        for name in demo_names(file):
            try:
                findings[name] = list(_check_demo(name, file["data"][name], needs))
            except (OSError, RuntimeError) as error:  # what h5py raises where a file's content is broken
                raise SourceError(f"source '{path}', {name}: damaged or truncated ({error}); copy it again") from error
    usable = tuple(name for name, found in findings.items() if not found)
    listed = tuple(finding for found in findings.values() for finding in found)
    if not usable:
        first = "\n  ".join(str(finding) for finding in listed[:10])
        raise SourceError(f"source '{path}': none of {len(findings)} demonstrations is usable:\n  {first}")
    return Sources(path=path, usable=usable, findings=listed, quaternion_order=order)


def _recorded_task(path: Path, file: h5py.File) -> str:
    try:
        return str(json.loads(file["data"].attrs.get("env_args", "{}")).get("env_name", ""))
    except (json.JSONDecodeError, AttributeError) as error:
        raise SourceError(f"source '{path}': attribute 'env_args' is not a JSON object ({error})") from error


_ANNOTATE = "annotate the demonstration again"
_RECORD = "record the demonstration again"


def _check_demo(name: str, demo: h5py.Group, needs: TaskNeeds) -> Iterator[Finding]:
    def finding(problem: str, remedy: str, step: int | None = None) -> Finding:
        return Finding(demo=name, step=step, problem=problem, remedy=remedy)

    actions = demo.get("actions")
    if not isinstance(actions, h5py.Dataset) or actions.ndim != 2 or len(actions) == 0:
        yield finding("has no actions", _RECORD)
        return
    finite = np.isfinite(actions[:]).all(axis=1)
    if not finite.all():
        yield finding("an action is not finite", _RECORD, int(np.argmin(finite)))
    info = demo.get("obs/datagen_info")
    if not isinstance(info, h5py.Group):
        yield finding("has no 'obs/datagen_info'", "annotate it first (Isaac Lab's annotate_demos.py --auto)")
        return
    for eef, subtasks in needs.subtasks.items():
        poses = [f"{kind}/{eef}" for kind in ("eef_pose", "target_eef_pose")]
        poses += [f"object_pose/{subtask.object_ref}" for subtask in subtasks if subtask.object_ref]
        for key in dict.fromkeys(poses):
            problem = _pose_problem(info.get(key), len(actions))
            if problem:
                yield finding(f"'obs/datagen_info/{key}' {problem}", _ANNOTATE)
        yield from _check_boundaries(name, info, subtasks, len(actions))


def _pose_problem(poses: object, steps: int) -> str | None:
    if not isinstance(poses, h5py.Dataset):
        return "is missing"
    if poses.shape != (steps, 4, 4):
        return f"has shape {poses.shape}, expected ({steps}, 4, 4)"
    if not np.isfinite(poses[:]).all():
        return "has values that are not finite"
    return None


def _check_boundaries(name: str, info: h5py.Group, subtasks: Sequence[SubtaskNeed], steps: int) -> Iterator[Finding]:
    """Check that the signals come, in order, and leave room for the random offsets (as Mimic's pool asserts)."""
    ends: list[int] = []
    for index, subtask in enumerate(subtasks):
        if subtask.signal is None or index == len(subtasks) - 1:
            ends.append(steps)
            continue
        signal = info.get(f"subtask_term_signals/{subtask.signal}")
        if not isinstance(signal, h5py.Dataset) or signal.size != steps:
            yield Finding(demo=name, step=None, problem=f"has no signal '{subtask.signal}'", remedy=_ANNOTATE)
            return
        rises = np.flatnonzero(np.diff(signal[:].reshape(-1).astype(np.int8)))
        if len(rises) == 0:
            yield Finding(demo=name, step=None, problem=f"signal '{subtask.signal}' never fires", remedy=_ANNOTATE)
            return
        ends.append(int(rises[0]) + 2)
    for index in range(1, len(ends)):
        latest = ends[index - 1] + subtasks[index - 1].offsets[1]
        earliest = ends[index] + subtasks[index].offsets[0]
        if latest >= earliest:
            yield Finding(
                demo=name,
                step=ends[index - 1],
                problem=f"subtask {index} may be empty: subtask {index - 1} ends as late as step {latest}, "
                f"subtask {index} as early as step {earliest}",
                remedy="leave more time between the two when recording, or leave this demonstration out",
            )
