"""What is planned from, and what comes of it, for one subtask of one end effector."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.generation.interpolation import interpolated
from mimicgen.datagen.generation.timing import Rules


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What an end effector is to do in a subtask.

    Attributes:
        poses: `world_from_eef` to reach step by step, shape (steps, 4, 4).
        grippers: Gripper actions, shape (steps, gripper_dim).
        amplitudes: Standard deviation of what is added to the poses' actions, shape (steps,).
        segment: Where it comes from.
    """

    poses: torch.Tensor
    grippers: torch.Tensor
    amplitudes: torch.Tensor
    segment: Segment

    def __len__(self) -> int:
        return len(self.poses)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanWithoutApproach:
    """A plan without the way to its beginning.

    Attributes:
        begin: `world_from_eef` where that way begins, shape (4, 4).
        poses: As in `Plan`, from the beginning of the source segment on.
        grippers: As in `Plan`, likewise.
        amplitudes: As in `Plan`, of all steps.
        moving: Steps that are interpolated on the way.
        waiting: Steps after them at the first pose.
        segment: As in `Plan`.
    """

    begin: torch.Tensor
    poses: torch.Tensor
    grippers: torch.Tensor
    amplitudes: torch.Tensor
    moving: int
    waiting: int
    segment: Segment

    def __len__(self) -> int:
        return len(self.amplitudes)

    def after(self, way: torch.Tensor | None) -> Plan:
        """Return the plan with the interpolated way to the first pose, which is its last."""
        ways = [way] if way is not None else []
        if self.waiting:
            ways.append(self.poses[:1].expand(self.waiting, 4, 4))
        poses, grippers = self.poses, self.grippers
        if ways:
            steps = sum(map(len, ways))
            poses = torch.cat([*ways, poses[1:]])
            grippers = torch.cat([grippers[:1].expand(steps, -1), grippers[1:]])
        return Plan(poses=poses, grippers=grippers, amplitudes=self.amplitudes, segment=self.segment)


@dataclasses.dataclass(kw_only=True)
class Choices:
    """What an attempt has drawn, for all its end effectors.

    Attributes:
        boundaries: Where the demonstrations' segments begin and end, by end effector, shape (demonstrations,
            subtasks, 2).
        rules: The constraints between subtasks, with what has been chosen for those that are coordinated.
        demos: Index of the demonstration that each end effector follows, once it is chosen.
    """

    boundaries: dict[str, np.ndarray[Any, Any]]
    rules: Rules
    demos: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a subtask of an end effector is planned from.

    Attributes:
        env: Environment index.
        eef: The end effector.
        subtask: Index of the subtask.
        choices: What the attempt has drawn.
        before: The plan of the subtask before, None at the beginning of an attempt.
        eef_pose: `world_from_eef`, shape (4, 4).
        object_poses: `world_from_object` by object, shape (4, 4) each.
        begun: Steps of the attempt so far.
        used: Names of source demonstrations that are left out as long as there are others.
        rejoins: The subtask has begun, and was disturbed: it is planned anew from where the hand is now.
    """

    env: int
    eef: str
    subtask: int
    choices: Choices
    before: Plan | None
    eef_pose: torch.Tensor
    object_poses: dict[str, torch.Tensor]
    begun: int = 0
    used: frozenset[str] = frozenset()
    rejoins: bool = False


def with_approaches(parts: Sequence[PlanWithoutApproach]) -> list[Plan]:
    """Return the plans, with the ways to them interpolated together."""
    plans: dict[int, Plan] = {}
    for moving in {part.moving for part in parts}:
        alike = [index for index, part in enumerate(parts) if part.moving == moving]
        ways: Iterable[torch.Tensor | None] = [None] * len(alike)
        if moving > 0:
            begins = torch.stack([parts[index].begin for index in alike])
            ends = torch.stack([parts[index].poses[0] for index in alike])
            ways = interpolated(begins, ends, moving)
        plans |= {index: parts[index].after(way) for index, way in zip(alike, ways, strict=True)}
    return [plans[index] for index in range(len(parts))]
