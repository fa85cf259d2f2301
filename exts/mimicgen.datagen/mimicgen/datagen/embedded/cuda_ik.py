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

from mimicgen.datagen.embedded.ik_kernel import Arm, aim, move_towards
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
        targets: Where the tools shall be, in world coordinates [m], and how they shall be turned, quaternions
            x, y, z, w; shape (nworld,), on the device.
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
        self.targets = (
            wp.zeros(nworld, dtype=wp.vec3, device=device),
            wp.full(nworld, wp.quat(0.0, 0.0, 0.0, 1.0), dtype=wp.quat, device=device),
        )

    def __call__(self, data: Any) -> None:
        """Set the position targets of all worlds' arms from where they are now."""
        poses = [data.xpos, data.xquat, data.xanchor, data.xaxis, data.qpos]
        inputs = [self._arm, *self.targets, *poses]
        wp.launch(move_towards, dim=data.nworld, inputs=inputs, outputs=[data.ctrl], device=data.qpos.device)


class CudaInverseKinematicsAction(NativeInverseKinematicsAction):
    """Isaac Lab's action term, whose targets the solver's graph computes; where they lead to is one kernel."""

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        offset = cfg.body_offset.pos if cfg.body_offset is not None else (0.0, 0.0, 0.0)
        self._hand = [bool(cfg.controller.use_relative_mode), self._body_idx, wp.vec3(*offset)]
        self._told = wp.from_torch(self._processed_actions)

    def _engine(self) -> tuple[type[NewtonFreshSensorsManager], Any]:
        """See `NativeInverseKinematicsAction`."""
        return NewtonCudaMujocoManager, partial(WarpPoseControl, device=self.device)

    def process_actions(self, actions: torch.Tensor) -> None:
        """See upstream, which does the same in a hundred operations."""
        self._raw_actions[:] = actions
        torch.add(self._raw_actions * self._scale, self._offset, out=self._processed_actions)
        if self.cfg.clip is not None:
            low, high = self._clip.unbind(-1)
            torch.clamp(self._processed_actions, low, high, out=self._processed_actions)
        data = self._asset.data
        inputs = [*self._hand, data.root_link_pose_w.warp, data.body_link_pose_w.warp, self._told]
        wp.launch(aim, dim=self.num_envs, inputs=inputs, outputs=[*self._control.targets], device=self.device)

    def apply_actions(self) -> None:
        """Do nothing: where the tools shall be is there already."""
