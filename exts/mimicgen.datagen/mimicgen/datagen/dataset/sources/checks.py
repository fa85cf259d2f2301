"""Whether one demonstration serves a task: what Mimic would trip over, found before anything slow starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.config.sections import subtask_names
from mimicgen.datagen.dataset.files import datasets_in
from mimicgen.datagen.dataset.sources.commands import Command, relative_columns
from mimicgen.datagen.text import shown


class Severity(StrEnum):
    """What a finding means for its demonstration."""

    UNUSABLE = "unusable"
    WARNING = "warning"


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
        action_dim: Number of components of an action, None if not known.
        objects: Names of the objects in the scene, None if not known.
        commands: How actions tell the hands where to be, as far as that is known.
    """

    task: str
    subtasks: Mapping[str, Sequence[SubtaskNeed]]
    action_dim: int | None = None
    objects: frozenset[str] | None = None
    commands: tuple[Command, ...] = ()

    def names(self) -> dict[str, list[str]]:
        """Return what the configuration calls the subtasks, by end effector."""
        return subtask_names({eef: [need.signal for need in own] for eef, own in self.subtasks.items()})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a source demonstration that the user should know.

    Attributes:
        demo: Name of the demonstration.
        step: Where, if at one step.
        problem: What is wrong.
        remedy: What to do.
        severity: Whether the demonstration can be used all the same.
    """

    demo: str
    step: int | None = None
    problem: str
    remedy: str
    severity: Severity = Severity.UNUSABLE

    def __str__(self) -> str:
        where = self.demo if self.step is None else f"{self.demo}, step {self.step}"
        return shown(f"{where}: {self.problem}; {self.remedy}")


_ANNOTATE = "annotate the demonstration again"
_ANNOTATE_FIRST = "annotate it first (datagen.sh annotate)"
_RECORD = "record the demonstration again"
_LEAVE_OUT = "leave the demonstration out if that is not meant"

_RIGID = 1e-3
"""How far the entries of a pose may be from those of a rigid transform."""

type _Say = Callable[..., Finding]


def check_demo(name: str, demo: h5py.Group, needs: TaskNeeds) -> Iterator[Finding]:
    """Yield what is wrong with a demonstration, and what is odd about it."""
    say: _Say = partial(Finding, demo=name)
    actions = demo.get("actions")
    if not isinstance(actions, h5py.Dataset) or actions.size == 0:
        yield say(problem="has no actions", remedy=_RECORD)
        return
    if actions.ndim != 2 or actions.dtype.kind not in "fiu":
        problem = f"actions have shape {actions.shape} and type {actions.dtype}, expected numbers, (steps, components)"
        yield say(problem=problem, remedy=_RECORD)
        return
    yield from _check_actions(say, actions[:], needs)
    yield from _check_attributes(say, demo, len(actions))
    info = demo.get("obs/datagen_info")
    if not isinstance(info, h5py.Group):
        yield say(problem="has no 'obs/datagen_info'", remedy="annotate it first (datagen.sh annotate)")
        return
    yield from _check_objects(say, info, needs)
    checked: set[str] = set()
    for eef, subtasks in needs.subtasks.items():
        poses = [f"{kind}/{eef}" for kind in ("eef_pose", "target_eef_pose")]
        poses += [f"object_pose/{subtask.object_ref}" for subtask in subtasks if subtask.object_ref]
        for key in dict.fromkeys(poses):
            if key not in checked:
                yield from _check_poses(say, key, info.get(key), len(actions))
                checked.add(key)
        yield from _check_boundaries(say, info, subtasks, len(actions))
        checked |= {f"subtask_term_signals/{subtask.signal}" for subtask in subtasks}
    for key, dataset in datasets_in(info):
        if key not in checked and (dataset.ndim == 0 or len(dataset) != len(actions)):
            problem = f"'obs/datagen_info/{key}' has shape {dataset.shape}, but there are {len(actions)} actions"
            yield say(problem=problem, remedy=_ANNOTATE)


def _check_actions(say: _Say, actions: NDArray[Any], needs: TaskNeeds) -> Iterator[Finding]:
    if needs.action_dim is not None and actions.shape[1] != needs.action_dim:
        problem = f"actions have {actions.shape[1]} components, the task takes {needs.action_dim}"
        yield say(problem=problem, remedy="pass the --task that it was recorded for")
        return
    finite = np.isfinite(actions).all(axis=1)
    if not finite.all():
        yield say(problem="an action is not finite", remedy=_RECORD, step=int(np.argmin(finite)))
        return
    outside = np.argwhere((np.abs(actions) > 1) & relative_columns(needs.commands, actions.shape[1]))
    if len(outside):
        step, component = map(int, outside[0])
        yield say(
            problem=f"action component {component} is {actions[step, component]:.3g}, "
            f"outside of [-1, 1], to which Mimic clamps ({len({int(row[0]) for row in outside})} such steps)",
            remedy="record it again with slower motions, or expect generated motions to lag behind there",
            step=step,
            severity=Severity.WARNING,
        )


def _check_attributes(say: _Say, demo: h5py.Group, steps: int) -> Iterator[Finding]:
    count = demo.attrs.get("num_samples", steps)
    if not np.array_equal(count, steps):
        problem = f"attribute 'num_samples' is {count}, but there are {steps} actions"
        yield say(problem=problem, remedy="see whether the file was cut or joined", severity=Severity.WARNING)
    if not np.all(demo.attrs.get("success", True)):
        problem = "was recorded as a failure (attribute 'success' is False)"
        yield say(problem=problem, remedy=_LEAVE_OUT, severity=Severity.WARNING)


def _check_objects(say: _Say, info: h5py.Group, needs: TaskNeeds) -> Iterator[Finding]:
    if needs.objects is None:
        return
    scene = ", ".join(sorted(needs.objects)) or "nothing"
    referred = {subtask.object_ref for subtasks in needs.subtasks.values() for subtask in subtasks} - {None}
    for name in sorted(map(str, referred - needs.objects)):
        problem = f"object '{name}', which a subtask refers to, is not in the scene of '{needs.task}' ({scene})"
        yield say(problem=problem, remedy="pass a --task whose scene has it")
    recorded = info.get("object_pose")
    names = set(recorded) if isinstance(recorded, h5py.Group) else set()
    for name in sorted(names - needs.objects - referred):
        problem = f"recorded object '{name}' is not in the scene of '{needs.task}' ({scene})"
        yield say(problem=problem, remedy=_LEAVE_OUT, severity=Severity.WARNING)


def _check_poses(say: _Say, key: str, dataset: object, steps: int) -> Iterator[Finding]:
    """Check that an array is a rigid transform a step, shape (steps, 4, 4)."""
    name = f"'obs/datagen_info/{key}'"
    if not isinstance(dataset, h5py.Dataset):
        yield say(problem=f"{name} is missing", remedy=_ANNOTATE)
        return
    if dataset.shape != (steps, 4, 4) or dataset.dtype.kind != "f":
        problem = f"{name} has shape {dataset.shape} and type {dataset.dtype}, expected numbers, ({steps}, 4, 4)"
        yield say(problem=problem, remedy=_ANNOTATE)
        return
    poses = dataset[:].astype(np.float64)
    finite = np.isfinite(poses).all(axis=(1, 2))
    if not finite.all():
        yield say(problem=f"{name} is not finite", remedy=_ANNOTATE, step=int(np.argmin(finite)))
        return
    rotations = poses[:, :3, :3]
    gram = rotations @ rotations.transpose(0, 2, 1)
    tests = {
        "has a last row other than 0, 0, 0, 1": np.abs(poses[:, 3] - (0, 0, 0, 1)).max(axis=1) > _RIGID,
        "has a rotation that is not orthonormal": np.abs(gram - np.eye(3)).max(axis=(1, 2)) > _RIGID,
        "mirrors (its determinant is -1)": np.linalg.det(rotations) < 0,
    }
    for problem, wrong in tests.items():
        if wrong.any():
            yield say(problem=f"{name} {problem}: not a rigid transform", remedy=_ANNOTATE, step=int(np.argmax(wrong)))
            return


def _check_boundaries(say: _Say, info: h5py.Group, subtasks: Sequence[SubtaskNeed], steps: int) -> Iterator[Finding]:
    """Check that the signals come, in order, and leave room for the random offsets (as Mimic's pool asserts)."""
    ends: list[int] = []
    for index, subtask in enumerate(subtasks):
        if subtask.signal is None or index == len(subtasks) - 1:
            ends.append(steps)
            continue
        first = _first_step(say, subtask.signal, info.get(f"subtask_term_signals/{subtask.signal}"), steps)
        if isinstance(first, Finding):
            yield first
            return
        if ends and first + 1 <= ends[-1]:
            problem = f"signal '{subtask.signal}' fires before or with '{subtasks[index - 1].signal}'"
            yield say(problem=problem, remedy=_ANNOTATE, step=first)
            return
        ends.append(first + 1)
    for index in range(1, len(ends)):
        latest = ends[index - 1] + subtasks[index - 1].offsets[1]
        earliest = ends[index] + subtasks[index].offsets[0]
        if latest >= earliest:
            yield say(
                step=ends[index - 1],
                problem=f"subtask {index} may be empty: subtask {index - 1} ends as late as step {latest}, "
                f"subtask {index} as early as step {earliest}",
                remedy="leave more time between the two when recording, or leave this demonstration out",
            )


def _first_step(say: _Say, name: str, signal: object, steps: int) -> int | Finding:
    """Return the step at which a signal first fires, or why it cannot be told."""
    if not isinstance(signal, h5py.Dataset):
        return say(problem=f"has no signal '{name}'", remedy=_ANNOTATE)
    if signal.shape not in ((steps,), (steps, 1)) or signal.dtype.kind not in "biuf":
        problem = f"signal '{name}' has shape {signal.shape} and type {signal.dtype}, expected booleans, ({steps},)"
        return say(problem=problem, remedy=_ANNOTATE)
    values = signal[:].reshape(-1)
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        step = int(np.argmax(wrong))
        return say(problem=f"signal '{name}' is {values[step]}, expected 0 or 1", remedy=_ANNOTATE, step=step)
    if not values.any():
        return say(problem=f"signal '{name}' never fires", remedy=_ANNOTATE)
    if values[0]:  # Mimic takes the first change of a signal as its firing
        return say(problem=f"signal '{name}' is on from the start", remedy=_ANNOTATE, step=0)
    return int(np.argmax(values))
