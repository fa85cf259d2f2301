"""Whether a demonstration of the cube-stacking tasks ends in success, told from its recorded states alone.

The geometry and the limits are those of Isaac Lab's success term, `cubes_stacked`, with its defaults:
https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_tasks/isaaclab_tasks/contrib/stack/mdp/terminations.py
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.families import task_family

STACK = ("cube_1", "cube_2", "cube_3")
"""The stack, from the lowest cube up."""

BESIDE = 0.04
"""A cube stands on another if its centre is horizontally nearer than this [m]."""

HEIGHT, HEIGHT_TOLERANCE = 0.0468, 0.005
"""Height of a cube's centre over that of the one below, and how much more it may be [m]."""

AT_REST = 0.05
"""Speed below which a cube is at rest [m/s]."""

FINGER_OPEN, FINGER_TOLERANCE = 0.04, 1e-4
"""Position of an open finger, and how far from it a released one may be, plus as large a part of it [m]."""


def has_rule(task: str) -> bool:
    """Whether success can be told for a task."""
    return task_family(task).startswith("Stack-Cube-Franka")


def why_no_success(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Return why the last recorded state is no success, None if it is one.

    Args:
        arrays: The arrays of a demonstration by path; positions in the environment's frame [m], (steps, ...).

    Raises:
        KeyError: A state that has to be known was not recorded.
    """
    last = {cube: arrays[f"states/rigid_object/{cube}/root_pose"][-1, :3].astype(float) for cube in STACK}
    for lower, upper in itertools.pairwise(STACK):
        offset = last[upper] - last[lower]
        beside = float(np.hypot(offset[0], offset[1]))
        if beside >= BESIDE:
            return f"{upper} ends {1000 * beside:.0f} mm beside {lower}, {1000 * BESIDE:.0f} mm are allowed"
        if not 0 < offset[2] < HEIGHT + HEIGHT_TOLERANCE:
            return f"{upper} ends {1000 * offset[2]:.0f} mm above {lower}, expected {1000 * HEIGHT:.0f} mm"
    fingers = arrays["states/articulation/robot/joint_position"][-1, 7:9].astype(float)
    closed = float(np.abs(fingers - FINGER_OPEN).max())
    if closed > FINGER_TOLERANCE * (1 + FINGER_OPEN):
        return f"a finger ends {1000 * closed:.2f} mm from open"
    for cube in STACK:
        speed = float(np.linalg.norm(arrays[f"states/rigid_object/{cube}/root_velocity"][-1, :3]))
        if speed >= AT_REST:
            return f"{cube} ends at {speed:.2f} m/s, {AT_REST} m/s are allowed"
    return None
