"""Inertia of what drives joints, with which contacts are as firm in longer steps as in those they were calibrated in.

MuJoCo's `implicitfast` moves a joint of inertia M whose drive damps with D, in steps of h, as if it had M + h D, and
computes the forces of contacts for M alone: a contact brings about only M / (M + h D) of the motion that it means to.
Of a finger of 14 g with 50 N s/m that is a fifth in 1 ms, and an eighth in 2 ms, in which a hand loses what it holds.

Motors have inertia of their own, behind their gears. With as much more of it as the step is longer than the calibrated
one, (h / h0 - 1) M, the share is what it was; docs/physics.md, "Fewer substeps", has what was measured.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import torch

from mimicgen.datagen.embedded.physics import index_of

CALIBRATED = 1e-3
"""Length of the steps in which contacts were calibrated [s]."""

LIGHT = 0.2
"""Share of a joint's inertia that its drive's damping adds in such a step, above which the share is kept."""


def use_matching_inertia(cfg: Any) -> None:
    """Let drives have inertia that goes with the length of a step, from the start of the simulation on; in place."""
    from isaaclab.managers import EventTermCfg

    cfg.events.matching_inertia = EventTermCfg(func=match, mode="startup")


def match(env: Any, env_ids: Any) -> None:
    """Give every robot's joints their armature [kg m2, of sliding ones kg], in all environments.

    Args:
        env: Isaac Lab's environment, on one of MuJoCo's engines.
        env_ids: Not asked for: all are alike.
    """
    manager = env.sim.physics_manager
    model, longer = manager.model(), max(manager.step_length() / CALIBRATED - 1, 0.0)
    robots = {name: own for name, own in env.scene.articulations.items() if own.actuators}
    paths = manager.joints()
    joints = {name: [index_of(paths, own, joint) for joint in own.joint_names] for name, own in robots.items()}
    data = mujoco.MjData(model)
    for name, robot in robots.items():
        data.qpos[model.jnt_qposadr[joints[name]]] = robot.data.default_joint_pos.torch[0].cpu().numpy()
    mujoco.mj_forward(model, data)
    inertia = np.empty((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    alone = 1.0 / np.diag(np.linalg.inv(inertia))
    for name, robot in robots.items():
        own = torch.from_numpy(alone[model.jnt_dofadr[joints[name]]]).float().to(env.device)
        damped = robot.data.joint_damping.torch[0] * CALIBRATED
        armature = robot.data.joint_armature.torch[0] + torch.where(damped > LIGHT * own, longer * own, 0.0)
        robot.write_joint_armature_to_sim_index(armature=armature.repeat(env.num_envs, 1))
