"""Subtasks of two end effectors that follow one demonstration and are moved alike.

Who of the two begins first chooses the demonstration, and how its segment is moved; the other follows. The schemes are
those of `isaaclab_mimic`'s `DataGenerator` (https://github.com/isaac-sim/IsaacLab,
`isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from isaaclab.envs import SubTaskConstraintCoordinationScheme, SubTaskConstraintType
from isaaclab_mimic.datagen.data_generator import (
    get_delta_pose_with_scheme,
    transform_source_data_segment_using_delta_object_pose,
    transform_source_data_segment_using_object_pose,
)

from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.generation.timing import Rules


@dataclasses.dataclass(frozen=True)
class Pair:
    """A subtask that is coordinated with one of another end effector.

    Attributes:
        key: End effector and index of the other subtask.
        rule: What binds the first, in an attempt.
        other: What binds the other.
    """

    key: tuple[str, int]
    rule: dict[str, Any]
    other: dict[str, Any]

    @property
    def demo(self) -> int | None:
        """The demonstration that the other end effector has chosen, if it began first."""
        found: int | None = self.other["selected_src_demo_ind"]
        return found

    def choose(self, demo: int, steps: int, other: Sequence[int]) -> None:
        """Note the demonstration that is followed, and for how many steps at the end the two go in step.

        Args:
            demo: Index of the demonstration.
            steps: Steps of the segment.
            other: Where the other's segment of that demonstration begins and ends.
        """
        self.rule["selected_src_demo_ind"] = demo
        self.rule["synchronous_steps"] = min(steps, int(other[1] - other[0]))


def pair_of(rules: Rules, eef: str, subtask: int) -> Pair | None:
    """Return what a subtask is coordinated with, None where it is not."""
    rule = rules.get((eef, subtask))
    if rule is None or rule["type"] != SubTaskConstraintType.COORDINATION:
        return None
    key = rule["concurrent_task_spec_key"], rule["concurrent_subtask_ind"]
    return Pair(key, rule, rules[key])


def transformed(
    poses: torch.Tensor, object_pose: torch.Tensor | None, source_pose: torch.Tensor | None, pair: Pair | None
) -> torch.Tensor:
    """Return a segment's poses as they are to be now.

    Args:
        poses: `world_from_eef` in the source, shape (steps, 4, 4).
        object_pose: `world_from_object` now, shape (4, 4); None where the subtask has no object.
        source_pose: The same where the segment begins.
        pair: What the subtask is coordinated with; notes how it is moved, or has it noted.

    Raises:
        TaskError: The scheme needs an object, and there is none.
    """
    moved: torch.Tensor
    if pair is not None:
        if pair.demo is None:
            scheme = pair.rule["coordination_scheme"]
            if object_pose is None or source_pose is None:
                if scheme != SubTaskConstraintCoordinationScheme.REPLAY:
                    raise TaskError(
                        f"the coordination of a subtask with '{pair.key[0]}' is by '{scheme.name.lower()}', and it has "
                        "no object that moves; give it an object_ref, or coordinate by 'replay'"
                    )
                object_pose = source_pose = torch.eye(4)
            pair.rule["transform"] = get_delta_pose_with_scheme(source_pose, object_pose, pair.rule)
        delta = pair.other["transform"] if pair.demo is not None else pair.rule["transform"]
        moved = transform_source_data_segment_using_delta_object_pose(poses, delta)
        return moved
    if object_pose is None:
        return poses
    moved = transform_source_data_segment_using_object_pose(object_pose, poses, source_pose)
    return moved
