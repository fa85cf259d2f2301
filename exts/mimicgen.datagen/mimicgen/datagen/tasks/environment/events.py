"""How attempts of a task by file start: what its reset events draw, and how they write it.

Each event draws one row of numbers an environment, from the process's random generators, and writes all rows at once.
So `isaaclab/resets.py` can draw every environment's row from the streams of the attempt that begins there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import torch
from msgspec import Struct

from mimicgen.datagen.tasks.schema import Variant

TRIES = 5000
"""Placements that are tried until objects are as far apart as they have to be; the last one is taken otherwise."""


class Placement(Struct, frozen=True, kw_only=True):
    """Where an object starts.

    Attributes:
        name: The object.
        position: Where it is drawn [m].
        angles: Roll, pitch and yaw [rad].
        x: Smallest and largest x [m]; None for where it is drawn.
        y: Likewise.
        yaw: Smallest and largest turn that is added [rad].
        on: Object that `position`, x and y are relative to; it comes before.
    """

    name: str
    position: tuple[float, float, float]
    angles: tuple[float, float, float]
    x: tuple[float, float] | None
    y: tuple[float, float] | None
    yaw: tuple[float, float] | None
    on: str | None


def draw_joints(count: int, std: float) -> torch.Tensor:
    """Draw what is added to the joints of a robot [rad], shape (count,)."""
    return torch.randn(count) * std


def write_joints(env: Any, env_ids: torch.Tensor, rows: Sequence[torch.Tensor], robot: str, arms: list[str]) -> None:
    """Put a robot's joints to where they are at home; to those of its arms, what was drawn is added.

    Args:
        env: Isaac Lab's environment.
        env_ids: Environments.
        rows: What was drawn, a row an environment.
        robot: The robot.
        arms: Joints of the arms; fingers, and a body that the arms are on, stay as they are at home.
    """
    asset = env.scene[robot]
    default = asset.data.default_joint_pos.torch[env_ids]
    limits = asset.data.soft_joint_pos_limits.torch[env_ids]
    drawn = (default + torch.stack(list(rows)).to(env.device)).clamp_(limits[..., 0], limits[..., 1])
    ids = asset.find_joints(arms)[0]
    positions = default.clone()
    positions[:, ids] = drawn[:, ids]
    velocities = asset.data.default_joint_vel.torch[env_ids]
    asset.set_joint_position_target_index(target=positions, env_ids=env_ids)
    asset.set_joint_velocity_target_index(target=velocities, env_ids=env_ids)
    asset.write_joint_position_to_sim_index(position=positions, env_ids=env_ids)
    asset.write_joint_velocity_to_sim_index(velocity=velocities, env_ids=env_ids)


def draw_poses(placements: Sequence[Placement], separation: float) -> list[tuple[float, ...]]:
    """Draw where objects start: position [m] and roll, pitch, yaw [rad] each, in the environment's frame."""
    poses: list[tuple[float, ...]] = []
    for _ in range(TRIES):
        poses = _draw_poses(placements)
        places = [pose[:2] for pose, one in zip(poses, placements, strict=True) if one.on is None and (one.x or one.y)]
        apart = (math.dist(one, other) for index, one in enumerate(places) for other in places[:index])
        if separation <= 0 or all(distance >= separation for distance in apart):
            break
    return poses


def _draw_poses(placements: Sequence[Placement]) -> list[tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for one in placements:
        x = random.uniform(*one.x) if one.x else one.position[0]
        y = random.uniform(*one.y) if one.y else one.position[1]
        z, yaw = one.position[2], one.angles[2] + (random.uniform(*one.yaw) if one.yaw else 0.0)
        if one.on is not None:
            below = found[one.on]
            cos, sin = math.cos(below[5]), math.sin(below[5])
            x, y = below[0] + cos * x - sin * y, below[1] + sin * x + cos * y
            z, yaw = below[2] + z, below[5] + yaw
        found[one.name] = (x, y, z, one.angles[0], one.angles[1], yaw)
    return [*found.values()]


def write_poses(
    env: Any, env_ids: torch.Tensor, rows: Sequence[Sequence[tuple[float, ...]]], names: Sequence[str]
) -> None:
    """Put objects to where they start, at rest.

    Args:
        env: Isaac Lab's environment.
        env_ids: Environments.
        rows: What was drawn, a row an environment: a pose an object.
        names: The objects.
    """
    drawn = torch.tensor(rows)  # (environments, objects, 6)
    orientations = pose_math.quat_from_euler_xyz(*drawn[..., 3:].unbind(-1))
    poses = torch.cat([drawn[..., :3], orientations], dim=-1).to(env.device)
    poses[..., :3] += env.scene.env_origins[env_ids][:, None]
    at_rest = torch.zeros(len(rows), 6, device=env.device)
    for name, pose in zip(names, poses.unbind(dim=1), strict=True):
        asset = env.scene[name]
        asset.write_root_pose_to_sim_index(root_pose=pose.contiguous(), env_ids=env_ids)
        asset.write_root_velocity_to_sim_index(root_velocity=at_rest, env_ids=env_ids)


def draw_parts(ranges: Mapping[str, tuple[float, float]]) -> list[float]:
    """Draw where the joints of an object's parts start [m or rad]."""
    return [random.uniform(*limits) for limits in ranges.values()]


def write_parts(env: Any, env_ids: torch.Tensor, rows: Sequence[list[float]], name: str, joints: list[str]) -> None:
    """Put the joints of an object's parts to where they start, at rest."""
    asset = env.scene[name]
    ids = asset.find_joints(joints, preserve_order=True)[0]
    positions = asset.data.default_joint_pos.torch[env_ids].clone()
    positions[:, ids] = torch.tensor(rows, device=env.device)
    asset.write_joint_position_to_sim_index(position=positions, env_ids=env_ids)
    asset.write_joint_velocity_to_sim_index(velocity=torch.zeros_like(positions), env_ids=env_ids)


def reset_joints(env: Any, env_ids: torch.Tensor, robot: str, std: float, arms: list[str]) -> None:
    """Start a robot near its home; an event term of Isaac Lab."""
    chosen, count = _listed(env, env_ids), env.scene[robot].num_joints
    write_joints(env, chosen, [draw_joints(count, std) for _ in chosen], robot, arms)


def reset_poses(env: Any, env_ids: torch.Tensor, placements: Sequence[Placement], separation: float) -> None:
    """Start objects somewhere in their ranges; an event term of Isaac Lab."""
    chosen = _listed(env, env_ids)
    rows = [draw_poses(placements, separation) for _ in chosen]
    write_poses(env, chosen, rows, [one.name for one in placements])


def reset_parts(env: Any, env_ids: torch.Tensor, name: str, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Start the joints of an object's parts somewhere in their ranges; an event term of Isaac Lab."""
    chosen = _listed(env, env_ids)
    rows = [draw_parts(ranges) for _ in chosen]
    write_parts(env, chosen, rows, name, [f"{part}_joint" for part in ranges])


def _listed(env: Any, env_ids: torch.Tensor | slice) -> torch.Tensor:
    """Return environments one by one; Isaac Lab says all of them with a slice."""
    if isinstance(env_ids, slice):
        return torch.arange(env.num_envs, device=env.device)[env_ids]
    return env_ids


def in_order(variant: Variant) -> list[str]:
    """Return the objects of a variant, what others stand on first."""
    left = dict(variant.start)
    found: list[str] = []
    while left:
        ready = [name for name, start in left.items() if start.on not in left]
        assert ready, "that nothing stands on itself is checked when the file is read"
        for name in ready:
            found.append(name)
            del left[name]
    return found
