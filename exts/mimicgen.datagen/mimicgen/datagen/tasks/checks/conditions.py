"""What has to hold for the conditions of a task file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.tasks.conditions import (
    Aligned,
    All,
    AnyCondition,
    AtRest,
    Grasped,
    GripperOpen,
    Held,
    Inserted,
    Inside,
    JointBeyond,
    Lifted,
    Near,
    Not,
    OneOf,
    OnTop,
)

if TYPE_CHECKING:
    from mimicgen.datagen.tasks.catalogue import Described

MOST = 500
"""Conditions of a task at most."""


def faults_of_conditions(described: Described) -> Iterator[str]:
    """Yield what is wrong with the conditions of signals and of success."""
    conditions = list(all_conditions(described))
    if len(conditions) > MOST:
        yield f"signals and success have {len(conditions):,} conditions; expected at most {MOST}"
        return
    for key, condition in conditions:
        yield from _faults_of_names(key, condition, described)
        yield from _faults_of_sense(key, condition, described)


def all_conditions(described: Described) -> Iterator[tuple[str, AnyCondition]]:
    """Yield all conditions of a task, those within others included, each with its key."""
    for name, condition in described.task.signals.items():
        yield from _walk(f"signals.{name}", condition)
    yield from _walk("success", described.task.success)


def _walk(key: str, condition: AnyCondition) -> Iterator[tuple[str, AnyCondition]]:
    yield key, condition
    if isinstance(condition, (All, OneOf)):
        for index, own in enumerate(condition.of):
            yield from _walk(f"{key}.of[{index}]", own)
    elif isinstance(condition, (Not, Held)):
        yield from _walk(f"{key}.condition", condition.condition)


def _faults_of_names(key: str, condition: AnyCondition, described: Described) -> Iterator[str]:
    """Yield which objects and end effectors a condition names that are not there."""
    objects, eefs = described.task.objects, described.eefs
    named: dict[str, Any] = {name: getattr(condition, name, None) for name in ("object", "of", "into")}
    if isinstance(condition, (All, OneOf)):
        named = {}
    for name, value in named.items():
        if value is not None and value not in objects:
            yield f"{key}.{name} = {quoted(value)}: there is no such object; {meant(value, objects)}"
        elif name != "object" and value is not None and value == named["object"]:
            yield f"{key}.{name} = {quoted(value)}: that is the object itself; name another one"
    if not isinstance(condition, (Grasped, GripperOpen, Near)):
        return
    arm = condition.arm
    if arm is not None and arm not in eefs:
        yield f"{key}.arm = {quoted(arm)}: there is no such end effector; {meant(arm, eefs)}"
    elif isinstance(condition, (Grasped, GripperOpen)):
        if arm is None and len(eefs) > 1:
            yield f"{key}: 'arm' is missing; it says which: {', '.join(eefs)}"
        elif described.eef(arm).arm.gripper is None:
            yield f"{key}: the end effector '{described.eef(arm).name}' has no gripper"
    elif (condition.object is None) == (arm is None):
        yield f"{key}: expected either object or arm: {'neither is there' if arm is None else 'both are there'}"


def _faults_of_sense(key: str, condition: AnyCondition, described: Described) -> Iterator[str]:
    """Yield what can never be true, or is true for ever, and what the shapes of an object do not say."""
    objects = described.task.objects
    content = objects.get(getattr(condition, "object", None) or "")
    if content is None:
        return
    said = f"{key}.object = {quoted(condition.object)}"  # type: ignore[union-attr]
    # The base of a drawer stands still, and its handle is grasped.
    still = not content.movable and (isinstance(condition, Lifted) or not content.parts)
    if still and isinstance(condition, (Grasped, Lifted, AtRest)):
        yield f"{said}: it stands still (movable = false), so this says nothing; name another, or let it move"
    if isinstance(condition, OnTop) and condition.height is None:
        for name in (condition.object, condition.of):
            if name in objects and not objects[name].shapes:
                yield f"{key}.height is missing: '{name}' is a USD file, whose shapes do not say it"
    outer = objects.get(condition.of) if isinstance(condition, Inside) and condition.size is None else None
    if outer is not None and not outer.shapes:
        yield f"{key}.size is missing: the outer one is a USD file, whose shapes do not say it"
    if isinstance(condition, Inserted) and condition.depth == 0:
        yield f"{key}.depth = 0: expected how deep it has to be, more than 0"
    if isinstance(condition, Aligned) and condition.axis == "z" and condition.symmetry != 1:
        yield f"{key}.symmetry = {condition.symmetry}: ways about z say nothing of the axis z; leave it out"
    if isinstance(condition, JointBeyond):
        yield from _faults_of_joint(key, condition, content.parts)


def _faults_of_joint(key: str, condition: JointBeyond, parts: dict[str, Any]) -> Iterator[str]:
    if condition.part not in parts:
        said = f"{key}.part = {quoted(condition.part)}"
        yield f"{said}: '{condition.object}' has no such part; {meant(condition.part, parts)}"
        return
    joint, above, below = parts[condition.part].joint, condition.above, condition.below
    if above is None and below is None:
        yield f"{key}: expected above or below: neither is there"
    limits = f"its joint goes from {joint.low:g} to {joint.high:g}"
    if above is not None and above >= joint.high:
        yield f"{key}.above = {above:g}: it never is; {limits}"
    if below is not None and below <= joint.low:
        yield f"{key}.below = {below:g}: it never is; {limits}"
    if above is not None and below is not None and above >= below:
        yield f"{key}.above = {above:g}: expected less than below, which is {below:g}"
