"""Policies' actions as the environments take them, from the representations that datasets are exported in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import isaaclab.utils.math as pose_math
import torch

from mimicgen.datagen.dataset.formats.embodiment import Embodiment
from mimicgen.datagen.generation.converting import Converter
from mimicgen.datagen.policies.agreeing import RECORDED
from mimicgen.datagen.robots.actions import products

ABSOLUTE, RELATIVE = "eef_absolute", "eef_relative"
"""Representations of poses to reach; see `mimicgen.datagen.dataset.formats.representations`."""

_POSES = {ABSOLUTE: 7, RELATIVE: 6}
"""Numbers of a pose: position and quaternion x, y, z, w, or move and turn."""


class Applying:
    """Turns actions into those of the environment; poses by what its robots' controllers take.

    Args:
        env: Isaac Lab's environment.
        body: The robots of its task. Poses can be reached only where they are known.

    Attributes:
        dims: Length of an action by representation.
    """

    def __init__(self, env: Any, body: Embodiment):
        self._env = env
        self._convert = Converter(env)
        configured = list(env.cfg.subtask_configs)
        known = {hand.eef: hand for hand in body.hands}
        if len(configured) == len(body.hands) == 1:  # whatever Isaac Lab's task calls it
            known = {configured[0]: body.hands[0]}
        self._hands = [(eef, int(hand.gripper_column is not None)) for eef, hand in known.items() if eef in configured]
        self.dims = {RECORDED: int(env.action_manager.total_action_dim)}
        if len(self._hands) == len(configured):
            self.dims |= {kind: sum(pose + gripper for _, gripper in self._hands) for kind, pose in _POSES.items()}

    def of(self, kind: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return what turns actions of a representation, shape (num_envs, dims[kind]), into the environment's."""
        if kind == RECORDED:
            return lambda actions: actions
        return lambda actions: self._reached(actions, kind)

    def _reached(self, actions: torch.Tensor, kind: str) -> torch.Tensor:
        targets, grippers, begin = {}, {}, 0
        for eef, gripper in self._hands:
            middle = begin + _POSES[kind]
            pose = actions[:, begin:middle]
            targets[eef] = _absolute(pose) if kind == ABSOLUTE else _from(self._env.get_robot_eef_pose(eef), pose)
            grippers[eef] = actions[:, middle : middle + gripper]
            begin = middle + gripper
        return self._convert(targets, grippers)


def _absolute(pose: torch.Tensor) -> torch.Tensor:
    """Return `world_from_eef`, shape (num_envs, 4, 4), of position and quaternion, which need not be a unit one."""
    quaternions = pose[:, 3:] / pose[:, 3:].norm(dim=-1, keepdim=True).clamp(min=1e-9)
    return pose_math.make_pose(pose[:, :3], pose_math.matrix_from_quat(quaternions))


def _from(poses: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
    """Return where move and turn, in the environment's axes, lead to from poses, shape (num_envs, 4, 4)."""
    turns = moves[:, 3:]
    angles = turns.norm(dim=-1)
    turned = pose_math.quat_from_angle_axis(angles, turns / angles.clamp(min=1e-9)[:, None])
    rotations = products(pose_math.matrix_from_quat(turned), poses[:, :3, :3])
    return pose_math.make_pose(poses[:, :3, 3] + moves[:, :3], rotations)
