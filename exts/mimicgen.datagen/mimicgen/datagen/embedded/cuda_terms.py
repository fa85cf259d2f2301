"""Terms that never wait for a CUDA device.

Isaac Lab's action terms do at every physics step: the controller inverts with `torch.inverse`, which asks the device
whether it could, and index lists are sent to the device anew. Its observations and its success term send it the width
of the open gripper. The host would stand still until the solver is done, and only then prepare what comes next.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from isaaclab.controllers import DifferentialIKController
from isaaclab.envs.mdp.actions.actions_cfg import BinaryJointPositionActionCfg
from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointPositionAction
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction

from mimicgen.datagen.embedded.native_ik import by_damped_least_squares


def use_cuda_terms(cfg: Any) -> None:
    """Use the terms of this module in an environment's configuration, where they do the same; in place."""
    for action in by_damped_least_squares(cfg):
        action.class_type = CudaInverseKinematicsAction
    for action in vars(cfg.actions).values():
        if type(action) is BinaryJointPositionActionCfg:
            action.class_type = CudaBinaryJointPositionAction
    if hasattr(cfg, "gripper_open_val"):
        # The stack tasks' terms make a tensor of it, which is a copy on the device when it is one there already.
        cfg.gripper_open_val = torch.tensor(cfg.gripper_open_val, device=cfg.sim.device)
        warnings.filterwarnings("ignore", message="To copy construct from a tensor")


class _Controller(DifferentialIKController):  # type: ignore[misc]
    def _compute_delta_joint_pos(self, delta_pose: torch.Tensor, jacobian: torch.Tensor) -> torch.Tensor:
        """Do what upstream does for 'dls'; damped, the matrix always has an inverse."""
        damping = self.cfg.ik_params["lambda_val"] ** 2 * torch.eye(6, device=self._device)
        inverse, _ = torch.linalg.inv_ex(jacobian @ jacobian.mT + damping)
        return (jacobian.mT @ inverse @ delta_pose.unsqueeze(-1)).squeeze(-1)


class CudaInverseKinematicsAction(DifferentialInverseKinematicsAction):  # type: ignore[misc]
    """Isaac Lab's relative inverse kinematics."""

    _joint_ids: Any
    _jacobi_joint_ids: Any

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        self._ik_controller = _Controller(cfg=cfg.controller, num_envs=self.num_envs, device=self.device)
        self._joint_ids = _on_device(self._joint_ids, self.device)
        self._jacobi_joint_ids = _on_device(self._jacobi_joint_ids, self.device)


class CudaBinaryJointPositionAction(BinaryJointPositionAction):  # type: ignore[misc]
    """Isaac Lab's gripper command."""

    _joint_ids: Any

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        self._joint_ids = _on_device(self._joint_ids, self.device)


def _on_device(ids: Any, device: str) -> Any:
    return torch.tensor(ids, dtype=torch.int32, device=device) if isinstance(ids, list) else ids
