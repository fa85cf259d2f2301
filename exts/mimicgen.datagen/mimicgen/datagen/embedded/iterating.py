"""A bounded number of the solver's iterations, in MuJoCo Warp.

An iteration searches along a line, and then computes where the next one is to search: the gradient, the Hessian and its
factors. After the last iteration nobody searches any more, and MuJoCo Warp computes them all the same. It also asks the
device after each iteration whether another one is needed, a conditional node in a CUDA graph, where a bound of two is
reached in some of many environments anyway. A model that has not been bounded is left as it is. (`_solve` and
`_solver_iteration` of MuJoCo Warp 3.12,
https://github.com/google-deepmind/mujoco_warp/blob/main/mujoco_warp/_src/solver.py)
"""

from __future__ import annotations

import functools
from typing import Any

from mujoco_warp._src import solver

_iteration = solver._solver_iteration


def bound(model: Any) -> None:
    """Let a `mujoco_warp.Model` take `opt.iterations` iterations always, the last without what only a next one needs.

    What is computed of the state is the same. `solver_niter` is one less, and what did not converge is no overflow.
    """
    model.opt.graph_conditional = False
    solver._solver_iteration = _unless_last


@functools.wraps(_iteration)
def _unless_last(model: Any, data: Any, context: Any, nsolving: Any, compact: bool = False) -> None:
    context.taken = getattr(context, "taken", 0) + 1
    last = context.taken == model.opt.iterations and not model.opt.graph_conditional
    if not last or solver._use_incremental(model):
        _iteration(model, data, context, nsolving, compact=compact)
        return
    solver._linesearch(model, data, context)
    solver._update_constraint(model, data, context, track_changes=False, stable_fast=False)
