"""The kernels of `trees.py`: what bodies have is summed up over the bodies of their subtrees."""

# No `from __future__ import annotations`: Warp reads the annotations of kernels.
import warp as wp
from mujoco_warp._src.types import vec10

wp.set_module_options({"enable_backward": False})


@wp.kernel
def sum_places(
    ends: wp.array[wp.int32],
    masses: wp.array2d[wp.float32],
    subtree_masses: wp.array2d[wp.float32],
    places: wp.array2d[wp.vec3],
    sums: wp.array2d[wp.vec3],
):
    """Centres of mass of subtrees; without a mass, what upstream has: the sum."""
    world, body = wp.tid()
    total = wp.vec3(0.0)
    for at in range(body, ends[body]):
        total += places[world, at] * masses[world % masses.shape[0], at]
    mass = subtree_masses[world % subtree_masses.shape[0], body]
    if mass != 0.0:
        total = total / mass
    sums[world, body] = total


@wp.kernel
def sum_inertias(ends: wp.array[wp.int32], own: wp.array2d[vec10], sums: wp.array2d[vec10]):
    """Composite inertias; the world has only its own."""
    world, body = wp.tid()
    total = own[world, body]
    if body > 0:
        for at in range(body + 1, ends[body]):
            total += own[world, at]
    sums[world, body] = total


@wp.kernel
def sum_forces(
    ends: wp.array[wp.int32],
    own: wp.array2d[wp.spatial_vector],
    sums: wp.array2d[wp.spatial_vector],
):
    """Forces and torques on subtrees."""
    world, body = wp.tid()
    total = own[world, body]
    for at in range(body + 1, ends[body]):
        total += own[world, at]
    sums[world, body] = total
