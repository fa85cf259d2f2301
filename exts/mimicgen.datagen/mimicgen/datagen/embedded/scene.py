"""The embedded scene: a registered Isaac Lab task with what a bare machine has instead of Isaac's asset server.

The task keeps its observations, actions, signals, success term, events and timing. Replaced are the assets (robot,
table, ground, cubes, light) and the physics engine. Every number is a physical parameter with its reason here or in
`docs/physics.md`; they were calibrated by replaying human demonstrations (`scripts/replay_human_demos.py`).
"""

from __future__ import annotations

from typing import Any

import isaaclab.sim as sim_utils
from isaaclab.actuators import ImplicitActuatorCfg
from isaaclab.assets import AssetBaseCfg
from isaaclab.sim.schemas import MassCfg, UsdPhysicsCollisionCfg, UsdPhysicsRigidBodyCfg
from isaaclab.sim.spawners.materials import UsdPhysicsRigidBodyMaterialCfg
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
from isaaclab_newton.sim.schemas import MujocoCollisionCfg, MujocoRigidBodyCfg

from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.embedded.cuda_terms import use_cuda_terms
from mimicgen.datagen.embedded.native_ik import use_native_controller
from mimicgen.datagen.embedded.physics import CudaMujocoSolverCfg, NativeMujocoSolverCfg
from mimicgen.datagen.errors import SetupError, TaskError
from mimicgen.datagen.robots.franka import franka_usd

CUBE_EDGE = 0.0467
"""Edge of a cube [m]: the height at which one rests on another in the human demonstrations."""

CUBE_MASS = 0.1
"""Mass of a cube [kg]: 4.67 cm of light wood."""

TABLE_TOP = 0.0203 - CUBE_EDGE / 2
"""Height of the table's surface [m]: half an edge under the resting cubes of the human demonstrations."""

FRICTION = 1.5
"""Coulomb friction of a cube against rubber fingertips, the table and other cubes."""

CONTACT_SOLREF = (0.004, 1.0)
"""Time constant [s] and damping ratio of the contacts; MuJoCo wants at least two substeps."""

SUBSTEPS = 10
"""Solver steps in one physics step of 10 ms."""

ITERATIONS = 100
"""Of the constraint solver at most, which are never needed."""

CUDA_ITERATIONS = 2
"""The same where all environments wait for the one that iterates longest. A solve takes 2 in the mean; where it
would take more, the next substep, a millisecond later, goes on from what this one has found (`docs/throughput.md`)."""

CONSTRAINTS = 160
"""Rows of constraints that a world can have; stacking takes up to 80, 16 contacts of a condim 4 cube 64."""

FINGER_STIFFNESS, FINGER_DAMPING, FINGER_FORCE = 1000.0, 50.0, 60.0
"""Drive of a finger [N/m, N s/m, N]; the real hand grasps with up to 70 N continuously."""

ARM_STIFFNESS, ARM_DAMPING = 400.0, 80.0
"""Drive of the arm's joints [N m/rad, N m s/rad], the task's own."""

REPLACED = ("robot", "table", "plane", "cube_1", "cube_2", "cube_3")
"""What of a task's scene is built here."""

COLOURS = {"cube_1": (0.05, 0.18, 0.75), "cube_2": (0.75, 0.06, 0.06), "cube_3": (0.05, 0.6, 0.12)}
"""Diffuse colours of Isaac's blue, red and green block."""


def check_device(device: str) -> None:
    """Check that a CUDA device is there when one is asked for.

    Raises:
        SetupError: It is not.
    """
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SetupError(f"device = '{device}': no CUDA device is available on this machine; pass --device cpu")


def why_not(cfg: Any) -> str | None:
    """Return why a task's configuration cannot run in the embedded scene, or None when it can."""
    scene = cfg.scene
    missing = [name for name in (*REPLACED, "ee_frame") if getattr(scene, name, None) is None]
    if missing or "panda" not in str(getattr(getattr(cfg.actions, "arm_action", None), "body_name", "")):
        return "its scene is not the Franka with three cubes that the embedded runtime has assets for"
    if any("CameraCfg" in type(sensor).__name__ for sensor in vars(scene).values()):
        return "it observes through RTX cameras"
    served = [name for name, asset in vars(scene).items() if hasattr(getattr(asset, "spawn", None), "usd_path")]
    foreign = sorted(set(served) - set(REPLACED))
    if foreign:
        return f"'{foreign[0]}' in its scene comes from Isaac's asset server"
    return None


def adapt(cfg: Any, physics: str) -> None:
    """Put the embedded assets and physics into a task's configuration, in place.

    Args:
        cfg: Isaac Lab's configuration of the task.
        physics: The engine: mujoco or physx.

    Raises:
        TaskError: The task's scene cannot be built here.
        SetupError: The device is not there, or the engine is not installed.
    """
    reason = why_not(cfg)
    if reason:
        raise TaskError(f"task '{cfg.env_name}' cannot run without Isaac Sim: {reason}")
    check_device(cfg.sim.device)
    scene = cfg.scene
    # Newton builds nothing from a stage that is not replicated.
    scene.replicate_physics = True
    # Worlds do not collide with each other, and in one place they also observe the same coordinates.
    scene.env_spacing = 0.0
    _replace_cubes(scene)
    _replace_surroundings(scene)
    _replace_robot(scene)
    if physics == "physx":
        from mimicgen.datagen.embedded import physx  # here: its packages are not installed for everybody

        physx.use_physx(cfg)
    elif cfg.sim.device == "cpu":
        cfg.sim.physics = physics_cfg(NativeMujocoSolverCfg)
        use_native_controller(cfg)
    else:
        cfg.sim.physics = physics_cfg(CudaMujocoSolverCfg, iterations=CUDA_ITERATIONS)
        use_cuda_terms(cfg)


def physics_cfg(solver: type[MJWarpSolverCfg], iterations: int = ITERATIONS) -> NewtonCfg:
    """Return the calibrated physics with one of Newton's MuJoCo solvers, and its iterations at most."""
    options = solver(
        solver="newton",
        integrator="implicitfast",
        cone="elliptic",
        impratio=10.0,
        iterations=iterations,
        ls_iterations=50,
        njmax=CONSTRAINTS,
    )
    return NewtonCfg(solver_cfg=options, num_substeps=SUBSTEPS)


def _replace_cubes(scene: Any) -> None:
    for name, colour in COLOURS.items():
        getattr(scene, name).spawn = sim_utils.CuboidCfg(
            size=(CUBE_EDGE,) * 3,
            rigid_props=[UsdPhysicsRigidBodyCfg()],
            mass_props=[MassCfg(mass=CUBE_MASS)],
            # The cubes' parameters decide every contact of theirs (priority), torsional friction included (condim 4).
            collision_props=[
                UsdPhysicsCollisionCfg(),
                MujocoCollisionCfg(condim=4, priority=1, solref=CONTACT_SOLREF),
            ],
            physics_material=[UsdPhysicsRigidBodyMaterialCfg(static_friction=FRICTION, dynamic_friction=FRICTION)],
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=colour),
            semantic_tags=[("class", name)],
        )


def _replace_surroundings(scene: Any) -> None:
    thickness = 0.04
    scene.table = AssetBaseCfg(
        prim_path="{ENV_REGEX_NS}/Table",
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.5, 0.0, TABLE_TOP - thickness / 2)),
        spawn=sim_utils.CuboidCfg(
            size=(0.9, 1.3, thickness),
            collision_props=[UsdPhysicsCollisionCfg()],
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.55, 0.5, 0.44)),
            semantic_tags=[("class", "table")],
        ),
    )
    scene.plane = AssetBaseCfg(
        prim_path="/World/GroundPlane",
        init_state=AssetBaseCfg.InitialStateCfg(pos=(0.0, 0.0, -1.06)),
        spawn=sim_utils.CuboidCfg(
            size=(100.0, 100.0, 0.02),
            collision_props=[UsdPhysicsCollisionCfg()],
            visual_material=sim_utils.PreviewSurfaceCfg(diffuse_color=(0.2, 0.2, 0.22)),
            semantic_tags=[("class", "ground")],
        ),
    )


def _replace_robot(scene: Any) -> None:
    scene.robot.spawn = sim_utils.UsdFileCfg(
        usd_path=str(franka_usd(cache_folder())),
        # The task turns gravity off for the robot; MuJoCo's way of saying so.
        rigid_props=[MujocoRigidBodyCfg(gravcomp=1.0)],
        semantic_tags=[("class", "robot")],
    )
    scene.robot.actuators = {
        "panda_arm": ImplicitActuatorCfg(
            joint_names_expr=["panda_joint[1-7]"],
            joint_effort_limit={"panda_joint[1-4]": 87.0, "panda_joint[5-7]": 12.0},
            stiffness=ARM_STIFFNESS,
            damping=ARM_DAMPING,
        ),
        "panda_hand": ImplicitActuatorCfg(
            joint_names_expr=["panda_finger_joint.*"],
            joint_effort_limit=FINGER_FORCE,
            stiffness=FINGER_STIFFNESS,
            damping=FINGER_DAMPING,
        ),
    }
