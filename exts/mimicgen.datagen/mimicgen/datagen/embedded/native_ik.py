"""Differential inverse kinematics on MuJoCo's own data, for the CPU.

Isaac Lab's action term computes the arm's joint targets anew at every physics step, through the simulation's Python
side: five times a step, most of an environment step's time on a CPU. Here the term hands the pose to reach to the
physics manager, which computes the same targets between MuJoCo's steps, from MuJoCo's own kinematics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import isaaclab.utils.math as pose_math
import mujoco
import numpy as np
import torch
from isaaclab.envs.mdp.actions.actions_cfg import DifferentialInverseKinematicsActionCfg
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
from numpy.typing import NDArray

from mimicgen.datagen.embedded.physics import NewtonFreshSensorsManager, NewtonNativeMujocoManager, index_of


def use_native_controller(cfg: Any) -> None:
    """Let MuJoCo compute the arm's targets, where the environment has them by damped least squares; in place."""
    for action in by_damped_least_squares(cfg):
        action.class_type = NativeInverseKinematicsAction


def by_damped_least_squares(cfg: Any) -> Iterator[Any]:
    """Yield an environment's actions whose joint targets are plain damped least squares."""
    for action in vars(cfg.actions).values():
        if not isinstance(action, DifferentialInverseKinematicsActionCfg):
            continue
        controller = action.controller
        plain = not controller.joint_limit_avoidance_gain and controller.orientation_weight is None
        if controller.ik_method == "dls" and controller.command_type == "pose" and plain:
            yield action


@dataclass(frozen=True, kw_only=True)
class Chain:
    """An arm's joints, and the tool that they move.

    Attributes:
        body: The body of the model that the tool is fixed to.
        joints: The joints of the model.
        tool: Position of the tool in the body's frame [m].
        damping: Of the least squares.
    """

    body: int
    joints: Sequence[int]
    tool: tuple[float, ...]
    damping: float


class PoseControl:
    """Moves an arm towards a pose of its tool, in every world.

    Args:
        model: One world's model.
        chain: The arm.
        nworld: Number of worlds.

    Attributes:
        positions: Where the tools shall be, in world coordinates [m], shape (nworld, 3).
        quaternions: How they shall be turned, w, x, y, z, shape (nworld, 4).
    """

    def __init__(self, model: mujoco.MjModel, chain: Chain, nworld: int):
        self._model, self._body = model, chain.body
        self._qpos, self._dofs = model.jnt_qposadr[chain.joints], model.jnt_dofadr[chain.joints]
        self._actuators = position_actuators(model, chain.joints)
        self._tool = np.array(chain.tool)
        self._damping = chain.damping**2 * np.eye(6)
        self._jacobians = np.zeros((nworld, 6, model.nv))
        self._turns = np.zeros((nworld, 2, 4))
        self.positions = np.zeros((nworld, 3))
        self.quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (nworld, 1))

    def __call__(self, world: int, data: mujoco.MjData) -> None:
        """Set the arm's position targets from where it is now (`DifferentialIKController.compute` with 'dls')."""
        tool = data.xpos[self._body] + data.xmat[self._body].reshape(3, 3) @ self._tool
        whole, (inverse, turn) = self._jacobians[world], self._turns[world]
        mujoco.mj_jac(self._model, data, whole[:3], whole[3:], tool, self._body)
        jacobian = whole[:, self._dofs]
        error = np.empty(6)
        error[:3] = self.positions[world] - tool
        mujoco.mju_negQuat(inverse, data.xquat[self._body])
        mujoco.mju_mulQuat(turn, self.quaternions[world], inverse)
        mujoco.mju_quat2Vel(error[3:], turn, 1.0)
        square = jacobian @ jacobian.T + self._damping
        mujoco.mju_cholFactor(square, 0.0)
        mujoco.mju_cholSolve(error, square, error)
        data.ctrl[self._actuators] = data.qpos[self._qpos] + error @ jacobian


def position_actuators(model: mujoco.MjModel, joints: Sequence[int]) -> NDArray[np.int64]:
    """Return the actuators that are told joints' positions; each joint has one for its velocity, too."""
    stiff = model.actuator_biasprm[:, 1] < 0
    return np.array([np.nonzero(stiff & (model.actuator_trnid[:, 0] == index))[0].item() for index in joints])


class NativeInverseKinematicsAction(DifferentialInverseKinematicsAction):  # type: ignore[misc]
    """Isaac Lab's action term, whose targets the physics manager computes between its steps."""

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        manager, make_control = self._engine()
        offset = cfg.body_offset.pos if cfg.body_offset is not None else (0.0, 0.0, 0.0)
        paths = manager.joints()
        chain = Chain(
            body=index_of(manager.bodies(), self._asset, self._body_name),
            joints=[index_of(paths, self._asset, name) for name in self._joint_names],
            tool=offset,
            damping=cfg.controller.ik_params["lambda_val"],
        )
        self._control = make_control(manager.model(), chain, self.num_envs)
        manager.control_with(self._control, env.cfg.decimation)
        # Read by `ManagerBasedRLEnv.step`; decided there before the managers, and so this term, are there.
        env._physics_handles_decimation = True

    def _engine(self) -> tuple[type[NewtonFreshSensorsManager], Any]:
        """Return the physics manager, and what makes the control between its steps."""
        return NewtonNativeMujocoManager, PoseControl

    def apply_actions(self) -> None:
        """Hand over where the tools shall be."""
        positions, quaternions = self._wanted()
        self._control.positions[:] = positions.numpy()
        self._control.quaternions[:] = quaternions.numpy()[:, [3, 0, 1, 2]]

    def _wanted(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where the tools shall be in the world; the controller knows it in the frame of the robot's root."""
        positions, quaternions = self._ik_controller.ee_pos_des, self._ik_controller.ee_quat_des
        roots = self._roots()
        if roots is None:
            return positions, quaternions
        found: tuple[torch.Tensor, torch.Tensor] = pose_math.combine_frame_transforms(
            roots[:, :3], roots[:, 3:], positions, quaternions
        )
        return found

    def _compute_frame_pose(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See upstream, which turns and moves what is in the root's frame already."""
        if self._roots() is not None:
            found: tuple[torch.Tensor, torch.Tensor] = super()._compute_frame_pose()
            return found
        poses = self._asset.data.body_link_pose_w.torch[:, self._body_idx]
        positions, quaternions = poses[:, :3], poses[:, 3:]
        if self.cfg.body_offset is not None:
            positions, quaternions = pose_math.combine_frame_transforms(
                positions, quaternions, self._offset_pos, self._offset_rot
            )
        return positions, quaternions

    def _roots(self) -> torch.Tensor | None:
        """Return the poses of the robots' roots, shape (num_envs, 7), None where their frame is the world's."""
        roots: torch.Tensor = self._asset.data.root_link_pose_w.torch
        return None if torch.equal(roots, _ORIGIN.expand(roots.shape)) else roots


_ORIGIN = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
"""A root that stands in the world's frame: position and quaternion x, y, z, w."""
