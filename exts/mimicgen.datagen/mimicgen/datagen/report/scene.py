"""The scene for the page's replay: robots, objects and table of a task that a file describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.report.links import html_colour, links_of
from mimicgen.datagen.robots.usd import robot_usd
from mimicgen.datagen.tasks.catalogue import Described, described
from mimicgen.datagen.tasks.environment.usd import Body, object_usd
from mimicgen.datagen.tasks.geometry import quaternion
from mimicgen.datagen.tasks.language import language_of_file
from mimicgen.datagen.tasks.motion import commands_of

_VERSION = 2
"""Of the cached descriptions; another one is made anew."""

EMPTY: dict[str, Any] = {
    "assets": {},
    "table": None,
    "instruction": "",
    "subtasks": {},
    "constraints": [],
    "actions": [],
}
"""What is shown of a task that no file describes: where things were, and not what they look like."""


def scene_of(data: dict[str, Any], cache: Path) -> dict[str, Any]:
    """Return the scene of what the page shows.

    What the dataset itself says in words goes before what the task's file says now.

    Args:
        data: See `mimicgen.datagen.report.collect.collect`: the task that the dataset names, else that of the run.
        cache: Folder for what is made of robots and objects.

    Raises:
        SetupError: The package of a robot's model is not installed.
    """
    told = data.get("language") or {}
    words = _words(told) if told.get("subtasks") else {}
    task = task_of(str(data["task"]), data["run"])
    try:
        return (EMPTY if task is None else scene(task, cache)) | words
    except TaskError:  # a model or a mesh is gone, or is another by now
        return EMPTY | words


def task_of(recorded: str, run: Mapping[str, Any] | None) -> Described | None:
    """Return what a file says of the task that is shown, None where none does.

    Args:
        recorded: The task that the dataset names, which comes first.
        run: The record of the run, whose task comes next, if there is one.
    """
    made = str(((run or {}).get("config") or {}).get("task", ""))
    for task in (recorded, made):
        if task is recorded and task.endswith(".toml"):
            continue  # whoever wrote the dataset, no path of it is followed
        try:
            found = described(task)
        except TaskError:  # the file is gone, or is another by now
            continue
        if found is not None:
            return found
    return None


def scene(task: Described, cache: Path) -> dict[str, Any]:
    """Return a task's scene as JSON has it: assets by name, each with links, place and tools; and the table.

    With it goes what the hands do in it: the instruction, their subtasks, the constraints between those, and the names
    of what an action consists of.

    Args:
        task: The task.
        cache: Folder for what is made of robots and objects.

    Raises:
        SetupError: The package of a robot's model is not installed.
        TaskError: A model or a mesh cannot be read.
    """
    assets: dict[str, Any] = {}
    for key, robot in task.robots.items():
        placed = task.task.robots[key]
        assets[key] = {
            "links": _kept_links(robot_usd(robot, task.robot_files[key], cache), cache),
            "place": [*placed.position, *quaternion((0.0, 0.0, placed.yaw))],
            "tools": [
                {"eef": name, "link": eef.arm.body, "point": [*eef.arm.tool]}
                for name, eef in task.eefs.items()
                if eef.robot == key
            ],
        }
    for name, content in task.task.objects.items():
        assets[name] = {
            "links": links_of(object_usd(name, content, Body.MOVABLE, task.path.parent, cache)),
            "place": [*content.position, *quaternion(content.rotation)],
            "tools": [],
        }
    table = task.task.table
    told = table and {
        "size": [*table.size],
        "position": [*table.position],
        "colour": html_colour(table.colour),
    }
    constraints = [
        {"kind": one.constraint_type, "between": one.eef_subtask_constraint_tuple} for one in task.task.constraints
    ]
    return {
        "assets": assets,
        "table": told or None,
        **_words(language_of_file(task).plain()),
        "constraints": constraints,
        "actions": _actions(task),
    }


def _words(language: dict[str, Any]) -> dict[str, Any]:
    """Return what the page says of a task in words; see `dataset.formats.language.Language.plain`."""
    return {key: language[key] for key in ("instruction", "subtasks")}


def _actions(task: Described) -> list[str]:
    """Return what the numbers of an action are, in order."""
    names = []
    for command in commands_of("", task):
        whose = f"{command.eef} " if len(task.eefs) > 1 else ""
        turns = ("turn x", "turn y", "turn z") if command.relative else ("qx", "qy", "qz", "qw")
        grip = task.eefs[command.eef].gripper_dim
        grips = ["gripper"] if grip == 1 else [f"gripper {number + 1}" for number in range(grip)]
        names += [whose + name for name in ("x", "y", "z", *turns, *grips)]
    return names


def _kept_links(usd: Path, cache: Path) -> list[dict[str, Any]]:
    """Return a robot's links, made once: its USD is in a folder named by its content."""
    kept = cache / f"{usd.parent.name}-report-{_VERSION}.json"
    if kept.is_file():
        found: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    links = links_of(usd)
    with explained(kept), new_file(kept, replace=Path.is_file) as scratch:  # another process may have made it meanwhile
        scratch.write_text(json.dumps(links), encoding="utf-8")
    return links
