"""What has to hold for the key poses of the scripted expert."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.checks.starts import faults_of_range
from mimicgen.datagen.tasks.schema import Expert, KeyPose, Task

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described


def faults_of_expert(described: Described) -> Iterator[str]:
    """Yield what is wrong with the expert."""
    task = described.task
    if task.expert is None:
        return
    for eef in task.expert.poses:
        if eef not in described.eefs:
            yield f"expert.poses.{eef}: there is no such end effector; {meant(eef, described.eefs)}"
    for eef in described.eefs:
        if eef not in task.expert.poses:
            yield f"expert.poses.{eef} is missing: every end effector has at least one key pose"
    for eef, poses in task.expert.poses.items():
        for index, pose in enumerate(poses):
            yield from _faults_of_pose(f"expert.poses.{eef}[{index}]", pose, task)
    style = task.expert.style
    for name, values in (("lead", style.lead), ("turn", style.turn), ("pause", style.pause)):
        yield from faults_of_range(f"expert.style.{name}", values)
        if name != "pause" and values[0] <= 0:
            yield f"expert.style.{name} = {quoted(list(values))}: expected more than 0, or the hand never moves"
    yield from _waits_for_ever(task, task.expert)


def _faults_of_pose(key: str, pose: KeyPose, task: Task) -> Iterator[str]:
    for name, value in (("to", pose.to), ("carried", pose.carried)):
        if value is not None and value not in task.objects:
            yield f"{key}.{name} = {quoted(value)}: there is no such object; {meant(value, task.objects)}"
    if pose.carried is not None and pose.carried in task.objects:
        if not task.objects[pose.carried].movable:
            yield f"{key}.carried = {quoted(pose.carried)}: it stands still (movable = false), and no hand carries it"
        if pose.carried == pose.to:
            yield f"{key}.carried = {quoted(pose.carried)}: it is what 'to' names; name what is in the hand"
    if pose.wait_for is not None and pose.wait_for not in task.signals:
        yield f"{key}.wait_for = {quoted(pose.wait_for)}: no signal is called so; {meant(pose.wait_for, task.signals)}"
    yield from faults_of_range(f"{key}.rise", pose.rise)
    yield from faults_of_range(f"{key}.rest", pose.rest)
    needed = {
        "axes = 'object'": (pose.axes == "object", pose.to is not None, "'to', whose axes they are"),
        "orientation = 'object'": (pose.orientation == "object", pose.to is not None, "'to', which it is relative to"),
        "rotation": (any(pose.rotation), pose.orientation == "object", "orientation = 'object'"),
        "yaw": (pose.yaw != 0, pose.orientation == "down", "orientation = 'down'"),
        "symmetry": (pose.symmetry != 1, pose.orientation == "down", "orientation = 'down'"),
    }
    for name, (used, there, what) in needed.items():
        if used and not there:
            yield f"{key}: {name} needs {what}"


def _waits_for_ever(task: Task, expert: Expert) -> Iterator[str]:
    """Yield where hands wait for what cannot come while they wait.

    The most that can happen is assumed: that every key pose of a hand ends one of its subtasks, in their order.
    """
    owners: dict[str, list[tuple[str, int]]] = {}
    for eef, subtasks in task.subtasks.items():
        for index, subtask in enumerate(subtasks):
            if subtask.subtask_term_signal is not None:
                owners.setdefault(subtask.subtask_term_signal, []).append((eef, index))
    reached = dict.fromkeys(expert.poses, 0)

    def can_set_out(eef: str) -> bool:
        signal = expert.poses[eef][reached[eef]].wait_for
        known = [(owner, index) for owner, index in owners.get(signal or "", ()) if owner in reached]
        # One signal may end subtasks of several hands; it is enough that one of them can bring it about.
        return not known or any(reached[owner] > index for owner, index in known)

    def waiting() -> list[str]:
        return [eef for eef, poses in expert.poses.items() if reached[eef] < len(poses)]

    while free := [eef for eef in waiting() if can_set_out(eef)]:
        for eef in free:
            reached[eef] += 1
    for eef in waiting():
        pose = expert.poses[eef][reached[eef]]
        assert pose.wait_for is not None
        yield (
            f"expert.poses.{eef}[{reached[eef]}].wait_for = {quoted(pose.wait_for)}: it can never come, as "
            f"'{owners[pose.wait_for][0][0]}' waits, too; let one of them go first"
        )
