"""Poses of hands and objects, recorded as the simulation has them and turned into matrices for a whole episode at once.

A 4x4 matrix takes ten small operations, and a step records five: a sixth of the time that a step of one environment
takes on a CPU. What they are made of is a few numbers that are there anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import torch
from isaaclab.envs import ManagerBasedRLMimicEnv

from mimicgen.datagen.robots.actions import Control
from mimicgen.datagen.tasks.conversions import RELATIVE
from mimicgen.datagen.tasks.environment.mimic import TaskEnv, relative_to


class Poses:
    """What `get_robot_eef_pose`, `get_object_poses` and `action_to_target_eef_pose` make their matrices of.

    Args:
        env: Isaac Lab's environment.
        prefixes: What the names of an end effector's observations begin with, by end effector.
        controls: How each is told its pose, and from which column of the actions.
        objects: Gives where what can move is in the world: position and quaternion x, y, z, w by name, shape
            (num_envs, 7).
        still: `world_from_object`, in the environment's frame, of what stands still, by name, shape (1, 4, 4).
    """

    def __init__(
        self,
        env: Any,
        prefixes: Mapping[str, str],
        controls: Mapping[str, tuple[Control, int]],
        objects: Callable[[], dict[str, torch.Tensor]],
        still: Mapping[str, torch.Tensor],
    ):
        self._env = env
        self._prefixes = dict(prefixes)
        self._controls = dict(controls)
        self._objects = objects
        self._still = dict(still)

    def now(self) -> dict[str, Any]:
        """Return what they are made of: quantities of all environments, shape (num_envs, ...) each, by nested names."""
        env = self._env
        observed = env.obs_buf["policy"]
        return {
            "position": {eef: observed[f"{prefix}eef_pos"] for eef, prefix in self._prefixes.items()},
            "orientation": {eef: observed[f"{prefix}eef_quat"] for eef, prefix in self._prefixes.items()},
            "action": env.action_manager.action,
            "object": self._objects(),
        }

    def of(self, env_ids: Sequence[int]) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return `world_from_eef` and `world_from_object` of environments now, by name, on the host.

        In the environments' frames, shape (len(env_ids), 4, 4) each. What they are made of is sent in one piece, and
        the matrices are made here: a device would have to be told of two hundred operations.
        """
        now = self.now()
        hands = [torch.cat([now["position"][eef], now["orientation"][eef]], dim=1) for eef in self._prefixes]
        packed = torch.cat([self._env.scene.env_origins, *hands, *now["object"].values()], dim=1).cpu()[list(env_ids)]
        origins, poses = packed[:, None, :3], packed[:, 3:].reshape(len(packed), -1, 7)
        positions = torch.cat([poses[:, : len(hands), :3], poses[:, len(hands) :, :3] - origins], dim=1)
        matrices = pose_math.make_pose(positions, pose_math.matrix_from_quat(poses[..., 3:])).unbind(dim=1)
        objects = dict(zip(now["object"], matrices[len(hands) :], strict=True))
        still = {name: pose.cpu().expand(len(packed), 4, 4) for name, pose in self._still.items()}
        return dict(zip(self._prefixes, matrices, strict=False)), objects | still

    def matrices(self, recorded: Mapping[str, torch.Tensor], env_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the matrices by path, shape (rows, 4, 4).

        Args:
            recorded: What `now` gave, by path, shape (rows, ...) each.
            env_ids: Whose row each is, shape (rows,).
        """
        found: dict[str, torch.Tensor] = {}
        for eef, (control, begin) in self._controls.items():
            turned = pose_math.matrix_from_quat(recorded[f"orientation/{eef}"])
            pose = pose_math.make_pose(recorded[f"position/{eef}"], turned)
            told = recorded["action"][:, begin : begin + control.width]
            found |= {f"eef_pose/{eef}": pose, f"target_eef_pose/{eef}": control.targets(told, pose)}
        origins = self._env.scene.env_origins[env_ids]
        for path, poses in recorded.items():
            if path.startswith("object/"):
                found[f"object_pose/{path.removeprefix('object/')}"] = relative_to(origins, poses)
        return found | {f"object_pose/{name}": pose.expand(len(env_ids), 4, 4) for name, pose in self._still.items()}


def asked(
    env: ManagerBasedRLMimicEnv, env_ids: Sequence[int]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return what `Poses.of` does, as the environment's own methods give it."""
    chosen = list(env_ids)
    return (
        {eef: env.get_robot_eef_pose(eef).cpu()[chosen] for eef in env.cfg.subtask_configs},
        {name: poses.cpu()[chosen] for name, poses in env.get_object_poses().items()},
    )


def poses_of(env: Any) -> Poses | None:
    """Return what an environment's poses are made of, None where its class makes them in a way of its own."""
    if isinstance(env, TaskEnv) and _inherits(env, TaskEnv, TaskEnv):
        return Poses(env, {eef: env.prefix(eef) for eef in env.controls}, env.spans(), env.world_poses, env.still)
    if _inherits(env, RELATIVE, ManagerBasedRLMimicEnv) and len(env.cfg.subtask_configs) == 1:
        (eef,) = env.cfg.subtask_configs
        rigid = env.scene.rigid_objects
        return Poses(
            env,
            {eef: ""},
            {eef: (Control(kind="relative_ik"), 0)},
            lambda: {name: asset.data.root_pose_w.torch for name, asset in rigid.items()},
            {},
        )
    return None


def _inherits(env: Any, of_hands: type, of_objects: type) -> bool:
    """Return whether an environment's poses are those of these classes."""
    methods = {"get_robot_eef_pose": of_hands, "action_to_target_eef_pose": of_hands, "get_object_poses": of_objects}
    return all(getattr(type(env), name, None) is getattr(kind, name) for name, kind in methods.items())
