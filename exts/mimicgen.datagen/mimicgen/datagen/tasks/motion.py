"""What is known of a task's robots and how they move: for the checks of demonstrations, and for exporting them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimicgen.datagen.dataset.formats.embodiment import UNKNOWN, Embodiment, Hand, matching
from mimicgen.datagen.dataset.sources.commands import Command
from mimicgen.datagen.dataset.sources.plausible import Motion
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot, model_of
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


def embodiment_of(task: str) -> Embodiment:
    """Return what is known of a task's robots.

    Args:
        task: As `motion_of`.
    """
    found = None if task.endswith(".toml") else described(task)
    by_file = found is not None and task_file(task) is not None
    # The name of a registered task says how actions move its arm.
    return body_of(found, commands_of(task, found if by_file else None))


def body_of(found: Described | None, told: Sequence[Command]) -> Embodiment:
    """Return what is known of the robots of a task.

    Args:
        found: The task; None where no file describes it.
        told: How its actions tell the hands where to be.
    """
    if found is None:
        return UNKNOWN
    commands = dict(zip(found.eefs, told, strict=True))
    hands = tuple(
        Hand(
            eef=name,
            robot=eef.robot,
            arm=eef.arm.joints,
            gripper=eef.arm.gripper.joints if eef.arm.gripper else (),
            command=commands[name],
            scale=eef.arm.controller.scale if commands[name].relative else 1.0,
        )
        for name, eef in found.eefs.items()
    )
    types = dict.fromkeys(path.stem for path in found.robot_files.values())
    return Embodiment(robot_type="+".join(types), hands=hands, joints=_joints(found))


def _joints(found: Described) -> dict[str, tuple[str, ...]]:
    """Return the order of the joints of robots that are one chain: the arm's, then the gripper's.

    Engines number the joints of several arms in different ways, so nothing is said of those.
    """
    told = {}
    for key, robot in found.robots.items():
        if len(robot.arms) != 1:
            continue
        (arm,) = robot.arms.values()
        try:
            names = tuple(model_of(robot, found.robot_files[key]).joints)
        except SetupError:  # the package of its model is not installed: they stay without names
            continue
        patterns = (arm.joints, arm.gripper.joints if arm.gripper else ())
        chain = tuple(names[index] for own in patterns for index in matching(names, own))
        if len(chain) == len(names):
            told[key] = chain
    return told


def _speeds(robots: dict[str, Robot]) -> dict[str, tuple[float, ...]]:
    """Return the largest speeds of the robots with one arm, whose joints come first."""
    arms = {key: tuple(robot.arms.values()) for key, robot in robots.items()}
    return {key: own[0].speeds for key, own in arms.items() if len(own) == 1}
