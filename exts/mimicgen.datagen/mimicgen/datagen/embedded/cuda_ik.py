"""Differential inverse kinematics in MuJoCo Warp's own data, for CUDA devices.

What `native_ik.py` does on a CPU, in one kernel between the solver's steps: with it all physics steps of an environment
step are one CUDA graph, in which the host has no part.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import mujoco
import numpy as np
import torch
import warp as wp

from mimicgen.datagen.embedded.ik_kernel import Arm, move_towards
from mimicgen.datagen.embedded.native_ik import Chain, NativeInverseKinematicsAction, position_actuators
from mimicgen.datagen.embedded.physics import NewtonCudaMujocoManager, NewtonFreshSensorsManager


class WarpPoseControl:
    """Moves an arm towards a pose of its tool, in every world: a `WarpControl`.

    Args:
        model: One world's model.
        chain: The arm.
        nworld: Number of worlds.
        device: Where they are.

    Attributes:
        positions: Where the tools shall be, in world coordinates [m], shape (nworld, 3), on the device.
        quaternions: How they shall be turned, x, y, z, w, shape (nworld, 4), on the device.
    """

    def __init__(self, model: mujoco.MjModel, chain: Chain, nworld: int, device: str):
        def whole(numbers: Any) -> wp.array:
            return wp.array(np.asarray(numbers), dtype=wp.int32, device=device)

        joints = chain.joints
        self._arm = Arm()
        self._arm.body, self._arm.tool, self._arm.damping = chain.body, wp.vec3(*chain.tool), chain.damping**2
        self._arm.joints, self._arm.coordinates = whole(joints), whole(model.jnt_qposadr[joints])
        self._arm.slides = whole(model.jnt_type[joints] == mujoco.mjtJoint.mjJNT_SLIDE)
        self._arm.actuators = whole(position_actuators(model, joints))
        self._targets = (
            wp.zeros(nworld, dtype=wp.vec3, device=device),
            wp.full(nworld, wp.quat(0.0, 0.0, 0.0, 1.0), dtype=wp.quat, device=device),
        )
        self.positions, self.quaternions = map(wp.to_torch, self._targets)

    def __call__(self, data: Any) -> None:
        """Set the position targets of all worlds' arms from where they are now."""
        poses = [data.xpos, data.xquat, data.xanchor, data.xaxis, data.qpos]
        inputs = [self._arm, *self._targets, *poses]
        wp.launch(move_towards, dim=data.nworld, inputs=inputs, outputs=[data.ctrl], device=data.qpos.device)


class CudaInverseKinematicsAction(NativeInverseKinematicsAction):
    """Isaac Lab's action term, whose targets the solver's graph computes."""

    def _engine(self) -> tuple[type[NewtonFreshSensorsManager], Any]:
        """See `NativeInverseKinematicsAction`."""
        return NewtonCudaMujocoManager, partial(WarpPoseControl, device=self.device)

    def apply_actions(self) -> None:
        """Hand over where the tools shall be."""
        positions, quaternions = self._wanted()
        self._control.positions.copy_(positions)
        self._control.quaternions.copy_(quaternions)

    def _roots(self) -> torch.Tensor:
        """Return the poses of the robots' roots, shape (num_envs, 7), without asking the device which they are."""
        roots: torch.Tensor = self._asset.data.root_link_pose_w.torch
        return roots
