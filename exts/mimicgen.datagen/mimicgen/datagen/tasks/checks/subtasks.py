"""What has to hold between subtasks, signals and the constraints between arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.checks.starts import faults_of_range
from mimicgen.datagen.tasks.schema import Constraint, Subtask, Task

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described

_Node = tuple[str, int]
"""End effector and number of a subtask."""


def faults_of_subtasks(described: Described) -> Iterator[str]:
    """Yield what is wrong with the subtasks, and with signals that none or several of an end effector name."""
    task, eefs = described.task, described.eefs
    for eef in task.subtasks:
        if eef not in eefs:
            yield f"subtasks.{eef}: there is no such end effector; {meant(eef, eefs)}"
    for eef in eefs:
        if eef not in task.subtasks:
            yield f"subtasks.{eef} is missing: every end effector has at least one, perhaps without object_ref"
    used: set[str] = set()
    for eef, subtasks in task.subtasks.items():
        own: dict[str, int] = {}
        for index, subtask in enumerate(subtasks):
            key = f"subtasks.{eef}[{index}]"
            yield from _faults_of_subtask(key, subtask, task, first=index == 0)
            yield from _faults_of_ending(key, subtask, last=index == len(subtasks) - 1)
            signal = subtask.subtask_term_signal
            if signal is not None and signal in own:
                said = f"{key}.subtask_term_signal = {quoted(signal)}"
                yield f"{said}: it ends subtask {own[signal]}, too; give each its own"
            if signal is not None:
                own.setdefault(signal, index)
        used.update(own)
    waited = {pose.wait_for for poses in (task.expert.poses.values() if task.expert else ()) for pose in poses}
    for signal in task.signals:
        if signal not in used | waited:
            yield f"signals.{signal}: no subtask ends with it, and nobody waits for it; use it, or leave it out"


def faults_of_constraints(subtasks: Mapping[str, Sequence[Any]], constraints: Sequence[Constraint]) -> Iterator[str]:
    """Yield what is wrong with the constraints between arms.

    Args:
        subtasks: The subtasks by end effector.
        constraints: Between them.
    """
    sound = True
    for index, constraint in enumerate(constraints):
        key = f"constraints[{index}].eef_subtask_constraint_tuple"
        (one, _), (other, _) = constraint.eef_subtask_constraint_tuple
        for place, (eef, number) in enumerate(constraint.eef_subtask_constraint_tuple):
            many = len(subtasks.get(eef, ()))
            if eef not in subtasks:
                yield f"{key}[{place}] = {quoted([eef, number])}: no such end effector; {meant(eef, subtasks)}"
            elif number >= many:
                yield f"{key}[{place}] = {quoted([eef, number])}: '{eef}' has {many} subtasks, 0 to {many - 1}"
            else:
                continue
            sound = False
        if one == other:
            yield f"{key}: '{one}' is there twice; its own subtasks are in order, name two end effectors"
            sound = False
    if sound:
        yield from _circular(subtasks, constraints)


def _faults_of_subtask(key: str, subtask: Subtask, task: Task, *, first: bool) -> Iterator[str]:
    if subtask.object_ref is not None and subtask.object_ref not in task.objects:
        said = f"{key}.object_ref = {quoted(subtask.object_ref)}"
        yield f"{said}: there is no such object; {meant(subtask.object_ref, task.objects)}"
    signal = subtask.subtask_term_signal
    if signal is not None and signal not in task.signals:
        yield f"{key}.subtask_term_signal = {quoted(signal)}: no signal is called so; {meant(signal, task.signals)}"
    yield from faults_of_range(f"{key}.subtask_term_offset_range", subtask.subtask_term_offset_range)
    yield from faults_of_range(f"{key}.first_subtask_start_offset_range", subtask.first_subtask_start_offset_range)
    if not first and subtask.first_subtask_start_offset_range != (0, 0):
        yield f"{key}.first_subtask_start_offset_range: only the first subtask has one; leave it out"
    for name, value in subtask.selection_strategy_kwargs.items():
        if name == "nn_k" and not (value >= 1 and value == int(value)):
            yield f"{key}.selection_strategy_kwargs.nn_k = {value:g}: expected a whole number, at least 1"
        elif name != "nn_k" and value < 0:
            yield f"{key}.selection_strategy_kwargs.{name} = {value:g}: expected at least 0"


def _faults_of_ending(key: str, subtask: Subtask, *, last: bool) -> Iterator[str]:
    if not last and subtask.subtask_term_signal is None:
        yield f"{key}.subtask_term_signal is missing: it says when the next subtask begins; only the last has none"
    if last and subtask.subtask_term_signal is not None:
        yield (
            f"{key}.subtask_term_signal = {quoted(subtask.subtask_term_signal)}: the last subtask ends with the "
            "demonstration; leave it out"
        )
    if last and subtask.subtask_term_offset_range != (0, 0):
        yield f"{key}.subtask_term_offset_range: the last subtask ends with the demonstration; leave it out"


def _circular(subtasks: Mapping[str, Sequence[Any]], constraints: Sequence[Constraint]) -> Iterator[str]:
    """Yield constraints by which subtasks wait for each other in a circle."""
    together: dict[_Node, _Node] = {}

    def of(node: _Node) -> _Node:
        return of(together[node]) if node in together else node

    for constraint in constraints:
        one, other = constraint.eef_subtask_constraint_tuple
        if constraint.constraint_type == "coordination" and of(one) != of(other):
            together[of(one)] = of(other)
    before: dict[_Node, set[_Node]] = {}
    for eef, own in subtasks.items():
        for index in range(1, len(own)):
            before.setdefault(of((eef, index)), set()).add(of((eef, index - 1)))
    for constraint in constraints:
        one, other = constraint.eef_subtask_constraint_tuple
        if constraint.constraint_type == "sequential":
            before.setdefault(of(other), set()).add(of(one))
    try:
        TopologicalSorter(before).prepare()
    except CycleError as failed:
        circle = ", then ".join(f"{eef}[{index}]" for eef, index in failed.args[1])
        yield f"constraints: subtasks wait for each other in a circle: {circle}"
