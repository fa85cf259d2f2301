"""A step of MuJoCo Warp whose parts that do not need each other run at once.

`mujoco_warp.step` launches some eighty kernels one after the other, and with few worlds each takes the time of a
launch. What touches, how bodies move, what they weigh and what their drives do are computed from the same positions:
here they are branches of a CUDA graph, which meet where the solver needs them. Sensors and energies are left out of a
model that has none. The functions are MuJoCo Warp's own (`step`, `forward` and `implicit` of 3.12,
https://github.com/google-deepmind/mujoco_warp/blob/main/mujoco_warp/_src/forward.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import mujoco_warp
import warp as wp
from mujoco_warp._src import collision_driver, constraint, derivative, forward, passive, smooth, solver
from mujoco_warp._src.types import DisableBit, EnableBit, IntegratorType


def suits(model: Any) -> bool:
    """Return whether there is nothing in a `mujoco_warp.Model` but what a step in branches computes."""
    options = model.opt
    return (
        options.integrator == IntegratorType.IMPLICITFAST
        and not options.enableflags & (EnableBit.SLEEP | EnableBit.ENERGY)
        and not options.disableflags & (DisableBit.ACTUATION | DisableBit.SPRING | DisableBit.DAMPER)
        and bool(options.run_collision_detection)
        and model.nu > 0
        and not (model.nsensor or model.ntendon or model.nflex or model.nhistory or model.has_fluid)
        and model.callback.control is None
        # These read how bodies move, which is another branch's.
        and not (model.eq_connect_adr.size or model.eq_wld_adr.size)
    )


class Stepping:
    """Steps worlds; on a CUDA device in branches.

    Args:
        model: `mujoco_warp.Model`. One that does not suit is stepped by `mujoco_warp.step`.
        data: `mujoco_warp.Data`, their state.
    """

    def __init__(self, model: Any, data: Any):
        self._model, self._data = model, data
        self._suits = suits(model)
        device = data.qpos.device
        self._streams = [wp.Stream(device) for _ in range(3)] if device.is_cuda else [None] * 3

    def step(self) -> None:
        """Advance all worlds by a step."""
        if self._suits:
            self._step(self._model, self._data)
        else:
            mujoco_warp.step(self._model, self._data)

    def _step(self, model: Any, data: Any) -> None:
        moves, weighs, drives = self._streams
        inertia = wp.empty((data.nworld, model.nC), dtype=float)
        factors, diagonal = wp.empty_like(data.qLD), wp.empty((data.nworld, model.nv), dtype=float)
        accelerations = wp.empty((data.nworld, model.nv), dtype=float)

        forward.fwd_kinematics(model, data)
        with _on(moves, after=[_now(moves)]):
            smooth.com_vel(model, data)
            smooth.rne(model, data)
        with _on(weighs, after=[_now(weighs)]):
            smooth.crb(model, data)
        with _on(drives, after=[_now(drives)]):
            smooth.transmission(model, data)
            wp.launch(
                forward._actuator_velocity,
                dim=(data.nworld, model.nu),
                inputs=[data.qvel, data.moment_rownnz, data.moment_rowadr, data.moment_colind, data.actuator_moment],
                outputs=[data.actuator_velocity],
                block_dim=model.block_dim.actuator_velocity,
            )
            passive.passive(model, data)
            forward.fwd_actuation(model, data)
        with _on(moves, after=[weighs, drives]):
            forward.fwd_acceleration(model, data, factorize=True)
        with _on(weighs, after=[drives]):  # implicit in velocity: what the drives do at another one
            derivative.deriv_smooth_vel(model, data, inertia)
        collision_driver.collision(model, data)
        constraint.make_constraint(model, data)
        with _on(_now(moves), after=[moves]):
            solver.solve(model, data)
        with _on(_now(weighs), after=[weighs]):
            smooth.factor_solve_i(model, data, inertia, factors, diagonal, accelerations, data.efc.Ma)
            forward._advance(model, data, accelerations)


def _now(branch: wp.Stream | None) -> wp.Stream | None:
    """Return the stream that branches leave and come back to; None where there are none."""
    return wp.get_stream(branch.device) if branch is not None else None


@contextlib.contextmanager
def _on(stream: wp.Stream | None, after: list[wp.Stream | None]) -> Iterator[None]:
    """Launch on a stream what follows what is on others so far; on a CPU, everything is."""
    if stream is None:
        yield
        return
    for other in after:
        stream.wait_stream(other)
    with wp.ScopedStream(stream, sync_enter=False):
        yield
