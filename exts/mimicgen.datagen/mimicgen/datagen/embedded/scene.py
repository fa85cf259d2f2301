"""The embedded scene: a described task with what a bare machine has instead of Isaac's asset server.

The task keeps its observations, actions, signals, success term, events and timing. Of a registered task the assets are
replaced by those that its task file describes; a task by file has them already. Both get the physics engine, and what
it wants to be told. Every number is a physical parameter with its reason here or in `docs/physics.md`; they were
calibrated by replaying human demonstrations (`scripts/replay_human_demos.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isaaclab.assets import ArticulationCfg, RigidObjectCfg
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonCfg
from isaaclab_newton.sim.schemas import MujocoCollisionCfg, MujocoRigidBodyCfg

from mimicgen.datagen.embedded.cuda_terms import use_cuda_terms
from mimicgen.datagen.embedded.inertia import use_matching_inertia
from mimicgen.datagen.embedded.native_ik import use_native_controller
from mimicgen.datagen.embedded.physics import CudaMujocoSolverCfg, NativeMujocoSolverCfg
from mimicgen.datagen.errors import SetupError, TaskError
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.environment import assets

CONTACT_SOLREF = (0.004, 1.0)
"""Time constant [s] and damping ratio of the contacts; MuJoCo wants at least two substeps."""

SUBSTEPS = 5
"""Solver steps in one physics step of 10 ms; with `embedded/inertia.py`."""

ITERATIONS = 100
"""Of the constraint solver at most, which are never needed."""

CUDA_ITERATIONS = 2
"""The same where all environments wait for the one that iterates longest. A solve takes 2 in the mean; where it
would take more, the next substep, 2 ms later, goes on from what this one has found (`docs/throughput.md`)."""

CONSTRAINTS = 40
"""Rows of constraints that a world can have for each object; three stacked boxes take up to 80, 16 contacts of a
condim 4 box 64."""

FEWEST = 160
"""The same at least."""


def check_device(device: str) -> None:
    """Check that a CUDA device is there when one is asked for.

    Raises:
        SetupError: It is not.
    """
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SetupError(f"device = '{device}': no CUDA device is available on this machine; pass --device cpu")


def why_not(cfg: Any, described: Described | None) -> str | None:
    """Return why a task cannot run in the embedded scene, or None when it can.

    Args:
        cfg: Isaac Lab's configuration of the task.
        described: The task, as a file describes it, if one does.
    """
    scene = cfg.scene
    ours = {"table", "plane"} | set(described.task.objects) | set(described.robots) if described else set()
    if described is None or any(getattr(scene, name, None) is None for name in ours):
        return "no task file describes its scene, and the embedded runtime has no asset server"
    served = [name for name, asset in vars(scene).items() if hasattr(getattr(asset, "spawn", None), "usd_path")]
    foreign = sorted(set(served) - ours)
    if foreign:
        return f"'{foreign[0]}' in its scene comes from Isaac's asset server"
    return None


def adapt(cfg: Any, described: Described | None, physics: str, cache: Path) -> None:
    """Put the embedded assets and physics into a task's configuration, in place.

    Args:
        cfg: Isaac Lab's configuration of the task.
        described: The task, as a file describes it.
        physics: The engine: mujoco or physx.
        cache: Folder for assets that are made.

    Raises:
        TaskError: The task's scene cannot be built here.
        SetupError: The device is not there, or the engine is not installed.
    """
    if getattr(cfg, "described", None) is None:  # a registered task
        reason = why_not(cfg, described)
        if reason:
            raise TaskError(f"task '{cfg.env_name}' cannot run without Isaac Sim: {reason}")
        assert described is not None
        replace_assets(cfg.scene, described, cache)
    assert described is not None
    check_device(cfg.sim.device)
    scene = cfg.scene
    # Newton builds nothing from a stage that is not replicated.
    scene.replicate_physics = True
    # Worlds do not collide with each other, and in one place they also observe the same coordinates.
    scene.env_spacing = 0.0
    for name in described.task.objects:
        own = getattr(scene, name)
        if isinstance(own, (ArticulationCfg, RigidObjectCfg)):
            # An object's parameters decide every contact of its (priority), torsional friction included (condim 4).
            own.spawn.collision_props = [MujocoCollisionCfg(condim=4, priority=1, solref=CONTACT_SOLREF)]
    for key, robot in described.robots.items():
        if not robot.gravity:
            getattr(scene, key).spawn.rigid_props = [MujocoRigidBodyCfg(gravcomp=1.0)]
    constraints = max(FEWEST, CONSTRAINTS * len(described.task.objects))
    if physics == "physx":
        from mimicgen.datagen.embedded import physx  # here: its packages are not installed for everybody

        physx.use_physx(cfg, described)
    elif cfg.sim.device == "cpu":
        cfg.sim.physics = physics_cfg(NativeMujocoSolverCfg, constraints)
        use_native_controller(cfg)
        use_matching_inertia(cfg)
    else:
        cfg.sim.physics = physics_cfg(CudaMujocoSolverCfg, constraints, iterations=CUDA_ITERATIONS)
        use_cuda_terms(cfg)
        use_matching_inertia(cfg)


def physics_cfg(solver: type[MJWarpSolverCfg], constraints: int = FEWEST, iterations: int = ITERATIONS) -> NewtonCfg:
    """Return the calibrated physics with one of Newton's MuJoCo solvers.

    Args:
        solver: The solver.
        constraints: Rows of constraints that a world can have.
        iterations: Of the solver at most.
    """
    options = solver(
        solver="newton",
        integrator="implicitfast",
        cone="elliptic",
        impratio=10.0,
        iterations=iterations,
        ls_iterations=50,
        njmax=constraints,
    )
    return NewtonCfg(solver_cfg=options, num_substeps=SUBSTEPS)


def replace_assets(scene: Any, described: Described, cache: Path) -> None:
    """Put the assets of a task file into the scene of a registered task, in place; they start where the task says."""
    for name in described.task.objects:
        getattr(scene, name).spawn = assets.object_cfg(described, name, cache).spawn
    assert described.task.table
    scene.table, scene.plane = assets.table_cfg(described.task.table), assets.floor_cfg()
    for key in described.robots:
        robot, own = getattr(scene, key), assets.robot_cfg(described, key, cache)
        robot.spawn, robot.actuators = own.spawn, own.actuators
