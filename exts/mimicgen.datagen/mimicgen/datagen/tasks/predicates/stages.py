"""The stages of a task by which a policy is told how far it came.

A signal that a hand has grasped something ends a segment of a demonstration; there the hand is known to have closed
around it. Of whatever else a policy may do it says little: a hand that passes within a few centimetres with its fingers
half closed has the signal, too. What was grasped has then been lifted, so that is what counts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mimicgen.datagen.tasks import conditions as stated
from mimicgen.datagen.tasks.catalogue import Described

SUFFIX = "_lifted"
"""Is added to the name of a signal of a grasp."""


def staged(found: Described) -> Described:
    """Return a task whose signals are stages: grasps that have lifted what they are of, under names that say so."""
    signals = dict(_stage(name, condition, found) for name, condition in found.task.signals.items())
    subtasks = {
        eef: tuple(
            msgspec.structs.replace(one, subtask_term_signal=_renamed(one.subtask_term_signal, signals)) for one in own
        )
        for eef, own in found.task.subtasks.items()
    }
    task = msgspec.structs.replace(found.task, signals=signals, subtasks=subtasks)
    return msgspec.structs.replace(found, task=task)


def in_order(found: Described) -> dict[str, str]:
    """Return the end effector of each signal of a task, in the order of the subtasks."""
    return {
        one.subtask_term_signal: eef
        for eef, own in found.task.subtasks.items()
        for one in own
        if one.subtask_term_signal is not None and one.subtask_term_signal in found.task.signals
    }


def _stage(name: str, condition: Any, found: Described) -> tuple[str, Any]:
    if not isinstance(condition, stated.Grasped):
        return name, condition
    grasped = found.task.objects.get(condition.object)
    if grasped is None or not grasped.movable:
        return name, condition
    return f"{name}{SUFFIX}", stated.All(of=(condition, stated.Lifted(object=condition.object)))


def _renamed(name: str | None, signals: dict[str, Any]) -> str | None:
    return f"{name}{SUFFIX}" if name is not None and f"{name}{SUFFIX}" in signals else name
