"""Tasks that a file describes, by name or path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from msgspec import Struct

from mimicgen.datagen.config.reading import content, meant, parsed, typed
from mimicgen.datagen.config.values import as_path, quoted
from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.installed import DATA
from mimicgen.datagen.robots.catalogue import find_robot, load_robot
from mimicgen.datagen.robots.schema import Arm, Robot
from mimicgen.datagen.tasks.extending import extended
from mimicgen.datagen.tasks.schema import Task, Variant

TASKS = DATA / "tasks"
"""Tasks that come with the extension."""

REGISTERED = {"Stack-Cube-Franka-IK-Rel": "stack_three", "Stack-Cube-Franka-IK-Abs": "stack_three"}
"""Families of Isaac Lab's registered tasks that a file describes: their scene, cameras, signals and success."""

NAME = "[A-Za-z][A-Za-z0-9_]{0,63}"
"""What a task may be called."""

_ID = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_]*)-(?P<variant>[A-Za-z][A-Za-z0-9_]*)-Mimic-v0")
"""What a task by file is called where gymnasium registers it."""


class EndEffector(Struct, frozen=True, kw_only=True):
    """An end effector of a task.

    Attributes:
        name: As the task's subtasks call it.
        robot: Key of its robot, which is what the scene calls it.
        model: The robot.
        arm: The arm.
        gripper_dim: Width of the gripper's action.
    """

    name: str
    robot: str
    model: Robot
    arm: Arm

    @property
    def gripper_dim(self) -> int:
        """Width of the gripper's action: one, or none without a gripper."""
        return 1 if self.arm.gripper else 0


class Described(Struct, frozen=True, kw_only=True):
    """A task, with the robots that it names.

    Attributes:
        name: The task's name, which is its file's.
        path: Its file.
        text: What stands in the file.
        task: What it says.
        robots: Its robots by key.
        robot_files: Their files by key.
    """

    name: str
    path: Path
    text: str
    task: Task
    robots: dict[str, Robot]
    robot_files: dict[str, Path]

    @property
    def eefs(self) -> dict[str, EndEffector]:
        """The end effectors by name, in the order of the robots: the robot's key, or ROBOT_ARM for several arms."""
        found = {}
        for key, robot in self.robots.items():
            for arm_name, arm in robot.arms.items():
                name = key if len(robot.arms) == 1 else f"{key}_{arm_name}"
                found[name] = EndEffector(name=name, robot=key, model=robot, arm=arm)
        return found

    def eef(self, name: str | None) -> EndEffector:
        """Return an end effector by name; a task with one has that, whatever Isaac Lab's task calls it."""
        found = self.eefs
        if len(found) == 1:
            return next(iter(found.values()))
        assert name is not None, "which one is checked when the file is read"
        return found[name]

    def variant(self, name: str) -> Variant:
        """Return one of the ways in which attempts start.

        Raises:
            TaskError: There is no such variant.
        """
        if name not in self.task.variants:
            raise TaskError(f"variant = {quoted(name)}: task '{self.name}': {meant(name, self.task.variants)}")
        return self.task.variants[name]

    def gym_id(self, variant: str) -> str:
        """Return what the task is registered as.

        Raises:
            TaskError: There is no such variant.
        """
        self.variant(variant)
        return f"{self.name}-{variant}-Mimic-v0"


def names() -> list[str]:
    """Return the names of the tasks that come with the extension as files."""
    return sorted(path.stem for path in TASKS.glob("*.toml"))


def task_file(task: str) -> Path | None:
    """Return the file of a task by file, None for the name of a registered one.

    Args:
        task: A name, the path of a task file (it ends with .toml), or what a task by file is registered as.

    Raises:
        ConfigError: The path is none.
    """
    if task.endswith(".toml"):
        return as_path("task", task).expanduser().absolute()
    match = _ID.fullmatch(task)
    name = match["name"] if match else task
    return TASKS / f"{name}.toml" if name in names() else None


def load_task(path: Path) -> Described:
    """Return what a task file says.

    Raises:
        TaskError: It, or a robot's file, cannot be read, or says something that is not valid.
    """
    from mimicgen.datagen.tasks.checks.checking import check_task

    place = f"task file {quoted(path)}"
    if not re.fullmatch(NAME, path.stem):
        raise TaskError(
            f"{place}: expected a name of letters, digits and _, which begins with a letter: it is the task's"
        )
    text = content(path, place, TaskError)
    task = typed(extended(parsed(text, place, TaskError), TASKS, place), Task, place, TaskError)
    files = {
        key: find_robot(placed.robot, path.parent, f"{place}: robots.{key}.robot")
        for key, placed in task.robots.items()
    }
    robots = {key: load_robot(file) for key, file in files.items()}
    found = Described(name=path.stem, path=path, text=text, task=task, robots=robots, robot_files=files)
    check_task(found, place)
    return found


def described(task: str) -> Described | None:
    """Return what a file says of a task: of a task by file, and of those registered ones that a file describes.

    Raises:
        TaskError: The file cannot be read, or says something that is not valid.
    """
    path = task_file(task)
    if path is None:
        name = REGISTERED.get(task_family(task))
        path = TASKS / f"{name}.toml" if name else None
    return load_task(path) if path else None


def description_of(cfg: Any) -> Described | None:
    """Return what a file says of the task of an environment.

    Args:
        cfg: Isaac Lab's configuration of the environment.
    """
    found: Described | None = getattr(cfg, "described", None) or described(cfg.env_name)
    return found
