"""Sums over the bodies' tree, in MuJoCo Warp.

What a subtree weighs, its inertia and the forces on it are sums over its bodies. MuJoCo Warp launches a kernel for
every level of the tree (`com_pos`, `crb` and `_rne_cfrc_backward` in `mujoco_warp/_src/smooth.py`): with an arm of
seven joints and a hand those are 33 of a hundred kernels of a step, each of a few additions. MuJoCo numbers the bodies
of a subtree one after the other, so here each body adds up those that follow it, all at once.
https://github.com/google-deepmind/mujoco_warp/blob/main/mujoco_warp/_src/smooth.py
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import warp as wp
from mujoco_warp._src import smooth

from mimicgen.datagen.embedded.tree_kernels import sum_forces, sum_inertias, sum_places

_ORIGINALS = {name: getattr(smooth, name) for name in ("com_pos", "crb", "_rne_cfrc", "_rne_cfrc_backward")}


def sweep(model: Any, data: Any) -> None:
    """Let a `mujoco_warp.Model` be summed up in one kernel each.

    Args:
        model: It.
        data: The `mujoco_warp.Data` that it is stepped with.
    """
    parents = model.body_parentid.numpy()
    ends = np.arange(1, len(parents) + 1, dtype=np.int32)
    for body in range(len(parents) - 1, 0, -1):
        ends[parents[body]] = max(ends[parents[body]], ends[body])
    model.subtree_ends = wp.array(ends, dtype=wp.int32, device=model.body_parentid.device)
    model.own_forces = wp.zeros_like(data.cfrc_int)
    for name, instead in zip(_ORIGINALS, (_com_pos, _crb, _cfrc, _cfrc_backward), strict=True):
        setattr(smooth, name, _where_swept(_ORIGINALS[name], instead))


def _where_swept(original: Callable[..., None], instead: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def call(model: Any, data: Any, *args: Any, **named: Any) -> None:
        (instead if hasattr(model, "subtree_ends") else original)(model, data, *args, **named)

    return call


def _com_pos(model: Any, data: Any) -> None:
    wp.launch(
        sum_places,
        dim=(data.nworld, model.nbody),
        inputs=[model.subtree_ends, model.body_mass, model.body_subtreemass, data.xipos],
        outputs=[data.subtree_com],
    )
    wp.launch(
        smooth._cinert,
        dim=(data.nworld, model.nbody),
        inputs=[model.body_rootid, model.body_mass, model.body_inertia, data.xipos, data.ximat, data.subtree_com],
        outputs=[data.cinert],
    )
    joints = [model.body_rootid, model.jnt_type, model.jnt_dofadr, model.jnt_bodyid]
    wp.launch(
        smooth._cdof,
        dim=(data.nworld, model.njnt),
        inputs=[*joints, data.xmat, data.xanchor, data.xaxis, data.subtree_com],
        outputs=[data.cdof],
    )


def _crb(model: Any, data: Any) -> None:
    bodies = (data.nworld, model.nbody)
    wp.launch(sum_inertias, dim=bodies, inputs=[model.subtree_ends, data.cinert], outputs=[data.crb])
    data.M.zero_()
    degrees = [model.dof_bodyid, model.dof_parentid, model.dof_armature, model.M_rownnz, model.M_rowadr]
    wp.launch(smooth._M, dim=(data.nworld, model.nv), inputs=[*degrees, data.cdof, data.crb], outputs=[data.M])


def _cfrc(model: Any, data: Any, flg_cfrc_ext: bool = False) -> None:
    moving = [data.cinert, data.cvel, data.cacc, data.cfrc_ext, flg_cfrc_ext]
    wp.launch(smooth._cfrc, dim=(data.nworld, model.nbody), inputs=moving, outputs=[model.own_forces])


def _cfrc_backward(model: Any, data: Any) -> None:
    bodies = (data.nworld, model.nbody)
    wp.launch(sum_forces, dim=bodies, inputs=[model.subtree_ends, model.own_forces], outputs=[data.cfrc_int])
