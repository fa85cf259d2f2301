"""A task by file as a Mimic environment of Isaac Lab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import isaaclab.utils.math as pose_math
import torch
from isaaclab.envs import ManagerBasedRLMimicEnv

from mimicgen.datagen.robots.actions import Control
from mimicgen.datagen.tasks.catalogue import Described, EndEffector
from mimicgen.datagen.tasks.geometry import rotation_matrix
from mimicgen.datagen.tasks.predicates.evaluation import Predicates


class Tools:
    """The end effectors of an open environment: where they are.

    Args:
        env: Isaac Lab's environment.
        eefs: The end effectors by name.
    """

    def __init__(self, env: Any, eefs: dict[str, EndEffector]):
        self._env = env
        self._places = {}
        for name, eef in eefs.items():
            robot = env.scene[eef.robot]
            (body,), _ = robot.find_bodies(eef.arm.body)
            joints = robot.find_joints(list(eef.arm.gripper.joints))[0] if eef.arm.gripper else []
            # A list would be sent to the device at every step, which waits for the solver.
            fingers = torch.tensor(joints, dtype=torch.long, device=env.device)
            tool = torch.tensor(eef.arm.tool, device=env.device)
            self._places[name] = (robot, body, tool, fingers)

    def position(self, eef: str) -> torch.Tensor:
        """Return where a tool is in the environment's frame [m], shape (num_envs, 3)."""
        robot, body, tool, _ = self._places[eef]
        pose = robot.data.body_link_pose_w.torch[:, body]
        turned = pose_math.quat_apply(pose[:, 3:], tool.expand(len(pose), 3))
        return pose[:, :3] + turned - self._env.scene.env_origins

    def orientation(self, eef: str) -> torch.Tensor:
        """Return how a tool is turned, a quaternion x, y, z, w, shape (num_envs, 4)."""
        robot, body, _, _ = self._places[eef]
        return robot.data.body_link_pose_w.torch[:, body, 3:].clone()

    def fingers(self, eef: str) -> torch.Tensor:
        """Return the joints of a gripper [m or rad], shape (num_envs, joints)."""
        robot, _, _, fingers = self._places[eef]
        return robot.data.joint_pos.torch[:, fingers]


def relative_to(origins: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """Return poses in the frames of their environments, shape (n, 4, 4).

    Args:
        origins: Where the environments are [m], shape (n, 3).
        poses: In the world: position [m] and quaternion x, y, z, w, shape (n, 7).
    """
    return pose_math.make_pose(poses[:, :3] - origins, pose_math.matrix_from_quat(poses[:, 3:]))


class TaskEnv(ManagerBasedRLMimicEnv):  # type: ignore[misc]
    """The environment of a task by file.

    Attributes:
        described: The task.
        tools: Its end effectors.
        moving: Objects that may move or start elsewhere.
        jointed: Those with parts.
        controls: How its end effectors are told where to be, in the order of their actions.
        still: `world_from_object` in the environment's frame of objects that stand still, shape (1, 4, 4).
    """

    described: Described

    def load_managers(self) -> None:
        """See `ManagerBasedRLEnv.load_managers`. The terms ask for tools and conditions."""
        self.described = self.cfg.described
        self.tools = Tools(self, self.described.eefs)
        self.controls = {name: self._control(eef) for name, eef in self.described.eefs.items()}
        objects = self.described.task.objects
        scene = self.scene
        self.moving = [name for name in objects if name in scene.rigid_objects or name in scene.articulations]
        self.jointed = [name for name in objects if name in scene.articulations]
        still = {
            name: torch.tensor([*cfg.init_state.pos, *cfg.init_state.rot], device=self.device)
            for name, cfg in vars(self.cfg.scene).items()
            if name in objects and name not in self.moving
        }
        self.still = {
            name: pose_math.make_pose(pose[None, :3], pose_math.matrix_from_quat(pose[None, 3:]))
            for name, pose in still.items()
        }
        self._parts = {
            (name, part): scene[name].find_bodies(part)[0][0] for name in self.jointed for part in objects[name].parts
        }
        self._conditions = Predicates(self, self.described)
        self._stepped = False
        super().load_managers()

    def step(self, action: torch.Tensor) -> Any:
        """See upstream."""
        self._stepped = True  # what is asked of the conditions next is asked after it
        return super().step(action)

    def conditions(self) -> Predicates:
        """Return signals and success, as they are now."""
        if self._stepped:
            self._stepped = False
            self._conditions.stepped()
        return self._conditions

    def _reset_idx(self, env_ids: Sequence[int]) -> None:
        super()._reset_idx(env_ids)
        self._conditions.reset(env_ids)

    def _control(self, eef: EndEffector) -> Control:
        placed, arm = self.described.task.robots[eef.robot], eef.arm
        base = point = None
        if placed.yaw or any(placed.position):
            base = torch.eye(4, device=self.device)
            base[:3, :3] = torch.tensor(rotation_matrix((0.0, 0.0, placed.yaw)), device=self.device)
            base[:3, 3] = torch.tensor(placed.position, device=self.device)
        if arm.controlled is not None:
            point = torch.tensor(arm.controlled, device=self.device) - torch.tensor(arm.tool, device=self.device)
        return Control(kind=arm.controller.kind, base=base, point=point)

    def prefix(self, eef: str) -> str:
        """Return what the names of an end effector's observations begin with."""
        return "" if len(self.described.eefs) == 1 else f"{eef}_"

    def get_robot_eef_pose(self, eef_name: str, env_ids: Sequence[int] | None = None) -> torch.Tensor:
        """See upstream. `world_from_eef` in the environment's frame, shape (len(env_ids), 4, 4)."""
        chosen = slice(None) if env_ids is None else env_ids
        prefix, observed = self.prefix(eef_name), self.obs_buf["policy"]
        positions, orientations = observed[f"{prefix}eef_pos"][chosen], observed[f"{prefix}eef_quat"][chosen]
        return pose_math.make_pose(positions, pose_math.matrix_from_quat(orientations))

    def world_poses(self) -> dict[str, torch.Tensor]:
        """Return where objects that can move, and their parts, are in the world: position, quaternion x, y, z, w."""
        found = {name: self.scene[name].data.root_link_pose_w.torch for name in self.moving}
        for (name, part), body in self._parts.items():
            found[f"{name}_{part}"] = self.scene[name].data.body_link_pose_w.torch[:, body]
        return found

    def get_object_poses(self, env_ids: Sequence[int] | None = None) -> dict[str, torch.Tensor]:
        """See upstream. `world_from_object` in the environment's frame by object, those that stand still included."""
        chosen = slice(None) if env_ids is None else env_ids
        origins = self.scene.env_origins[chosen]
        moving = {name: relative_to(origins, poses[chosen]) for name, poses in self.world_poses().items()}
        return moving | {name: pose.expand(len(origins), 4, 4) for name, pose in self.still.items()}

    def target_eef_pose_to_action(
        self,
        target_eef_pose_dict: dict[str, torch.Tensor],
        gripper_action_dict: dict[str, torch.Tensor],
        action_noise_dict: dict[str, float] | None = None,
        env_id: int = 0,
    ) -> torch.Tensor:
        """See upstream. For each end effector in order its pose, as its controller takes it, then its gripper."""
        parts = []
        for eef, effector in self.described.eefs.items():
            control = self.controls[eef]
            noise = torch.zeros(1, control.width, device=self.device)
            if action_noise_dict is not None:
                noise = action_noise_dict[eef] * torch.randn_like(noise)
            gripper = gripper_action_dict[eef][None, : effector.gripper_dim]
            now = self.get_robot_eef_pose(eef, env_ids=[env_id])
            parts.append(control.actions(target_eef_pose_dict[eef][None], gripper, noise, now)[0])
        return torch.cat(parts, dim=0)

    def spans(self) -> dict[str, tuple[Control, int]]:
        """Return how each end effector is told its pose, and from which column of the actions."""
        found, begin = {}, 0
        for eef, effector in self.described.eefs.items():
            found[eef] = self.controls[eef], begin
            begin += self.controls[eef].width + effector.gripper_dim
        return found

    def action_to_target_eef_pose(self, action: torch.Tensor) -> dict[str, torch.Tensor]:
        """See upstream. The inverse of `target_eef_pose_to_action`, by end effector, shape (num_envs, 4, 4)."""
        return {
            eef: control.targets(action[:, begin : begin + control.width], self.get_robot_eef_pose(eef))
            for eef, (control, begin) in self.spans().items()
        }

    def actions_to_gripper_actions(self, actions: torch.Tensor) -> dict[str, torch.Tensor]:
        """See upstream. The last column of each end effector's."""
        begins = {eef: begin + control.width for eef, (control, begin) in self.spans().items()}
        return {
            eef: actions[..., begin : begin + self.described.eefs[eef].gripper_dim] for eef, begin in begins.items()
        }

    def get_subtask_term_signals(self, env_ids: Sequence[int] | None = None) -> dict[str, torch.Tensor]:
        """See upstream."""
        chosen = slice(None) if env_ids is None else env_ids
        return {name: self.obs_buf["subtask_terms"][name][chosen] for name in self.described.task.signals}
