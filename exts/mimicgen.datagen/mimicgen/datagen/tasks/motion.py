"""What is known of how a task's robots move, for the checks of demonstrations."""

from __future__ import annotations

import re

from mimicgen.datagen.dataset.sources.commands import Command
from mimicgen.datagen.dataset.sources.plausible import Motion
from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.tasks.catalogue import Described, described, task_file

_REGISTERED = re.compile("(?<!Pink)-IK-(Rel|Abs)")
"""What names of Isaac Lab's registered tasks say of how actions move the one arm."""


def motion_of(task: str) -> Motion:
    """Return what is known of a task's robots.

    Args:
        task: Registered name, as a file of demonstrations has it: whoever wrote it, no path is followed.
    """
    if task.endswith(".toml"):
        return Motion()
    found = described(task) if task_file(task) else None
    if found is None:  # a task of Isaac Lab's; its name says what moves it
        robots = {"robot": load_robot(ROBOTS / "franka_panda.toml")} if "Franka" in task else {}
        return Motion(speeds=_speeds(robots), commands=commands_of(task, None))
    return Motion(speeds=_speeds(found.robots), commands=commands_of(task, found))


def commands_of(task: str, found: Described | None) -> tuple[Command, ...]:
    """Return how a task's actions tell the hands where to be; nothing where that is not known.

    Args:
        task: Registered name.
        found: What a file says of the task by file; None for a registered task.
    """
    if found is None:
        said = _REGISTERED.search(task)
        return (Command(eef="", robot="robot", begin=0, relative=said[1] == "Rel"),) if said else ()
    commands: list[Command] = []
    begin = 0
    for name, eef in found.eefs.items():
        relative = eef.arm.controller.kind == "relative_ik"
        commands.append(Command(eef=name, robot=eef.robot, begin=begin, relative=relative))
        begin = commands[-1].end + eef.gripper_dim
    return tuple(commands)


def _speeds(robots: dict[str, Robot]) -> dict[str, tuple[float, ...]]:
    """Return the largest speeds of the robots with one arm, whose joints come first."""
    arms = {key: tuple(robot.arms.values()) for key, robot in robots.items()}
    return {key: own[0].speeds for key, own in arms.items() if len(own) == 1}
