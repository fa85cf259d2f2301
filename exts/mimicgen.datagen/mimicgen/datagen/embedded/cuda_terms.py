"""Terms that never wait for a CUDA device.

Isaac Lab's action terms do: the controller inverts with `torch.inverse`, which asks the device whether it could, and
index lists are sent to the device anew. Its observations and its success term send it the width of the open gripper.
The host would stand still until the solver is done, and only then prepare what comes next.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from isaaclab.envs.mdp.actions.actions_cfg import BinaryJointPositionActionCfg
from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointPositionAction

from mimicgen.datagen.embedded.cuda_ik import CudaInverseKinematicsAction
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


class CudaBinaryJointPositionAction(BinaryJointPositionAction):  # type: ignore[misc]
    """Isaac Lab's gripper command."""

    _joint_ids: Any

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        self._joint_ids = _on_device(self._joint_ids, self.device)


def _on_device(ids: Any, device: str) -> Any:
    return torch.tensor(ids, dtype=torch.int32, device=device) if isinstance(ids, list) else ids
