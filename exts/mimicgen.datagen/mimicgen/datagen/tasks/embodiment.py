"""What is known of a task's robots, for the formats that datasets are exported to."""

from __future__ import annotations

from mimicgen.datagen.dataset.formats.embodiment import UNKNOWN, Embodiment, Hand, matching
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.robots.catalogue import model_of
from mimicgen.datagen.tasks.catalogue import Described, described, task_file
from mimicgen.datagen.tasks.motion import commands_of


def embodiment_of(task: str) -> Embodiment:
    """Return what is known of a task's robots.

    Args:
        task: Registered name, as a file of demonstrations has it: whoever wrote it, no path is followed.
    """
    found = None if task.endswith(".toml") else described(task)
    if found is None:
        return UNKNOWN
    by_file = task_file(task) is not None
    told = commands_of(task, found if by_file else None)  # the name of a registered task says how actions move its arm
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
