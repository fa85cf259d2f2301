"""Views, shapes and where they are; distances with what was hit."""

from __future__ import annotations

import warp as wp
from newton import GeoType
from newton._src.geometry import raycast  # the arithmetic of Newton's own camera; nothing public has it

wp.set_module_options({"enable_backward": False})

STATIC = wp.constant(wp.uint32(0xFFFFFFFE))
"""Stands where a pixel shows what never moves."""

SOLID = wp.constant(wp.uint32(0x80000000))
"""Added to the number of a shape that is no mesh."""


@wp.struct
class Lens:
    """A view: pose, focal length [pixels], size [pixels] and range [m]; and the rays of its pixels.

    These begin where the view does; `along` is how far they lead along its axis for every metre.
    """

    position: wp.vec3
    world_from_camera: wp.mat33
    focal: wp.float32
    width: wp.int32
    height: wp.int32
    near: wp.float64
    far: wp.float64
    origins: wp.array[wp.vec3]
    directions: wp.array[wp.vec3]
    along: wp.array[wp.float64]


@wp.struct
class Shapes:
    """The shapes of a scene: what and how large they are, their meshes, highlights and patterns.

    A pattern is which one, the size of its parts [m], and how much darker they are, 0 to 1.
    """

    kind: wp.array[wp.int32]
    size: wp.array[wp.vec3]
    mesh: wp.array[wp.uint64]
    gloss: wp.array[wp.float32]
    pattern: wp.array[wp.vec3]


@wp.struct
class Meshes:
    """The triangles of what moves: vertices in the frames of their shapes, without scale, and the shapes of both."""

    points: wp.array[wp.vec3]
    vertex_shape: wp.array[wp.int32]
    triangles: wp.array2d[wp.int32]
    triangle_shape: wp.array[wp.int32]


@wp.struct
class Placed:
    """Where things are, by frame: `world_from_body`, `world_from_shape`, its inverse, and balls around the shapes.

    For a camera that moves with a body, that body's frame stands for the world's, but in `bodies`.
    """

    bodies: wp.array2d[wp.transform]
    poses: wp.array2d[wp.transform]
    inverses: wp.array2d[wp.transform]
    balls: wp.array2d[wp.vec4]


@wp.func
def key_of(distance: wp.float32, what: wp.uint32) -> wp.uint64:
    """Return a distance and what was hit as one number, the smaller, the nearer."""
    return (wp.uint64(wp.cast(distance, wp.uint32)) << wp.uint64(32)) | wp.uint64(what)


@wp.func
def distance_of(key: wp.uint64) -> wp.float32:
    """Return the distance in a key."""
    return wp.cast(wp.uint32(key >> wp.uint64(32)), wp.float32)


@wp.func
def unscaled(vector: wp.vec3, size: wp.vec3) -> wp.vec3:
    """Return a vector of a shape's frame in that of its mesh."""
    if size[0] != 1.0 or size[1] != 1.0 or size[2] != 1.0:
        return wp.cw_mul(vector, raycast.safe_div_vec3(wp.vec3(1.0), size))
    return vector


@wp.func
def place(shape_ball: wp.vec4, pose: wp.transform, frame: wp.int32, shape: wp.int32, placed: Placed):
    """Set where a shape is."""
    placed.poses[frame, shape] = pose
    placed.inverses[frame, shape] = wp.transform_inverse(pose)
    middle = wp.transform_point(pose, wp.vec3(shape_ball[0], shape_ball[1], shape_ball[2]))
    placed.balls[frame, shape] = wp.vec4(middle[0], middle[1], middle[2], shape_ball[3])


@wp.kernel
def place_shapes(
    shape_body: wp.array[wp.int32],
    shape_transform: wp.array[wp.transform],
    shape_ball: wp.array[wp.vec4],
    placed: Placed,
):
    """Set where all shapes are in all frames, from where their bodies are."""
    frame, shape = wp.tid()
    pose = shape_transform[shape]
    body = shape_body[shape]
    if body >= 0:
        pose = wp.transform_multiply(placed.bodies[frame, body], pose)
    place(shape_ball[shape], pose, frame, shape, placed)


@wp.kernel
def place_before_body(
    body: wp.int32,
    world: Placed,
    shape_ball: wp.array[wp.vec4],
    seen: Placed,
    world_from_view: wp.array[wp.transform],
):
    """Set where all shapes are in a body's frame, and where that is."""
    frame, shape = wp.tid()
    world_from_body = world.bodies[frame, body]
    pose = wp.transform_multiply(wp.transform_inverse(world_from_body), world.poses[frame, shape])
    place(shape_ball[shape], pose, frame, shape, seen)
    if shape == 0:
        world_from_view[frame] = world_from_body


@wp.kernel
def begin(static_keys: wp.array2d[wp.uint64], keys: wp.array2d[wp.uint64]):
    """Let nothing be visible but what never moves."""
    frame, pixel = wp.tid()
    keys[frame, pixel] = static_keys[wp.min(frame, static_keys.shape[0] - 1), pixel]


@wp.func
def projected(lens: Lens, point: wp.vec3) -> wp.vec3:
    """Return column, row and distance along the axis of a point of the world."""
    seen = (point - lens.position) @ lens.world_from_camera
    away = wp.max(seen[2], 1.0e-9)
    return wp.vec3(
        lens.focal * seen[0] / away + 0.5 * wp.float32(lens.width),
        lens.focal * seen[1] / away + 0.5 * wp.float32(lens.height),
        seen[2],
    )


@wp.kernel
def project_vertices(
    lens: Lens,
    poses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    meshes: Meshes,
    corners: wp.array2d[wp.vec3],
):
    """Set column, row and distance along the axis of every vertex."""
    frame, vertex = wp.tid()
    shape = meshes.vertex_shape[vertex]
    point = wp.transform_point(poses[frame, shape], wp.cw_mul(meshes.points[vertex], size[shape]))
    corners[frame, vertex] = projected(lens, point)


@wp.func
def half_box(kind: wp.int32, size: wp.vec3) -> wp.vec3:
    """Return half the size of a box around a shape that is no mesh."""
    if kind == GeoType.BOX or kind == GeoType.ELLIPSOID:
        return size
    return wp.vec3(size[0] + size[1] + size[2])  # capsules and the like: a radius and a half length
