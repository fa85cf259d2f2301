"""Newton's MuJoCo solver behind Isaac Lab: MuJoCo's own C engine on a CPU, MuJoCo Warp on CUDA.

Isaac Lab steps Newton's MuJoCo solver through Warp kernels. On a CPU nearly all of a step is then Python launching
kernels (`docs/physics.md` has the measurements). Newton can also hand its model to MuJoCo itself (`use_mujoco_cpu`),
but Isaac Lab 3.0 stops there at a method that mode does not have, and Newton keeps one state for one world.

`NewtonNativeMujocoManager` closes both gaps. One MuJoCo model is shared, every environment owns an `MjData`, and a
physics step is one conversion in, all substeps of all environments in C (spread over threads, MuJoCo releases the
interpreter lock), and one conversion out. The conversions are Newton's, over all worlds at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar

import mujoco
import mujoco_warp
import newton
import numpy as np
import warp as wp
from isaaclab.physics import PhysicsManager
from isaaclab.utils import configclass
from isaaclab_newton.physics import MJWarpSolverCfg, NewtonManager
from isaaclab_newton.physics.mjwarp_manager import NewtonMJWarpManager

from mimicgen.datagen.embedded import launching
from mimicgen.datagen.embedded.boxes import prefer_faces
from mimicgen.datagen.embedded.iterating import bound
from mimicgen.datagen.embedded.stepping import Stepping
from mimicgen.datagen.embedded.trees import sweep


@configclass
class WarpMujocoSolverCfg(MJWarpSolverCfg):
    """Newton's MuJoCo Warp solver."""

    class_type: type[NewtonManager] | str = "{DIR}.physics:NewtonFreshSensorsManager"


@configclass
class CudaMujocoSolverCfg(MJWarpSolverCfg):
    """Newton's MuJoCo Warp solver with one conversion of the state a step."""

    class_type: type[NewtonManager] | str = "{DIR}.physics:NewtonCudaMujocoManager"


@configclass
class NativeMujocoSolverCfg(MJWarpSolverCfg):
    """Newton's MuJoCo solver with the native engine, one `MjData` an environment."""

    class_type: type[NewtonManager] | str = "{DIR}.physics:NewtonNativeMujocoManager"
    use_mujoco_cpu: bool = True
    use_mujoco_contacts: bool = True
    separate_worlds: bool = True
    """One template world in the MuJoCo model; without it Newton would put all environments into one system."""


STILL = 1e-4
"""Below this speed [m/s] for ten substeps something lies still: MuJoCo's own default. Newton's is ten times that, which
what begins to topple has, too."""

MOVED = 1e-5
"""What is asleep and is to be somewhere else by more than this [m, rad] was put there, and is awake again."""

Control = Callable[[int, mujoco.MjData], None]
"""Sets the targets of some of a world's actuators from where its bodies are."""

WarpControl = Callable[[Any], None]
"""The same in all worlds of a `mujoco_warp.Data`, by kernels alone."""


class Worlds:
    """The state that Newton exchanges with MuJoCo, for all worlds: row `i` belongs to environment `i`.

    Newton's conversion methods take anything that has `nworld` and these arrays; MuJoCo Warp's `Data` is the upstream
    example. The arrays live in host memory, so the numpy views share it.

    Args:
        model: MuJoCo's model of one world.
        nworld: How many there are.
        placed: Has `mocap_pos` and `mocap_quat`, where Newton puts the bases of what is fixed to the world.
    """

    def __init__(self, model: mujoco.MjModel, nworld: int, placed: Any):
        self.nworld = nworld
        self.model = model
        self.datas = [mujoco.MjData(model) for _ in range(nworld)]
        with wp.ScopedDevice("cpu"):
            self.qpos = wp.zeros((nworld, model.nq), dtype=wp.float32)
            self.qvel = wp.zeros((nworld, model.nv), dtype=wp.float32)
            self.ctrl = wp.zeros((nworld, model.nu), dtype=wp.float32)
            self.qfrc_applied = wp.zeros((nworld, model.nv), dtype=wp.float32)
            self.xfrc_applied = wp.zeros((nworld, model.nbody), dtype=wp.spatial_vector)
        self._views = {
            name: getattr(self, name).numpy() for name in ("qpos", "qvel", "ctrl", "qfrc_applied", "xfrc_applied")
        } | {name: getattr(placed, name).numpy() for name in ("mocap_pos", "mocap_quat")}

    def step(self, world: int, substeps: int, controls: Sequence[Control], times: int) -> None:
        """Advance one world. Touches only that world's data, so worlds may run in different threads.

        Args:
            world: Its index.
            substeps: Steps of MuJoCo in a physics step.
            controls: Set targets before every physics step.
            times: Physics steps.
        """
        data = self.datas[world]
        if (data.tree_asleep >= 0).any() and np.abs(data.qpos - self._views["qpos"][world]).max() > MOVED:
            self.reset(world)
        for name, view in self._views.items():
            getattr(data, name)[:] = view[world]
        for _ in range(times):
            if controls:
                mujoco.mj_kinematics(self.model, data)
                mujoco.mj_comPos(self.model, data)
            for control in controls:
                control(world, data)
            mujoco.mj_step(self.model, data, nstep=substeps)
        self._views["qpos"][world] = data.qpos
        self._views["qvel"][world] = data.qvel

    def reset(self, world: int) -> None:
        """Forget what the solver carries from step to step (warm start, activations, what is asleep)."""
        mujoco.mj_resetData(self.model, self.datas[world])


def has_placed(model: newton.Model) -> bool:
    """Return whether there are bodies that are placed and stand still; Newton locks them with an armature of 1e10."""
    return bool((model.body_flags.numpy() & int(newton.BodyFlags.KINEMATIC)).any())


class NewtonFreshSensorsManager(NewtonMJWarpManager):
    """Isaac Lab's manager of the MuJoCo Warp solver, with sensors that see a reset.

    The name has to start with 'Newton': Isaac Lab chooses the backend of its assets by it.
    """

    _controls: ClassVar[tuple[Any, ...]] = ()
    _times: ClassVar[int] = 1

    @classmethod
    def model(cls) -> mujoco.MjModel:
        """Return MuJoCo's model of one world."""
        model: mujoco.MjModel = cls._solver.mj_model
        return model

    @classmethod
    def bodies(cls) -> list[str]:
        """Return the paths of the model's bodies, as they are in the first environment; none of the world's own."""
        return _labels(cls._solver.model.body_label, cls._solver.mjc_body_to_newton)

    @classmethod
    def joints(cls) -> list[str]:
        """Return the paths of the model's joints, likewise."""
        return _labels(cls._solver.model.joint_label, cls._solver.mjc_jnt_to_newton_jnt)

    @classmethod
    def step_length(cls) -> float:
        """Return the length of a step of MuJoCo's [s]."""
        return float(cls._solver_dt)

    @classmethod
    def control_with(cls, control: Any, decimation: int) -> None:
        """Let a step take all physics steps of an environment step, with targets set before each, these too.

        Args:
            control: Sets them, a `Control` or `WarpControl` as the engine is.
            decimation: Physics steps.
        """
        cls._controls, cls._times = (*cls._controls, control), decimation
        cls._invalidate_graph()  # one that was captured before knows nothing of it

    @classmethod
    def _create_solver(cls, model: newton.Model, solver_cfg: Any) -> newton.solvers.SolverMuJoCo:
        solver = super()._create_solver(model, solver_cfg)
        if has_placed(model):
            # The solver measures improvement against the mean inertia, which is not to count the locking armature, or
            # it gives up at once. Newton sees to that where a model is changed, not where it is made (Newton 1.6.1).
            solver._set_const_0_with_physical_meaninertia()
        return solver

    @classmethod
    def step(cls) -> None:
        """See upstream, which knows of one physics step."""
        before = PhysicsManager._sim_time
        super().step()
        PhysicsManager._sim_time += (PhysicsManager._sim_time - before) * (cls._times - 1)

    @classmethod
    def _solver_specific_clear(cls) -> None:
        super()._solver_specific_clear()
        cls._controls, cls._times = (), 1

    @classmethod
    def _eval_fk_impl(cls, world_reset_mask: wp.array | None, fk_mask: wp.array | None) -> None:
        """Forward kinematics, and the sensors that read it.

        Upstream refreshes Newton's frame sensors only after a physics step, so the first observation after a reset
        still shows the hand where the previous episode left it, and Mimic starts to interpolate from there.
        """
        super()._eval_fk_impl(world_reset_mask, fk_mask)
        cls._update_sensors(None)


class NewtonCudaMujocoManager(NewtonFreshSensorsManager):
    """Isaac Lab's Newton manager, whose state is converted once a step; all of it is one CUDA graph."""

    _stepping: ClassVar[Stepping]

    @classmethod
    def _create_solver(cls, model: newton.Model, solver_cfg: Any) -> newton.solvers.SolverMuJoCo:
        solver = super()._create_solver(model, solver_cfg)
        options = solver.mjw_model.opt
        options.warn_overflow = False  # a search that is cut short goes on in the next substep
        # Two boxes meet in the general algorithm for convex shapes unless this is set; then in the one for boxes, which
        # is also what MuJoCo's own engine does (`_narrowphase` in mujoco_warp/_src/collision_driver.py).
        options.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD
        prefer_faces()
        sweep(solver.mjw_model, solver.mjw_data)
        bound(solver.mjw_model)
        cls._stepping = Stepping(solver.mjw_model, solver.mjw_data)
        return solver

    @classmethod
    def _run_solver_substeps(cls, contacts: None) -> None:
        """All substeps, with one conversion on either side (upstream converts at every substep)."""
        solver, backend = cls._solver, cls.backend
        cls._apply_staged_body_forces(backend.state_0)
        with solver._scoped_mujoco_warp_execution():
            solver._apply_mjc_control(solver.model, backend.state_0, backend.control, solver.mjw_data)
            solver._update_mjc_data(solver.mjw_data, solver.model, backend.state_0)
            solver.mjw_model.opt.timestep.fill_(cls._solver_dt)
            for _ in range(cls._times):
                if cls._controls:
                    mujoco_warp.kinematics(solver.mjw_model, solver.mjw_data)
                for control in cls._controls:
                    control(solver.mjw_data)
                for _ in range(cls._num_substeps):
                    cls._stepping.step()
            solver._update_newton_state(solver.model, backend.state_0, solver.mjw_data, state_prev=backend.state_0)
        backend.state_0.clear_forces()


class NewtonNativeMujocoManager(NewtonFreshSensorsManager):
    """Isaac Lab's Newton manager, stepping with MuJoCo's C engine."""

    _worlds: ClassVar[Worlds]
    _threads: ClassVar[ThreadPoolExecutor | None] = None

    @classmethod
    def _create_solver(cls, model: newton.Model, solver_cfg: Any) -> newton.solvers.SolverMuJoCo:
        solver = super()._create_solver(model, solver_cfg)
        # Newton turns a body's axes of inertia after MuJoCo has put boxes around its geoms along them, so a body of
        # several would meet nothing (Newton 1.6.1). Without the boxes every geom of it is looked at.
        solver.mj_model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
        if has_placed(model):
            # Island by island the solver would measure improvement against the locking armature, and give up at once.
            solver.mj_model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND
        else:
            # What lies still, which is most objects most of the time, is not computed until something touches it.
            solver.mj_model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
            solver.mj_model.opt.sleep_tolerance = STILL
        cls._worlds = Worlds(solver.mj_model, model.world_count, solver.mjw_data)
        threads = min(model.world_count, len(os.sched_getaffinity(0)))
        cls._threads = ThreadPoolExecutor(threads, "mujoco") if threads > 1 else None
        launching.remember()
        return solver

    @classmethod
    def _initialize_contacts(cls) -> None:
        """Allocate nothing: upstream asks the native solver for a contact count that it does not have.

        `SolverMuJoCo.get_max_contact_count` raises `NotImplementedError` with `use_mujoco_cpu` (Newton 1.6.1), and no
        contact sensor reads the buffer here.
        """

    @classmethod
    def _reset_solver_internals(cls, world_mask: wp.array | None) -> None:
        if world_mask is not None:
            for world in world_mask.numpy()[:-1].nonzero()[0]:
                cls._worlds.reset(world)

    @classmethod
    def _run_solver_substeps(cls, contacts: None) -> None:
        """All substeps of all worlds, with one conversion on either side (upstream converts at every substep)."""
        solver, backend, worlds = cls._solver, cls.backend, cls._worlds
        cls._apply_staged_body_forces(backend.state_0)
        solver._apply_mjc_control(solver.model, backend.state_0, backend.control, worlds)
        solver._update_mjc_data(worlds, solver.model, backend.state_0)
        worlds.model.opt.timestep = cls._solver_dt
        step = partial(worlds.step, substeps=cls._num_substeps, controls=cls._controls, times=cls._times)
        if cls._threads is None:
            for world in range(worlds.nworld):
                step(world)
        else:
            list(cls._threads.map(step, range(worlds.nworld)))
        solver._update_newton_state(solver.model, backend.state_0, worlds, state_prev=backend.state_0)
        backend.state_0.clear_forces()

    @classmethod
    def _solver_specific_clear(cls) -> None:
        super()._solver_specific_clear()
        if cls._threads is not None:
            cls._threads.shutdown()
        cls._threads = None
        launching.forget()


def index_of(paths: Sequence[str], asset: Any, name: str) -> int:
    """Return which of the model's bodies or joints is an asset's of this name.

    Args:
        paths: Theirs, `NewtonNativeMujocoManager.bodies` or `joints`.
        asset: One of the scene, for instance a robot.
        name: What Isaac Lab calls it.
    """
    own = re.compile(f"{asset.cfg.prim_path}/(.*/)?{re.escape(name)}")
    (found,) = [index for index, path in enumerate(paths) if own.fullmatch(path)]
    return found


def _labels(labels: Sequence[str], numbers: wp.array) -> list[str]:
    """Return Newton's labels in MuJoCo's order, by Newton's number of each thing in the first world."""
    return [labels[number] if number >= 0 else "" for number in numbers.numpy()[0]]
