"""What has to hold between the parts of a robot file, and between it and the model that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mimicgen.datagen.config.reading import meant, refuse
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.links import faults_against, faults_of_links, joined
from mimicgen.datagen.robots.models import Limits, Model
from mimicgen.datagen.robots.schema import Arm, Robot

NO_CLASSES = ("background", "unlabelled", "table", "ground")
"""Classes in segmentation images that are taken."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_SLACK = 1e-3
"""By how much positions may be beyond a limit that a file rounds [rad, m]."""


def check_robot(robot: Robot, place: str) -> None:
    """Check a robot, as far as it can be without its model.

    Args:
        robot: The robot.
        place: The file, for messages.

    Raises:
        TaskError: Something does not fit together.
    """
    refuse(_faults(robot), place, TaskError)


def check_against_model(robot: Robot, model: Model, place: str) -> Model:
    """Check that links and joints that a robot file names are there, and positions within their limits.

    Args:
        robot: The robot.
        model: Its model.
        place: The file, for messages.

    Returns:
        The model with the links that the robot file adds.

    Raises:
        TaskError: One is not.
    """
    refuse(faults_against(robot.links, model), place, TaskError)
    whole = joined(model, robot.links)
    refuse(_faults_of_names(robot, whole), place, TaskError)
    return whole


def faults_of_home(key: str, home: Mapping[str, float], joints: Mapping[str, Limits | None]) -> Iterator[str]:
    """Yield what is wrong with positions of joints at a reset.

    Args:
        key: Of the table, for messages.
        home: Positions by name or pattern [rad, m].
        joints: Limits of the model's joints.
    """
    told: dict[str, str] = {}
    for pattern, position in home.items():
        for joint in _matching(pattern, joints):
            if joint in told:
                yield f"{key}.{quoted(pattern)}: {quoted(told[joint])} says '{joint}', too; leave one of them out"
            told[joint] = pattern
            yield from _beyond(f"{key}.{quoted(pattern)}", position, joint, joints[joint])


def patterns_of_home(key: str, home: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with the patterns of such positions."""
    yield from _bad_patterns((f"{key}.{quoted(pattern)}", pattern) for pattern in home)


def label_fault(key: str, label: str) -> Iterator[str]:
    """Yield what is wrong with a class in segmentation images."""
    if label.lower() in NO_CLASSES:
        yield f"{key} = {quoted(label)}: that class is taken; give another name"


def _faults(robot: Robot) -> Iterator[str]:
    yield from label_fault("label", robot.label)
    yield from patterns_of_home("home", robot.home)
    if robot.model.ros_packages and robot.model.format != "urdf":
        yield f"model.ros_packages: a model in {robot.model.format.upper()} has none; leave it out"
    for name, drive in robot.drives.items():
        yield from _bad_patterns((f"drives.{name}.joints[{index}]", one) for index, one in enumerate(drive.joints))
        if isinstance(drive.effort, Mapping):
            yield from _bad_patterns((f"drives.{name}.effort.{quoted(one)}", one) for one in drive.effort)
    yield from faults_of_links(robot.links)
    for key, named in (("colliders", robot.colliders), ("model_colliders", robot.model_colliders)):
        for link in robot.links.keys() & set(named):
            yield f"{key}: '{link}' is a link of this file, whose shapes say what is touched; leave it out here"
    for name, arm in robot.arms.items():
        yield from _faults_of_arm(f"arms.{name}", arm)


def _faults_of_arm(key: str, arm: Arm) -> Iterator[str]:
    yield from _bad_patterns((f"{key}.joints[{index}]", one) for index, one in enumerate(arm.joints))
    for index, link in enumerate(arm.links):
        if link in arm.links[:index]:
            yield f"{key}.links[{index}] = {quoted(link)}: it is there twice; leave one out"
    if arm.gripper is None:
        return
    gripper = arm.gripper
    yield from _bad_patterns((f"{key}.gripper.joints[{index}]", one) for index, one in enumerate(gripper.joints))
    if gripper.open == gripper.closed:
        yield f"{key}.gripper.closed = {gripper.closed}: it is open there, too; give the position when it is closed"


def _faults_of_names(robot: Robot, model: Model) -> Iterator[str]:
    joints, links = model.joints, model.links
    named = [("base", robot.base)]
    named += [(f"model_colliders[{index}]", link) for index, link in enumerate(robot.model_colliders)]
    named += [(f"colliders.{quoted(link)}", link) for link in robot.colliders]
    patterns = [(f"home.{quoted(pattern)}", pattern) for pattern in robot.home]
    for name, drive in robot.drives.items():
        patterns += [(f"drives.{name}.joints[{index}]", one) for index, one in enumerate(drive.joints)]
        if isinstance(drive.effort, Mapping):
            patterns += [(f"drives.{name}.effort.{quoted(one)}", one) for one in drive.effort]
    for name, arm in robot.arms.items():
        named += [(f"arms.{name}.links[{index}]", link) for index, link in enumerate(arm.links)]
        named.append((f"arms.{name}.body", arm.body))
        patterns += [(f"arms.{name}.joints[{index}]", one) for index, one in enumerate(arm.joints)]
        if arm.gripper:
            named += [(f"arms.{name}.gripper.fingers.{quoted(link)}", link) for link in arm.gripper.fingers]
            patterns += [(f"arms.{name}.gripper.joints[{i}]", one) for i, one in enumerate(arm.gripper.joints)]
    for key, link in named:
        if link not in links:
            yield f"{key} = {quoted(link)}: the model has no such link; {meant(link, sorted(links))}"
    for key, pattern in patterns:
        if not _matching(pattern, joints):
            yield f"{key} = {quoted(pattern)}: no joint of the model is called so; {meant(pattern, joints)}"
    for index, joint in enumerate(robot.independent):
        if joint not in joints:
            yield f"independent[{index}] = {quoted(joint)}: the model has no such joint; {meant(joint, joints)}"
    yield from faults_of_home("home", robot.home, joints)
    yield from _faults_of_moving(robot, joints)


def _faults_of_moving(robot: Robot, joints: Mapping[str, Limits | None]) -> Iterator[str]:
    """Yield what is wrong with which joints are driven, and by whom."""
    driven: dict[str, str] = {}
    for name, drive in robot.drives.items():
        for joint in _all_matching(drive.joints, joints):
            if joint in driven:
                yield f"drives.{name}: '{driven[joint]}' drives the joint '{joint}', too; leave one of them out"
            driven[joint] = name
    moved: dict[str, str] = {}
    for name, arm in robot.arms.items():
        own = _all_matching(arm.joints, joints)
        of_gripper = _all_matching(arm.gripper.joints, joints) if arm.gripper else []
        for joint in (*own, *of_gripper):
            if joint in moved:
                yield f"arms.{name}: '{moved[joint]}' moves the joint '{joint}', too; leave one of them out"
            elif joint not in driven:
                yield f"arms.{name}: nothing drives its joint '{joint}'; add it to one of the drives"
            moved[joint] = name
        if arm.speeds and len(arm.speeds) != len(own):
            yield f"arms.{name}.speeds: expected one for each of the {len(own)} joints: {', '.join(own)}"
        if arm.gripper:
            for joint in of_gripper:
                yield from _beyond(f"arms.{name}.gripper.open", arm.gripper.open, joint, joints[joint])
                yield from _beyond(f"arms.{name}.gripper.closed", arm.gripper.closed, joint, joints[joint])


def _beyond(key: str, position: float, joint: str, limits: Limits | None) -> Iterator[str]:
    if limits is not None and not limits[0] - _SLACK <= position <= limits[1] + _SLACK:
        yield f"{key} = {position:g}: expected from {limits[0]:g} to {limits[1]:g}, the limits of the joint '{joint}'"


def _bad_patterns(patterns: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key, pattern in patterns:
        if _REPEATED_GROUP.search(pattern):  # trying all ways in which such a one can match may take for ever
            yield f"{key} = {quoted(pattern)}: expected a pattern without a repeated group, such as joint[1-7]"
            continue
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as failed:
            yield f"{key} = {quoted(pattern)}: it is no regular expression: {failed}"


def _matching(pattern: str, joints: Iterable[str]) -> list[str]:
    return [joint for joint in joints if re.fullmatch(pattern, joint)]


def _all_matching(patterns: Iterable[str], joints: Iterable[str]) -> list[str]:
    """Return the joints that any of several patterns matches, in the model's order."""
    named = list(patterns)
    return [joint for joint in joints if any(re.fullmatch(one, joint) for one in named)]
