"""PhysX in the embedded runtime: NVIDIA's `ovphysx`, the engine of Isaac Sim as a library.

What a run does can be tried here on the engine that Isaac Sim has, without Isaac Sim. The scene is the embedded one;
what PhysX wants told differently stands here, with its reason.
"""

from __future__ import annotations

from typing import Any

import warp as wp
from isaaclab_ov.physics import OvPhysxCfg
from isaaclab_physx.sim.schemas import ArticulationRootPropertiesCfg, JointDrivePropertiesCfg, PhysxRigidBodyCfg

from mimicgen.datagen.embedded.engines import check_installed
from mimicgen.datagen.tasks.catalogue import Described

SPACING = 2.5
"""Distance of environments [m]: PhysX has one world for all of them, and solves what touches in it together."""


def use_physx(cfg: Any, described: Described) -> None:
    """Put PhysX into the configuration of an embedded scene, in place.

    Args:
        cfg: Isaac Lab's configuration of the task.
        described: The task.

    Raises:
        SetupError: The library is not installed.
    """
    check_installed("physx")
    _pin_nothing_without_cuda()
    cfg.sim.physics = OvPhysxCfg()
    cfg.scene.env_spacing = SPACING
    for key, own in described.robots.items():
        robot = getattr(cfg.scene, key).spawn
        robot.rigid_props = [PhysxRigidBodyCfg(disable_gravity=not own.gravity)]
        robot.joint_drive_props = JointDrivePropertiesCfg(drive_type="force", ensure_drives_exist=True)
        # Without it the base is free, keeps the velocity of its first steps through every reset, and the arm explodes.
        robot.articulation_props = ArticulationRootPropertiesCfg(fix_root_link=own.fixed)


def _pin_nothing_without_cuda() -> None:
    """Let Warp allocate ordinary host memory where memory for transfers to a GPU is asked for and there is none.

    Isaac Lab 3.0.0 asks for it on a CPU, too (`_create_buffers` of
    https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_ov/isaaclab_ov/assets/articulation/articulation.py),
    and Warp gets it from the CUDA driver alone.
    """
    host = wp.get_device("cpu")
    if not wp.is_cuda_available():
        host.pinned_allocator = host.default_allocator
