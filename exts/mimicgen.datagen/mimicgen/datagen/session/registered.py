"""What Isaac Lab says of its Mimic tasks, recorded: asking it takes eight seconds, most of them for imports.

The record holds for the versions that it names, of packages that may be absent, too. With others Isaac Lab is asked.
`scripts/record_tasks.py` makes it, and a test compares it with what Isaac Lab says.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

from mimicgen.datagen.config.sections import MimicConfig
from mimicgen.datagen.dataset.sources.checks import SubtaskNeed, TaskNeeds
from mimicgen.datagen.dataset.sources.reach import Arm
from mimicgen.datagen.installed import DATA
from mimicgen.datagen.isaaclab.runtime import Runtime, detect
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.defaults import own_subtasks
from mimicgen.datagen.tasks.motion import commands_of
from mimicgen.datagen.tasks.needs import Needs

RECORD = DATA / "registered_tasks.json"

PACKAGES = ("isaaclab", "isaacsim-asset", "pin")
"""Whatever the answers depend on: the tasks, the robot, and what some tasks need and may lack."""


@dataclass(frozen=True, kw_only=True)
class KnownTask:
    """What the embedded runtime's environment of a task says.

    Attributes:
        needs: What it needs of its sources, with the task's own offsets.
        arm: How far the robot reaches.
        randomization: The task's own values of the keys of `randomization`.
    """

    needs: TaskNeeds
    arm: Arm
    randomization: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a task's attempts are made.

    Attributes:
        how: In all environments at once; in all, but each environment converts poses by itself; by Isaac Lab's own
            generator, one environment after another; or not.
        why: What makes it so.
    """

    how: Literal["batched", "one by one", "upstream", "not"]
    why: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{WAYS[self.how]}: {self.why}"


WAYS = {
    "batched": "all environments at once",
    "one by one": "all environments at once, but for their actions",
    "upstream": "one environment after another, by Isaac Lab's own generator",
    "not": "not",
}
"""What is said of `Way.how`."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """All Mimic tasks.

    Attributes:
        tasks: Every one with the reason why it cannot run in the embedded runtime, None when it can.
        known: Those that can.
        needs: What each needs in Isaac Sim.
        subtasks: The subtasks of each by end effector, with Isaac Lab's own offsets.
        ways: How its attempts are made where it can run.
        observed: What those that observe through cameras observe in the embedded runtime, in words.
    """

    tasks: dict[str, str | None]
    known: dict[str, KnownTask]
    needs: dict[str, Needs]
    subtasks: dict[str, dict[str, list[SubtaskNeed]]]
    ways: dict[str, Way]
    observed: dict[str, str]


def versions() -> dict[str, str | None]:
    """Return the versions of `PACKAGES`, None for what is not installed."""
    found: dict[str, str | None] = dict.fromkeys(PACKAGES)
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def recorded() -> Registered | None:
    """Return what was recorded, None where it does not hold.

    Raises:
        SetupError: Isaac Lab is not installed.
    """
    if detect() is not Runtime.EMBEDDED:
        return None
    told = json.loads(RECORD.read_text(encoding="utf-8"))
    if told["versions"] != versions():
        return None
    return Registered(
        tasks=told["tasks"],
        known={task: _known(task, facts) for task, facts in told["known"].items()},
        needs={task: _needs(facts) for task, facts in told["needs"].items()},
        subtasks={task: _subtasks(own) for task, own in told["subtasks"].items()},
        ways={task: Way(**facts) for task, facts in told["ways"].items()},
        observed=told["observed"],
    )


def write(found: Registered) -> None:
    """Record what was found, for the versions that are installed."""
    told = {
        "versions": versions(),
        "tasks": found.tasks,
        "known": {task: _plain(known) for task, known in found.known.items()},
        "needs": {task: dataclasses.asdict(needs) for task, needs in found.needs.items()},
        "subtasks": {
            task: {eef: [*map(dataclasses.asdict, needs)] for eef, needs in own.items()}
            for task, own in found.subtasks.items()
        },
        "ways": {task: dataclasses.asdict(way) for task, way in found.ways.items()},
        "observed": found.observed,
    }
    RECORD.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def subtasks_of(task: str) -> Mapping[str, Sequence[SubtaskNeed]] | None:
    """Return a task's subtasks by end effector, None where only Isaac Lab can tell.

    Raises:
        BadInputError: The task's file is not valid, or Isaac Lab is not installed.
    """
    if catalogue.task_file(task) is None:
        known = recorded()
        return None if known is None else known.subtasks.get(task)
    found = catalogue.described(task)
    assert found is not None, "it has a file"
    return {
        eef: [
            SubtaskNeed(
                signal=own.subtask_term_signal, object_ref=own.object_ref, offsets=own.subtask_term_offset_range
            )
            for own in subtasks
        ]
        for eef, subtasks in found.task.subtasks.items()
    }


def with_offsets(needs: TaskNeeds, mimic: MimicConfig) -> TaskNeeds:
    """Return a task's needs with the offsets of a job, or else of the file that describes the task."""
    described, names = own_subtasks(needs.task, needs.subtasks), needs.names()

    def offsets(eef: str, index: int, need: SubtaskNeed) -> tuple[int, int]:
        low, high = (mimic.of(names[eef][index], f"term_offset_{end}") for end in ("low", "high"))
        if low is not None:
            return low, high
        return described[eef][index].subtask_term_offset_range if eef in described else need.offsets

    subtasks = {
        eef: [dataclasses.replace(need, offsets=offsets(eef, index, need)) for index, need in enumerate(own)]
        for eef, own in needs.subtasks.items()
    }
    return dataclasses.replace(needs, subtasks=subtasks)


def _plain(known: KnownTask) -> dict[str, Any]:
    needs = dataclasses.asdict(known.needs) | {"objects": sorted(known.needs.objects or ())}
    del needs["commands"]  # which follow from the task's name
    return dataclasses.asdict(known) | {"needs": needs}


def _needs(facts: dict[str, Any]) -> Needs:
    told: dict[str, Any] = {key: tuple(own) if isinstance(own, list) else own for key, own in facts.items()}
    return Needs(**told)


def _subtasks(facts: dict[str, list[dict[str, Any]]]) -> dict[str, list[SubtaskNeed]]:
    return {
        eef: [SubtaskNeed(**own | {"offsets": tuple(own["offsets"])}) for own in subtasks]
        for eef, subtasks in facts.items()
    }


def _known(task: str, facts: dict[str, Any]) -> KnownTask:
    needs, arm = facts["needs"], facts["arm"]
    return KnownTask(
        needs=TaskNeeds(
            task=task,
            subtasks=_subtasks(needs["subtasks"]),
            action_dim=needs["action_dim"],
            objects=frozenset(needs["objects"]),
            commands=commands_of(task, None),
        ),
        arm=Arm(shoulder=tuple(arm["shoulder"]), length=arm["length"], base=arm["base"]),
        randomization={
            key: tuple(own) if isinstance(own, list) else own for key, own in facts["randomization"].items()
        },
    )
