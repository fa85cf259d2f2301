"""The waypoints of a subtask, as `isaaclab_mimic`'s `DataGenerator` plans them.

Upstream makes an object of every waypoint, copies it several times, and converts one waypoint of one environment at a
time. Here a plan is three tensors on the host. Selection and transformation are upstream's own functions; what is
written again, without its loops, is `merge_eef_subtask_trajectory` and `interpolate_poses`, and a test holds both
against the original (https://github.com/isaac-sim/IsaacLab, `isaaclab_mimic/datagen/data_generator.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import numpy as np
import torch
from isaaclab_mimic.datagen.data_generator import DataGenerator, transform_source_data_segment_using_object_pose
from isaaclab_mimic.datagen.datagen_info import DatagenInfo
from isaaclab_mimic.datagen.selection_strategy import make_selection_strategy
from isaaclab_mimic.envs.franka_stack_ik_rel_mimic_env import FrankaCubeStackIKRelMimicEnv

from mimicgen.datagen.attempts import Segment
from mimicgen.datagen.simulation.pool import SourcePool


def why_not(env: Any) -> str | None:
    """Return why an environment's attempts cannot be planned here, or None when they can."""
    cfg = env.cfg
    if len(cfg.subtask_configs) != 1:
        return "it has several end effectors"
    if cfg.task_constraint_configs:
        return "its subtasks are bound to each other by constraints"
    if cfg.datagen_config.use_skillgen or cfg.datagen_config.use_navigation_controller:
        return "it plans its motions between the subtasks"
    if type(env).target_eef_pose_to_action is not FrankaCubeStackIKRelMimicEnv.target_eef_pose_to_action:
        return "it converts target poses into actions in a way of its own, for one environment at a time"
    return None


def actions_towards(
    targets: torch.Tensor, grippers: torch.Tensor, noise: torch.Tensor, eef_poses: torch.Tensor
) -> torch.Tensor:
    """Return the relative actions that lead from the hands' poses to their targets, in all environments at once.

    `FrankaCubeStackIKRelMimicEnv.target_eef_pose_to_action`, over the environments.

    Args:
        targets: `world_from_eef` to reach, shape (num_envs, 4, 4).
        grippers: Gripper actions, shape (num_envs, gripper_dim).
        noise: What is added to the poses' actions, shape (num_envs, 6).
        eef_poses: `world_from_eef` now, shape (num_envs, 4, 4).

    Returns:
        Position, axis-angle and gripper, shape (num_envs, 6 + gripper_dim).
    """
    positions, rotations = pose_math.unmake_pose(eef_poses)
    target_positions, target_rotations = pose_math.unmake_pose(targets)
    turns = pose_math.quat_from_matrix(_products(target_rotations, rotations.transpose(-1, -2)))
    moves = torch.cat([target_positions - positions, pose_math.axis_angle_from_quat(turns)], dim=-1)
    return torch.cat([torch.clamp(moves + noise, -1.0, 1.0), grippers], dim=-1)


def _products(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the products of matrices, shapes (num_envs, ..., 3, 3) and (num_envs, 3, 3).

    On the host one by one: a batch is rounded otherwise than a matrix alone on some processors, and contacts make 1e-5
    of 1e-9 within an attempt, which would then depend on the environments beside it.
    """
    if first.is_cuda:
        return first.matmul(second)
    return torch.stack([one.matmul(other) for one, other in zip(first, second, strict=True)])


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
class Draft:
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


class Planner:
    """Plans the subtasks of attempts with one end effector. All poses are on the host.

    Args:
        env: Isaac Lab's environment.
        sources: The source demonstrations, on the host.
    """

    def __init__(self, env: Any, sources: SourcePool):
        ((self.eef, self.subtasks),) = env.cfg.subtask_configs.items()
        self._options = env.cfg.datagen_config
        self._sources = sources
        self._infos = sources.pool.datagen_infos
        self._upstream = DataGenerator(env, sources.pool)
        self._strategies = [make_selection_strategy(subtask.selection_strategy) for subtask in self.subtasks]
        self._segments: dict[tuple[int, int, int, int], DatagenInfo] = {}

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

    def draft(
        self,
        subtask: int,
        boundaries: np.ndarray[Any, Any],
        before: Plan | None,
        eef_pose: torch.Tensor,
        object_poses: dict[str, torch.Tensor],
    ) -> Draft:
        """Draw a source segment and noise for the plan that follows it.

        Args:
            subtask: Index of the subtask.
            boundaries: The attempt's, as drawn.
            before: The plan of the subtask before, None at the beginning of an attempt.
            eef_pose: `world_from_eef`, shape (4, 4).
            object_poses: `world_from_object` by object, shape (4, 4) each.
        """
        cfg = self.subtasks[subtask]
        object_pose = object_poses[cfg.object_ref] if cfg.object_ref is not None else None
        demo = self._select(subtask, boundaries[:, subtask], before, eef_pose, object_pose)
        start, end = (int(step) for step in boundaries[demo, subtask])
        info = self._infos[demo]
        poses = info.target_eef_pose[self.eef][start:end]
        grippers = info.gripper_action[self.eef][start:end]
        if subtask == 0 or self._options.generation_transform_first_robot_pose:
            poses = torch.cat([info.eef_pose[self.eef][start : start + 1], poses])
            grippers = torch.cat([grippers[:1], grippers])
        if object_pose is not None:
            source_pose = info.object_poses[cfg.object_ref][start]
            poses = transform_source_data_segment_using_object_pose(object_pose, poses, source_pose)
        begin = eef_pose
        if before is not None and self._options.generation_interpolate_from_last_target_pose:
            begin = before.poses[-1]
        moving = cfg.num_interpolation_steps
        waiting = cfg.num_fixed_steps + (0 if moving > 0 else 1) if cfg.num_fixed_steps > 0 else 0
        way = (moving + 1 if moving > 0 else 0) + waiting
        amplitude = torch.full((max(way - 1, 0) + len(poses), 1), float(cfg.action_noise))
        if way:  # its last step is the segment's own first
            amplitude[: way - 1] *= float(cfg.apply_noise_during_interpolation)
        return Draft(
            begin=begin,
            poses=poses,
            grippers=grippers,
            noise=normals(len(amplitude)) * amplitude,
            moving=moving,
            waiting=waiting,
            segment=Segment(eef=self.eef, subtask=subtask, demo=self._sources.names[demo], start=start, end=end),
        )

    def _select(
        self,
        subtask: int,
        boundaries: np.ndarray[Any, Any],
        before: Plan | None,
        eef_pose: torch.Tensor,
        object_pose: torch.Tensor | None,
    ) -> int:
        options = self._options
        anew = before is None or options.generation_select_src_per_subtask
        if before is not None and before.segment is not None and not (anew and options.generation_select_src_per_arm):
            return self._sources.names.index(before.segment.demo)
        cfg = self.subtasks[subtask]
        chosen = self._strategies[subtask].select_source_demo(
            eef_pose=eef_pose,
            object_pose=object_pose,
            src_subtask_datagen_infos=[
                self._segment(subtask, demo, int(start), int(end)) for demo, (start, end) in enumerate(boundaries)
            ],
            **(cfg.selection_strategy_kwargs or {}),
        )
        return int(chosen)

    def _segment(self, subtask: int, demo: int, start: int, end: int) -> DatagenInfo:
        """Return a segment as strategies take it; boundaries vary by a few steps, so they soon are all there."""
        key = subtask, demo, start, end
        if key not in self._segments:
            info, name = self._infos[demo], self.subtasks[subtask].object_ref
            self._segments[key] = DatagenInfo(
                eef_pose=info.eef_pose[self.eef][start:end],
                object_poses={name: info.object_poses[name][start:end]} if name is not None else None,
                subtask_term_signals=None,
                target_eef_pose=info.target_eef_pose[self.eef][start:end],
                gripper_action=info.gripper_action[self.eef][start:end],
            )
        return self._segments[key]


def finished(drafts: Sequence[Draft]) -> list[Plan]:
    """Return the plans, with the ways to them interpolated together."""
    plans: dict[int, Plan] = {}
    for moving in {draft.moving for draft in drafts}:
        alike = [index for index, draft in enumerate(drafts) if draft.moving == moving]
        ways: Iterable[torch.Tensor | None] = [None] * len(alike)
        if moving > 0:
            begins = torch.stack([drafts[index].begin for index in alike])
            ends = torch.stack([drafts[index].poses[0] for index in alike])
            ways = interpolated(begins, ends, moving)
        plans |= {index: drafts[index].after(way) for index, way in zip(alike, ways, strict=True)}
    return [plans[index] for index in range(len(drafts))]


def normals(steps: int) -> torch.Tensor:
    """Draw what a `torch.randn(6)` a step gives: shape (steps, 6).

    Fewer than 16 numbers are drawn one after the other, whatever their count; more would be others.
    """
    whole, rest = divmod(6 * steps, 15)
    return torch.cat([torch.randn(count) for count in (*[15] * whole, rest)]).reshape(steps, 6)


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
        pose_math.quat_from_matrix(_products(end_rotations, rotations.transpose(-1, -2)))
    )
    angles = torch.linalg.norm(turns, dim=-1, keepdim=True)
    axes = (turns / angles)[:, None].expand(count, steps, 3)
    quaternions = pose_math.quat_from_angle_axis((grid * (angles / parts)).reshape(-1), axes.reshape(-1, 3))
    turned = _products(pose_math.matrix_from_quat(quaternions).reshape(count, steps, 3, 3), rotations)
    # Smaller turns are not interpolated, says upstream.
    turned = torch.where((angles < 0.05)[..., None, None], end_rotations[:, None], turned)
    return pose_math.make_pose(
        torch.cat([way, end_positions[:, None]], dim=1), torch.cat([turned, end_rotations[:, None]], dim=1)
    )
