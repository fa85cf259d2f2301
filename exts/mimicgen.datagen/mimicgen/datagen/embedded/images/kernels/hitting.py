"""What rays hit, and normals, classes and depth of it."""

from __future__ import annotations

import warp as wp
from newton import GeoType
from newton._src.geometry import raycast  # see `scene`

from mimicgen.datagen.embedded.images.kernels.covering import triangle_hit
from mimicgen.datagen.embedded.images.kernels.scene import (
    SOLID,
    STATIC,
    Lens,
    Meshes,
    Placed,
    Shapes,
    distance_of,
    key_of,
    unscaled,
)

wp.set_module_options({"enable_backward": False})

NORMALS, SEGMENTATION, DEPTH, COLOUR = wp.constant(1), wp.constant(2), wp.constant(4), wp.constant(8)
"""Modalities that are wanted, added up."""


@wp.struct
class Pixels:
    """Images by frame and pixel; those of modalities that are not wanted have no room. `count` is zero for none."""

    count: wp.int32
    normals: wp.array2d[wp.vec3ub]
    segmentation: wp.array2d[wp.vec3ub]
    depth: wp.array2d[wp.uint16]
    rgb: wp.array2d[wp.vec3ub]


@wp.struct
class Static:
    """What rays hit of what never moves: keys, shapes and normals, in one frame that stands for all, or in each."""

    keys: wp.array2d[wp.uint64]
    shape: wp.array2d[wp.int32]
    normal: wp.array2d[wp.vec3]


@wp.struct
class Hit:
    """What a ray hits first."""

    distance: wp.float32
    shape: wp.int32
    normal: wp.vec3


@wp.func
def world_normal(pose: wp.transform, size: wp.vec3, normal: wp.vec3) -> wp.vec3:
    """Return the normal of a mesh in the world."""
    return wp.normalize(wp.transform_vector(pose, wp.normalize(raycast.safe_div_vec3(normal, size))))


@wp.func
def passes_by(ball: wp.vec4, origin: wp.vec3, direction: wp.vec3) -> wp.bool:
    """Return whether a ray misses the ball around a shape."""
    away = wp.vec3(ball[0], ball[1], ball[2]) - origin
    ahead = wp.dot(away, direction)
    apart = wp.dot(away, away)
    radius = ball[3]
    return apart - ahead * ahead > radius * radius or (ahead < 0.0 and apart > radius * radius)


@wp.func
def closest_hit(
    frame: wp.int32,
    placed: Placed,
    shapes: Shapes,
    among: wp.array[wp.int32],
    origin: wp.vec3,
    direction: wp.vec3,
    farthest: wp.float32,
) -> Hit:
    """Return what a ray hits first of some shapes; its distance is `farthest` where there is nothing nearer."""
    found = Hit()
    found.distance = farthest
    found.shape = -1
    for number in range(among.shape[0]):
        shape = among[number]
        if passes_by(placed.balls[frame, shape], origin, direction):
            continue
        pose = placed.poses[frame, shape]
        size = shapes.size[shape]
        distance = wp.float32(-1.0)
        normal = wp.vec3(0.0)
        if shapes.kind[shape] == GeoType.MESH:
            local, along = raycast.map_ray_to_local(pose, origin, direction, size)
            query = wp.mesh_query_ray(shapes.mesh[shape], local, along, found.distance)
            if query.result and wp.dot(along, query.normal) < 0.0:
                distance = query.t
                normal = world_normal(pose, size, query.normal)
        else:
            distance, normal = raycast.ray_intersect_shape(pose, size, shapes.kind[shape], origin, direction, True)
        if distance >= 0.0 and distance < found.distance:
            found.distance = distance
            found.shape = shape
            found.normal = normal
    return found


@wp.kernel
def trace_static(
    lens: Lens,
    placed: Placed,
    shapes: Shapes,
    among: wp.array[wp.int32],
    farthest: wp.float32,
    unmoved: Static,
):
    """Set what every ray hits of what never moves."""
    frame, pixel = wp.tid()
    found = closest_hit(frame, placed, shapes, among, lens.origins[pixel], lens.directions[pixel], farthest)
    unmoved.keys[frame, pixel] = key_of(found.distance, STATIC)
    unmoved.shape[frame, pixel] = found.shape
    unmoved.normal[frame, pixel] = found.normal


@wp.func
def is_wanted(modalities: wp.int32, one: wp.int32) -> wp.bool:
    """Return whether a modality is among those wanted."""
    return (modalities & one) != 0


@wp.func
def still_hit(unmoved: Static, frame: wp.int32, pixel: wp.int32) -> Hit:
    """Return what a ray hits of what never moves."""
    still = wp.min(frame, unmoved.keys.shape[0] - 1)
    found = Hit()
    found.distance = distance_of(unmoved.keys[still, pixel])
    found.shape = unmoved.shape[still, pixel]
    found.normal = unmoved.normal[still, pixel]
    return found


@wp.func
def visible(
    frame: wp.int32,
    pixel: wp.int32,
    key: wp.uint64,
    lens: Lens,
    seen: Placed,
    shapes: Shapes,
    moving: wp.array[wp.int32],
    meshes: Meshes,
    unmoved: Static,
) -> Hit:
    """Return what is visible in a pixel, in the view's frame."""
    found = still_hit(unmoved, frame, pixel)
    behind = found.distance
    what = wp.uint32(key)
    if what != STATIC:
        origin, direction = lens.origins[pixel], lens.directions[pixel]
        found.distance = distance_of(key)
        if (what & SOLID) != wp.uint32(0):
            found.shape = wp.int32(what & ~SOLID)
            _, turned = raycast.ray_intersect_shape(
                seen.poses[frame, found.shape],
                shapes.size[found.shape],
                shapes.kind[found.shape],
                origin,
                direction,
                True,
            )
            found.normal = turned
        else:
            triangle = wp.int32(what)
            shape = meshes.triangle_shape[triangle]
            inverse, size = seen.inverses[frame, shape], shapes.size[shape]
            local = unscaled(wp.transform_vector(inverse, direction), size)
            hit = triangle_hit(
                unscaled(wp.transform_point(inverse, origin), size),
                local,
                meshes.points[meshes.triangles[triangle, 0]],
                meshes.points[meshes.triangles[triangle, 1]],
                meshes.points[meshes.triangles[triangle, 2]],
            )
            flat = wp.vec3(hit[1], hit[2], hit[3])
            if wp.dot(local, flat) < 0.0:
                found.shape = shape
                found.normal = world_normal(seen.poses[frame, shape], size, flat)
            else:
                # The mesh is seen from inside, and Newton's camera does not see it then: whatever is behind it counts.
                found.distance = behind
                other = closest_hit(frame, seen, shapes, moving, origin, direction, behind)
                if other.shape >= 0:
                    found = other
    if lens.near + wp.float64(found.distance) * lens.along[pixel] > lens.far:
        found.shape = -1
    return found


@wp.func
def pack(
    frame: wp.int32,
    pixel: wp.int32,
    found: Hit,
    world_from_view: wp.transform,
    lens: Lens,
    class_colour: wp.array[wp.vec3ub],
    modalities: wp.int32,
    pixels: Pixels,
):
    """Set a pixel of all wanted modalities but colour."""
    if is_wanted(modalities, NORMALS):
        packed = wp.vec3ub(wp.uint8(128), wp.uint8(128), wp.uint8(128))
        if found.shape >= 0:
            normal = wp.transform_vector(world_from_view, found.normal)
            packed = wp.vec3ub(
                wp.uint8(normal[0] * 127.5 + 128.0),
                wp.uint8(normal[1] * 127.5 + 128.0),
                wp.uint8(normal[2] * 127.5 + 128.0),
            )
        pixels.normals[frame, pixel] = packed
    if is_wanted(modalities, SEGMENTATION):
        nothing = class_colour.shape[0] - 1
        if found.shape >= 0:
            pixels.segmentation[frame, pixel] = class_colour[found.shape]
        else:
            pixels.segmentation[frame, pixel] = class_colour[nothing]
    if is_wanted(modalities, DEPTH):
        millimetres = wp.float64(0.0)
        if found.shape >= 0:
            away = lens.near + wp.float64(found.distance) * lens.along[pixel]
            millimetres = wp.clamp(away * wp.float64(1000.0) + wp.float64(0.5), wp.float64(0.0), wp.float64(65535.0))
        pixels.depth[frame, pixel] = wp.uint16(millimetres)


@wp.kernel
def paint(
    lens: Lens,
    count: wp.array[wp.int32],
    chosen: wp.array[wp.int32],
    threads: wp.int32,
    seen: Placed,
    world_from_view: wp.array[wp.transform],
    shapes: Shapes,
    moving: wp.array[wp.int32],
    meshes: Meshes,
    keys: wp.array2d[wp.uint64],
    unmoved: Static,
    class_colour: wp.array[wp.vec3ub],
    modalities: wp.int32,
    pixels: Pixels,
):
    """Set the chosen pixels of all wanted modalities but colour, each thread its share.

    Rays and what is `seen` are in the view's frame; the world's differs from it where a camera moves, and normals are
    in the world's.
    """
    number = wp.int32(wp.tid())
    while number < count[0]:
        frame, pixel = chosen[number] / keys.shape[1], chosen[number] % keys.shape[1]
        found = visible(frame, pixel, keys[frame, pixel], lens, seen, shapes, moving, meshes, unmoved)
        pack(frame, pixel, found, world_from_view[frame], lens, class_colour, modalities, pixels)
        number += threads
