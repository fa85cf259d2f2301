"""What of the preflight check needs the robot: whether actions mean poses, and whether the first pose is in reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.sources.checks import Finding, TaskNeeds
from mimicgen.datagen.dataset.sources.commands import Command, relative_columns
from mimicgen.datagen.dataset.sources.sources import Sources, check_sources
from mimicgen.datagen.errors import SourceError

SAMPLES = 64
"""Actions that are converted there and back, over all demonstrations."""

TOLERANCE = 1e-3
"""How far an action may be from itself after conversion to a pose and back."""

BELOW_TABLE = 0.01
"""How far a target may be below the robot's base, which stands on the table [m]."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is in the reach of an arm, in the environment's frame.

    Attributes:
        shoulder: Position of the shoulder (x, y, z) [m].
        length: From the shoulder to the tool along the links, by end effector [m].
        base: Height of the base [m].
    """

    shoulder: tuple[float, ...]
    length: Mapping[str, float]
    base: float


def check_with_robot(
    sources: Sources, needs: TaskNeeds, arms: Sequence[Arm], error_of: Callable[[NDArray[Any]], float]
) -> Sources:
    """Check source demonstrations against the robot, too: width of actions, objects, meaning of actions, and reach.

    Args:
        sources: The demonstrations, checked without knowing the robot.
        needs: What the task needs, width of the actions and objects of the scene included.
        arms: How far the arms reach, as far as that is known.
        error_of: See `check_round_trip`.

    Returns:
        The sources with the findings added and the demonstrations that they make unusable taken out. Findings that
        were there before come first.

    Raises:
        SourceError: No demonstration is left.
    """
    checked = check_sources(sources.path, needs, sources.quaternion_order)
    found = [*checked.findings, *check_round_trip(sources.path, checked.usable, error_of, needs.commands)]
    for arm in arms:
        found += check_first_poses(sources.path, checked.usable, arm)
    new = [finding for finding in found if finding not in sources.findings]
    bad = {finding.demo for finding in new if finding not in checked.findings}
    usable = tuple(name for name in checked.usable if name not in bad)
    if not usable:
        raise SourceError(f"source '{sources.path}': none of its demonstrations is usable:", *new[:10])
    return dataclasses.replace(checked, usable=usable, findings=(*sources.findings, *new))


def check_round_trip(
    path: Path, demos: Sequence[str], error_of: Callable[[NDArray[Any]], float], commands: Sequence[Command]
) -> list[Finding]:
    """Check that an action's pose gives the action again, for a sample of source actions.

    Args:
        path: The source demonstrations.
        demos: Those that are checked.
        error_of: Gives the largest change of a component of an action, shape (action_dim,), between it and its return.
        commands: How actions tell the hands where to be; those that the task clamps are left out.

    Returns:
        At most one finding a demonstration, about the first action that does not come back.
    """
    findings: list[Finding] = []
    with open_source(path, demos=demos) as file:
        recorded = {demo: file["data"][demo]["actions"][:] for demo in demos}
    for demo, actions in recorded.items():
        for step in np.linspace(0, len(actions) - 1, max(1, SAMPLES // len(demos)), dtype=int):
            action = actions[step].astype(np.float32)
            if (np.abs(action) > 1)[relative_columns(commands, len(action))].any():
                continue
            error = error_of(action)
            if not error <= TOLERANCE:  # also when it is not a number
                problem = f"the action comes back from its pose changed by {error:.3g}"
                remedy = "see whether the task is the recorded one, and its actions' quaternions x, y, z, w"
                findings.append(Finding(demo=demo, step=int(step), problem=problem, remedy=remedy))
                break
    return findings


def check_first_poses(path: Path, demos: Sequence[str], arm: Arm) -> list[Finding]:
    """Check that the hand's first pose in each demonstration is within the arm's reach and above the table.

    Within reach: no farther from the shoulder than the links from there to the tool are long together. That is the
    arm stretched out, and generous: what is farther cannot be reached, what is nearer may still not be. Poses are
    in the environment's frame, in which Isaac Lab recorded them.
    """
    findings: list[Finding] = []
    with open_source(path, demos=demos) as file:
        poses = {
            eef: [file["data"][demo][f"obs/datagen_info/eef_pose/{eef}"][0] for demo in demos] for eef in arm.length
        }
    for eef, length in arm.length.items():
        for demo, pose in zip(demos, poses[eef], strict=True):
            target = pose[:3, 3]
            distance = float(np.linalg.norm(target - np.asarray(arm.shoulder)))
            problem = None
            if distance > length:
                problem = f"is {distance:.2f} m from the shoulder, the arm reaches {length:.2f} m"
            elif target[2] < arm.base - BELOW_TABLE:
                problem = f"is {arm.base - target[2]:.2f} m below the robot's base"
            if problem:
                remedy = "see whether the poses are in the environment's frame and the robot where it was"
                findings.append(Finding(demo=demo, step=0, problem=f"the first pose {problem}", remedy=remedy))
    return findings
