"""Whether what a demonstration says can have happened: physical limits, stuck recordings, rotations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.sources.commands import Command, relative_columns
from mimicgen.datagen.dataset.sources.findings import Finding, Say, Severity
from mimicgen.datagen.dataset.sources.layouts import ROOT_POSE, observations

ROUNDING = 1.02
"""How much faster a recorded joint may seem: simulators clamp at the limit, and positions are rounded."""

OBJECT_SPEED = 3.0
"""An object that is faster was neither moved by the hand, which reaches 1.7 m/s, nor did it fall off a stack, which
gives it 1.4 m/s [m/s]."""

ACTION_JUMP = 1.0
"""Largest change of a relative position command from one step to the next, in the action's units: half the range of a
component. People and Mimic stay below 0.3."""

FROZEN = 10
"""Steps that a state may be the same to the last bit while the hand is told to move: half a second."""

MOVING = 0.02
"""A relative command with a component beyond this asks the hand to move by a centimetre or more."""

UNIT = 1e-3
"""How far the norm of a quaternion may be from one, and a rotation matrix from an orthonormal one."""

type Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """What is known of how the robots of a task move.

    Attributes:
        speeds: Largest speeds of the first joints of each robot, those of its arm, by its name in the scene [rad/s].
        commands: How actions tell the hands where to be, as far as that is known.
    """

    speeds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()


type MotionOf = Callable[[str], Motion]
"""Tells it of a task, by its registered name."""


def check_finite(say: Say, arrays: Arrays) -> Iterator[Finding]:
    """Check that every number is one."""
    for path, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            step = int(np.argmin(np.isfinite(values.reshape(len(values), -1)).all(axis=1))) if values.ndim else None
            yield say(where=path, step=step, what="is not finite", remedy="leave the demonstration out")


def check_rotations(say: Say, arrays: Arrays) -> Iterator[Finding]:
    """Check that quaternions have unit length and that 4x4 poses hold rotations."""
    for path, values in arrays.items():
        starts: tuple[int, ...] = ()
        layout = ROOT_POSE if path.endswith("/root_pose") else observations().get(path)
        if layout is not None and values.shape[1:] == (layout.width,):
            starts = layout.starts
        off = [np.abs(np.linalg.norm(values[:, start : start + 4], axis=1) - 1) for start in starts]
        if values.shape[1:] == (4, 4) and values.dtype.kind == "f":
            rotations = values[:, :3, :3]
            off = [np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))]
        for errors in off:
            if len(errors) and np.nanmax(errors, initial=0) > UNIT:
                step = int(np.nanargmax(errors))
                what = f"holds a rotation that is off by {errors[step]:.2g} from one of unit length"
                yield say(where=path, step=step, what=what, remedy="leave the demonstration out, or record it again")


def check_motion(
    say: Say, arrays: Arrays, step_seconds: float, motion: Motion, put: Mapping[str, int] | None = None
) -> Iterator[Finding]:
    """Check that nothing moved faster than it can.

    Args:
        say: Makes findings.
        arrays: The arrays of a demonstration by path.
        step_seconds: Duration of a step [s].
        motion: What is known of the task's robots.
        put: Objects that were put elsewhere, as the demonstration says, with the step that this was in.
    """
    for path in [path for path in arrays if path.startswith("states/")]:
        initial = arrays.get(f"initial_state/{path.removeprefix('states/')}")
        values = arrays[path]
        speeds = _speeds(motion, path)
        joints = bool(speeds) and values.ndim == 2 and values.shape[1] >= len(speeds)
        moved = path.startswith("states/rigid_object/") and path.endswith("/root_pose") and values.ndim == 2
        if not (joints or moved) or len(values) == 0:
            continue
        if initial is not None and initial.shape == (1, *values.shape[1:]):
            values = np.concatenate([initial, values])
        first = len(arrays[path]) - len(values) + 1  # the step that the first difference leads to
        change = np.abs(np.diff(values, axis=0)) / step_seconds
        if joints:
            yield from _too_fast(say, path, change[:, : len(speeds)] / speeds, first, speeds)
        else:
            speed = np.linalg.norm(change[:, :3], axis=1)
            step = (put or {}).get(path.split("/")[2], -1)
            if 0 <= step - first < len(speed):
                speed[step - first] = 0.0
            if len(speed) and np.nanmax(speed, initial=0) > OBJECT_SPEED:
                step = int(np.nanargmax(speed))
                what = f"jumps at {speed[step]:.1f} m/s, {OBJECT_SPEED} m/s are possible"
                yield say(where=path, step=step + first, what=what, remedy="leave the demonstration out")


def _speeds(motion: Motion, path: str) -> tuple[float, ...]:
    """Return the largest speeds of the joints whose positions an array has; none where they are not known."""
    return motion.speeds.get(_robot(path) or "", ())


def _robot(path: str) -> str | None:
    """Return the robot whose joint positions an array has; None if it has none."""
    match = re.fullmatch(r"states/articulation/([^/]+)/joint_position", path)
    return match[1] if match else None


def _too_fast(say: Say, path: str, share: NDArray[Any], first: int, limits: tuple[float, ...]) -> Iterator[Finding]:
    if share.size and np.nanmax(share, initial=0) > ROUNDING:
        step, joint = map(int, np.unravel_index(np.nanargmax(share), share.shape))
        speed = share[step, joint] * limits[joint]
        what = f"joint {joint + 1} moves at {speed:.2f} rad/s, its limit is {limits[joint]} rad/s"
        yield say(where=path, step=step + first, what=what, remedy="leave the demonstration out")


def check_commands(say: Say, arrays: Arrays, motion: Motion) -> Iterator[Finding]:
    """Check relative commands: within the range that policies learn, without jumps, and followed by something."""
    actions = arrays["actions"]
    commands = [one for one in motion.commands if one.relative and one.end <= actions.shape[1]]
    if not commands or len(actions) < 2:
        return
    size = np.abs(actions[:, relative_columns(commands, actions.shape[1])])
    if np.nanmax(size) > 1:
        step = int(np.argmax(np.nanmax(size, axis=1)))
        what = f"has a component of {np.nanmax(size):.2f}, outside of [-1, 1]"
        remedy = "robomimic wants the range: leave the demonstration out"
        yield say(where="actions", step=step, what=what, remedy=remedy, severity=Severity.WARNING)
    for command in commands:
        jumps = np.linalg.norm(np.diff(actions[:, command.position], axis=0), axis=1)
        if np.nanmax(jumps, initial=0) > ACTION_JUMP:
            step = int(np.nanargmax(jumps)) + 1
            whose = f" of '{command.eef}'" if len(motion.commands) > 1 else ""
            what = f"jumps by {jumps[step - 1]:.2f}{whose}, {ACTION_JUMP} at most is what a hand can make of it"
            yield say(where="actions", step=step, what=what, remedy="look at it (replay), or leave it out")
    for path, joints in arrays.items():
        robot, speeds = _robot(path), _speeds(motion, path)
        own = relative_columns([one for one in commands if one.robot == robot], actions.shape[1])
        if not speeds or not own.any() or joints.shape[:1] != actions.shape[:1]:
            continue
        told = np.abs(actions[1:, own]).max(axis=1) > MOVING
        stuck = told & (np.diff(joints[:, : len(speeds)], axis=0) == 0).all(axis=1)
        step, length = _longest(stuck)
        if length >= FROZEN:
            what = f"is the same for {length} steps while the hand is told to move"
            remedy = "the recording or the simulation hung there: leave the demonstration out"
            yield say(where=path, step=step + 1, what=what, remedy=remedy)


def _longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Return start and length of the longest run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(np.argmax(lengths))
    return int(edges[2 * longest]), int(lengths[longest])
