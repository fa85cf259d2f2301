"""Sums up the bodies' tree, in MuJoCo Warp.

What a subtree weighs, its inertia and the forces on it are sums over the bodies below, from the leaves to the root.
MuJoCo Warp launches a kernel for every level of the tree (`com_pos`, `crb` and `_rne_cfrc_backward` in
`mujoco_warp/_src/smooth.py`): with an arm of seven joints and a hand those are 33 of a hundred kernels of a step, each
of a few additions. Here a thread of a world goes through its bodies one after the other, in one kernel.
https://github.com/google-deepmind/mujoco_warp/blob/main/mujoco_warp/_src/smooth.py
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import warp as wp
from mujoco_warp._src import smooth

from mimicgen.datagen.embedded.tree_kernels import add_forces, add_inertias, add_places

SWEPT = ("com_pos", "crb", "_rne_cfrc_backward")
"""The functions of `smooth` that go from level to level."""


def sweep(model: Any) -> None:
    """Let a `mujoco_warp.Model` be summed up in one kernel each.

    Its levels are shown as a single one, from the leaves to the root, while those functions run; the kernels that they
    launch go through it in that order.
    """
    upwards = [int(body) for level in reversed(model.body_tree) for body in level.numpy()]
    model.swept = (wp.array(upwards, dtype=wp.int32, device=model.body_tree[0].device),)
    if smooth._crb_accumulate is add_inertias:
        return
    smooth._subtree_com_acc, smooth._crb_accumulate, smooth._cfrc_backward = add_places, add_inertias, add_forces
    for name in SWEPT:
        setattr(smooth, name, _in_one_level(getattr(smooth, name)))


def _in_one_level(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def call(model: Any, data: Any) -> None:
        levels = model.body_tree
        model.body_tree = getattr(model, "swept", levels)
        try:
            function(model, data)
        finally:
            model.body_tree = levels

    return call
