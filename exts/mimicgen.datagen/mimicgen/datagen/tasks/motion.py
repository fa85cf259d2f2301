"""What is known of how a task's robots move, for the checks of demonstrations."""

from __future__ import annotations

from mimicgen.datagen.dataset.sources.plausible import Motion
from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot
from mimicgen.datagen.robots.schema import Robot
from mimicgen.datagen.tasks.catalogue import described, task_file


def motion_of(task: str) -> Motion:
    """Return what is known of a task's robots.

    Args:
        task: Registered name, as a file of demonstrations has it: whoever wrote it, no path is followed.
    """
    if task.endswith(".toml"):
        return Motion(speeds={}, relative=False)
    found = described(task) if task_file(task) else None
    if found is None:  # a task of Isaac Lab's; its name says what moves it
        robots = {"robot": load_robot(ROBOTS / "franka_panda.toml")} if "Franka" in task else {}
        return Motion(speeds=_speeds(robots), relative="IK-Rel" in task)
    relative = all(eef.arm.controller.kind == "relative_ik" for eef in found.eefs.values())
    return Motion(speeds=_speeds(found.robots), relative=relative)


def _speeds(robots: dict[str, Robot]) -> dict[str, tuple[float, ...]]:
    """Return the largest speeds of the robots with one arm, whose joints come first."""
    arms = {key: tuple(robot.arms.values()) for key, robot in robots.items()}
    return {key: own[0].speeds for key, own in arms.items() if len(own) == 1}
