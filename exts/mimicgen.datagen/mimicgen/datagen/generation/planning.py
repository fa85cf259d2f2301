"""The waypoints of a subtask, as `isaaclab_mimic`'s `DataGenerator` plans them.

Upstream makes an object of every waypoint, copies it several times, and converts one waypoint of one environment at a
time. Here a plan is three tensors on the host. Segments are transformed by upstream's own function; what is written
again, without its loops, are the selection strategies (`selection.py`), `merge_eef_subtask_trajectory` and
`interpolate_poses`, and tests hold them against the original (https://github.com/isaac-sim/IsaacLab,
`isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from isaaclab_mimic.datagen.data_generator import DataGenerator, transform_source_data_segment_using_object_pose

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.generation.clearance import Clearance
from mimicgen.datagen.generation.selection import Selection
from mimicgen.datagen.isaaclab.pool import SourcePool
from mimicgen.datagen.robots.actions import products
from mimicgen.datagen.tasks.conversions import conversion_of


def why_not(env: Any) -> str | None:
    """Return why an environment's attempts cannot be planned here, or None when they can."""
    cfg = env.cfg
    if len(cfg.subtask_configs) != 1:
        return "it has several end effectors"
    if cfg.task_constraint_configs:
        return "its subtasks are bound to each other by constraints"
    if cfg.datagen_config.use_skillgen or cfg.datagen_config.use_navigation_controller:
        return "it plans its motions between the subtasks"
    if conversion_of(env) is None:
        return "it converts target poses into actions in a way of its own, for one environment at a time"
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What an end effector is to do in a subtask.

    Attributes:
        poses: `world_from_eef` to reach step by step, shape (steps, 4, 4).
        grippers: Gripper actions, shape (steps, gripper_dim).
        noise: What is added to the poses' actions, shape (steps, 6).
        segment: Where it comes from, None when nothing of a source is followed.
    """

    poses: torch.Tensor
    grippers: torch.Tensor
    noise: torch.Tensor
    segment: Segment | None = None

    def __len__(self) -> int:
        return len(self.poses)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanWithoutApproach:
    """A plan without the way to its beginning.

    Attributes:
        begin: `world_from_eef` where that way begins, shape (4, 4).
        poses: As in `Plan`, from the beginning of the source segment on.
        grippers: As in `Plan`, likewise.
        noise: As in `Plan`, but of all steps.
        moving: Steps that are interpolated on the way.
        waiting: Steps after them at the first pose.
        segment: As in `Plan`.
    """

    begin: torch.Tensor
    poses: torch.Tensor
    grippers: torch.Tensor
    noise: torch.Tensor
    moving: int
    waiting: int
    segment: Segment

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
        return Plan(poses=poses, grippers=grippers, noise=self.noise, segment=self.segment)


def hold(pose: torch.Tensor, gripper: torch.Tensor, steps: int) -> Plan:
    """Return the plan to stay at a pose, shape (4, 4), with the gripper as it is, shape (gripper_dim,)."""
    return Plan(poses=pose.expand(steps, 4, 4), grippers=gripper.expand(steps, -1), noise=torch.zeros(steps, 6))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a subtask of an attempt is planned from.

    Attributes:
        streams: The attempt's random numbers.
        subtask: Index of the subtask.
        boundaries: Where segments begin and end, as drawn for the attempt.
        before: The plan of the subtask before, None at the beginning of an attempt.
        eef_pose: `world_from_eef`, shape (4, 4).
        object_poses: `world_from_object` by object, shape (4, 4) each.
    """

    streams: Streams
    subtask: int
    boundaries: np.ndarray[Any, Any]
    before: Plan | None
    eef_pose: torch.Tensor
    object_poses: dict[str, torch.Tensor]


class Planner:
    """Plans the subtasks of attempts with one end effector. All poses are on the host.

    Args:
        env: Isaac Lab's environment.
        sources: The source demonstrations, on the host.
        clearance: Prefer segments that lead the hand into nothing else, by this; None not to.
    """

    def __init__(self, env: Any, sources: SourcePool, clearance: Clearance | None = None):
        ((self.eef, self.subtasks),) = env.cfg.subtask_configs.items()
        self._options = env.cfg.datagen_config
        self._sources = sources
        self._infos = sources.pool.datagen_infos
        self._upstream = DataGenerator(env, sources.pool)
        self._selection = Selection(self.subtasks, self.eef, self._infos, clearance)

    @property
    def longest(self) -> int:
        """Steps of the longest attempt that can be planned."""
        ranges = np.array(self._sources.pool.subtask_boundaries[self.eef])
        steps = (ranges[:, :, 1] - ranges[:, :, 0]).max(axis=0)
        spread = [abs(offset) for subtask in self.subtasks for offset in subtask.subtask_term_offset_range]
        waits = [subtask.num_interpolation_steps + subtask.num_fixed_steps + 2 for subtask in self.subtasks]
        return int(steps.sum()) + sum(spread) + sum(waits)

    def boundaries(self) -> np.ndarray[Any, Any]:
        """Draw where segments begin and end, for an attempt: shape (demonstrations, subtasks, 2)."""
        boundaries: np.ndarray[Any, Any] = self._upstream.randomize_subtask_boundaries()[self.eef]
        return boundaries

    def plans(self, requests: Sequence[Request]) -> list[Plan]:
        """Return a plan for each request. Which source segment it follows, and its noise, are drawn."""
        eligible: list[Sequence[int]] = [()] * len(requests)
        for subtask in {request.subtask for request in requests}:
            new = [at for at, one in enumerate(requests) if one.subtask == subtask and not self._keeps_its_source(one)]
            if new:
                for at, demos in zip(new, self.eligible([requests[at] for at in new]), strict=True):
                    eligible[at] = demos
        parts = []
        for request, demos in zip(requests, eligible, strict=True):
            with request.streams.active():
                parts.append(self._without_approach(request, demos))
        return with_approaches(parts)

    def eligible(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        """Return the demonstrations among which one is drawn, for requests that all are for one subtask."""
        subtask = requests[0].subtask
        return self._selection.eligible(
            subtask,
            torch.from_numpy(np.stack([request.boundaries[:, subtask] for request in requests])),
            torch.stack([request.eef_pose for request in requests]),
            {
                name: torch.stack([request.object_poses[name] for request in requests])
                for name in requests[0].object_poses
            },
        )

    def _keeps_its_source(self, request: Request) -> bool:
        """Return whether a plan follows the demonstration that the one before it followed."""
        options, before = self._options, request.before
        anew = options.generation_select_src_per_subtask and options.generation_select_src_per_arm
        return before is not None and before.segment is not None and not anew

    def _without_approach(self, request: Request, eligible: Sequence[int]) -> PlanWithoutApproach:
        """Draw a source segment of one of the demonstrations, and noise for the plan that follows it.

        Args:
            request: What is asked for.
            eligible: The demonstrations; none to stay with the one that the plan before follows.
        """
        subtask, before = request.subtask, request.before
        cfg = self.subtasks[subtask]
        if eligible:
            demo = eligible[int(torch.randint(0, len(eligible), (1,)))]
        else:
            assert before is not None
            assert before.segment is not None
            demo = self._sources.names.index(before.segment.demo)
        start, end = (int(step) for step in request.boundaries[demo, subtask])
        info = self._infos[demo]
        poses = info.target_eef_pose[self.eef][start:end]
        grippers = info.gripper_action[self.eef][start:end]
        if subtask == 0 or self._options.generation_transform_first_robot_pose:
            poses = torch.cat([info.eef_pose[self.eef][start : start + 1], poses])
            grippers = torch.cat([grippers[:1], grippers])
        if cfg.object_ref is not None:
            source_pose = info.object_poses[cfg.object_ref][start]
            object_pose = request.object_poses[cfg.object_ref]
            poses = transform_source_data_segment_using_object_pose(object_pose, poses, source_pose)
        begin = request.eef_pose
        if before is not None and self._options.generation_interpolate_from_last_target_pose:
            begin = before.poses[-1]
        moving = cfg.num_interpolation_steps
        waiting = cfg.num_fixed_steps + (0 if moving > 0 else 1) if cfg.num_fixed_steps > 0 else 0
        way = (moving + 1 if moving > 0 else 0) + waiting
        amplitude = torch.full((max(way - 1, 0) + len(poses), 1), float(cfg.action_noise))
        if way:  # its last step is the segment's own first
            amplitude[: way - 1] *= float(cfg.apply_noise_during_interpolation)
        return PlanWithoutApproach(
            begin=begin,
            poses=poses,
            grippers=grippers,
            noise=normals(len(amplitude)) * amplitude,
            moving=moving,
            waiting=waiting,
            segment=Segment(eef=self.eef, subtask=subtask, demo=self._sources.names[demo], start=start, end=end),
        )


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


def normals(steps: int) -> torch.Tensor:
    """Draw what a `torch.randn(6)` a step gives: shape (steps, 6).

    Sixteen numbers and more are drawn in another way than fewer are, but not where they do not lie together.
    """
    return torch.empty(6 * steps, 2)[:, 0].normal_().reshape(steps, 6)


def interpolated(begins: torch.Tensor, ends: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the poses after each beginning on the straight way to its end, and the end.

    `isaaclab.utils.math.interpolate_poses` without its loops over the steps.

    Args:
        begins: Shape (n, 4, 4).
        ends: Shape (n, 4, 4).
        steps: How many there are between the two.

    Returns:
        Shape (n, steps + 1, 4, 4).
    """
    count, parts = len(begins), steps + 1
    positions, rotations = pose_math.unmake_pose(begins)
    end_positions, end_rotations = pose_math.unmake_pose(ends)
    grid = torch.arange(1, parts, dtype=torch.float32)
    way = positions[:, None] + grid[:, None] * ((end_positions - positions) / parts)[:, None]
    turns = pose_math.axis_angle_from_quat(
        pose_math.quat_from_matrix(products(end_rotations, rotations.transpose(-1, -2)))
    )
    angles = torch.linalg.norm(turns, dim=-1, keepdim=True)
    axes = (turns / angles)[:, None].expand(count, steps, 3)
    quaternions = pose_math.quat_from_angle_axis((grid * (angles / parts)).reshape(-1), axes.reshape(-1, 3))
    turned = products(pose_math.matrix_from_quat(quaternions).reshape(count, steps, 3, 3), rotations)
    # Smaller turns are not interpolated, says upstream.
    turned = torch.where((angles < 0.05)[..., None, None], end_rotations[:, None], turned)
    return pose_math.make_pose(
        torch.cat([way, end_positions[:, None]], dim=1), torch.cat([turned, end_rotations[:, None]], dim=1)
    )
