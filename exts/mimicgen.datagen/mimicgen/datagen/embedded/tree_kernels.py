"""The kernels of `trees.py`: what bodies have is added to their parents', in the order in which they are listed."""

# No `from __future__ import annotations`: Warp reads the annotations of kernels.
import warp as wp
from mujoco_warp._src.types import vec10

wp.set_module_options({"enable_backward": False})


@wp.kernel
def add_places(
    parents: wp.array[wp.int32],
    unused: wp.array2d[wp.vec3],
    bodies: wp.array[wp.int32],
    sums: wp.array2d[wp.vec3],
):
    """Add bodies' own to their parents', in their order."""
    world, thread = wp.tid()
    if thread > 0:
        return
    for at in range(bodies.shape[0]):
        body = bodies[at]
        if body != 0:
            sums[world, parents[body]] = sums[world, parents[body]] + sums[world, body]


@wp.kernel
def add_inertias(
    parents: wp.array[wp.int32],
    unused: wp.array2d[vec10],
    bodies: wp.array[wp.int32],
    sums: wp.array2d[vec10],
):
    """The same of inertias; the world has none."""
    world, thread = wp.tid()
    if thread > 0:
        return
    for at in range(bodies.shape[0]):
        body = bodies[at]
        parent = parents[body]
        if parent != 0:
            sums[world, parent] = sums[world, parent] + sums[world, body]


@wp.kernel
def add_forces(
    parents: wp.array[wp.int32],
    unused: wp.array2d[wp.spatial_vector],
    bodies: wp.array[wp.int32],
    sums: wp.array2d[wp.spatial_vector],
):
    """The same of forces and torques."""
    world, thread = wp.tid()
    if thread > 0:
        return
    for at in range(bodies.shape[0]):
        body = bodies[at]
        if body != 0:
            sums[world, parents[body]] = sums[world, parents[body]] + sums[world, body]
