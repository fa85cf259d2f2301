"""What Isaac Lab 2.x did differently, for replaying what was recorded with it.

Its differential inverse kinematics took the lever arm from the hand to the tool centre in the hand's axes instead of
the robot's. The hand points down, so the arm pointed the wrong way, and a commanded rotation also moved the tool: a
pitch of 4 mrad a step by 1.4 mm. Isaac Lab 3.0 has the lever right. Actions recorded under the old controller, played
open loop under the new one, drift by up to 3 cm before the first grasp; under the old one they stay within 4 mm
(`scripts/replay_human_demos.py` measures both). Generation is closed loop and does not care.
"""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.envs.mdp.actions.actions_cfg import DifferentialInverseKinematicsActionCfg
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction


class LegacyDifferentialInverseKinematicsAction(DifferentialInverseKinematicsAction):  # type: ignore[misc]
    """Isaac Lab 2.x's controller: the lever arm in the hand's axes, added to a Jacobian in the robot's."""

    def _compute_frame_jacobian(self) -> torch.Tensor:
        self._jacobian_b[:] = self.jacobian_b
        lever = self._offset_pos[:, :, None].expand_as(self._jacobian_b[:, 3:])
        self._jacobian_b[:, :3] += torch.linalg.cross(self._jacobian_b[:, 3:], lever, dim=1)
        return self._jacobian_b


def use_legacy_controller(cfg: Any) -> None:
    """Let an environment configuration move its arm as Isaac Lab 2.x did, in place."""
    for action in vars(cfg.actions).values():
        if isinstance(action, DifferentialInverseKinematicsActionCfg):
            action.class_type = LegacyDifferentialInverseKinematicsAction
