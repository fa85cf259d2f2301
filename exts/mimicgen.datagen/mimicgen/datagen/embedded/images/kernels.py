"""What is visible in each pixel, as Warp kernels, alike on a CPU and on a GPU.

Rasterised are candidates only: triangles claim the pixels that they may cover, a little more than they do, and each
pixel's own ray then decides with the arithmetic of Warp's ray queries. So an image is what tracing every ray gives, at
the price of projecting every triangle once. Distances are kept with what was hit in one number, smaller where nearer.
"""

from __future__ import annotations

import warp as wp
from newton import GeoType
from newton._src.geometry import raycast  # the arithmetic of Newton's own camera; nothing public has it
from newton._src.utils.color import linear_to_srgb_wp, srgb_to_linear_wp  # likewise

SLACK = wp.constant(2.0e-3)
"""By how much triangles claim more than they cover [pixels]; ten times what rounding makes of a coordinate."""

STATIC = wp.constant(wp.uint32(0xFFFFFFFE))
"""Stands where a pixel shows what never moves."""

SOLID = wp.constant(wp.uint32(0x80000000))
"""Added to the number of a shape that is no mesh."""


NORMALS, SEGMENTATION, DEPTH, RGB = wp.constant(1), wp.constant(2), wp.constant(4), wp.constant(8)

SKY, GROUND = wp.constant(wp.vec3(0.4, 0.4, 0.45)), wp.constant(wp.vec3(0.1, 0.1, 0.12))
"""The light from above and from below, as in Newton's camera."""

CELLS, CELL = wp.constant(512), wp.constant(0.01)
"""Cells a side of what a light sees, and their size [m]; what is outside of them may be in a shadow."""

EDGE = wp.constant(1.0e-3)
"""By how much a shadow is taken to be larger than it is [m]; a ray towards a light begins a tenth of that away."""

SHADE = wp.constant(0.3)
"""What reaches a shadow of a light, likewise."""


@wp.struct
class Lens:
    """A view: pose, focal length [pixels], size [pixels] and range [m]."""

    position: wp.vec3
    world_from_camera: wp.mat33
    focal: wp.float32
    width: wp.int32
    height: wp.int32
    near: wp.float64


@wp.struct
class Shapes:
    """The shapes of a scene: what and how large they are, their meshes and the balls around them."""

    kind: wp.array[wp.int32]
    size: wp.array[wp.vec3]
    mesh: wp.array[wp.uint64]
    ball: wp.array[wp.vec4]


@wp.struct
class Lights:
    """Directional lights: where they are, two axes across, their linear colours, and the strength of what is around."""

    towards: wp.array[wp.vec3]
    across: wp.array[wp.vec3]
    upwards: wp.array[wp.vec3]
    colour: wp.array[wp.vec3]
    ambient: wp.float32


@wp.struct
class Hit:
    """What a ray hits first."""

    distance: wp.float32
    shape: wp.int32
    normal: wp.vec3


@wp.func_native("""
    float t, u, v, sign;
    wp::vec3 normal;
    if (!intersect_ray_tri_woop(origin, direction, a, b, c, t, u, v, sign, &normal) || t < 0.0f)
        return wp::vec4(-1.0f, 0.0f, 0.0f, 0.0f);
    normal = normalize(normal);
    return wp::vec4(t, normal[0], normal[1], normal[2]);
""")
def triangle_hit(origin: wp.vec3, direction: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3) -> wp.vec4:
    """Return the distance of a triangle along a ray, negative where it misses, and the triangle's normal."""


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
def world_normal(pose: wp.transform, size: wp.vec3, normal: wp.vec3) -> wp.vec3:
    """Return the normal of a mesh in the world."""
    return wp.normalize(wp.transform_vector(pose, wp.normalize(raycast.safe_div_vec3(normal, size))))


@wp.kernel(enable_backward=False)
def place_shapes(
    bodies: wp.array2d[wp.transform],
    shape_body: wp.array[wp.int32],
    shape_transform: wp.array[wp.transform],
    poses: wp.array2d[wp.transform],
    inverses: wp.array2d[wp.transform],
):
    """Set `world_from_shape` and `shape_from_world` of all shapes in all frames."""
    frame, shape = wp.tid()
    pose = shape_transform[shape]
    body = shape_body[shape]
    if body >= 0:
        pose = wp.transform_multiply(bodies[frame, body], pose)
    poses[frame, shape] = pose
    inverses[frame, shape] = wp.transform_inverse(pose)


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


@wp.kernel(enable_backward=False)
def project_vertices(
    lens: Lens,
    poses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    points: wp.array[wp.vec3],
    vertex_shape: wp.array[wp.int32],
    corners: wp.array2d[wp.vec3],
):
    """Set column, row and distance along the axis of every vertex."""
    frame, vertex = wp.tid()
    shape = vertex_shape[vertex]
    point = wp.transform_point(poses[frame, shape], wp.cw_mul(points[vertex], size[shape]))
    corners[frame, vertex] = projected(lens, point)


@wp.func
def half_box(kind: wp.int32, size: wp.vec3) -> wp.vec3:
    """Return half the size of a box around a shape that is no mesh."""
    if kind == GeoType.BOX or kind == GeoType.ELLIPSOID:
        return size
    return wp.vec3(size[0] + size[1] + size[2])  # capsules and the like: a radius and a half length


@wp.func
def first_pixel(smallest: wp.float32) -> wp.int32:
    """Return the first pixel whose middle is not before a coordinate."""
    return wp.int32(wp.ceil(wp.clamp(smallest - 0.5 - SLACK, -1.0, 1.0e6)))


@wp.func
def last_pixel(largest: wp.float32) -> wp.int32:
    """Return the last pixel whose middle is not behind a coordinate."""
    return wp.int32(wp.floor(wp.clamp(largest - 0.5 + SLACK, -1.0, 1.0e6)))


@wp.kernel(enable_backward=False)
def rasterise_triangles(
    lens: Lens,
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    along: wp.array[wp.float32],
    inverses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    points: wp.array[wp.vec3],
    corners: wp.array2d[wp.vec3],
    triangles: wp.array2d[wp.int32],
    triangle_shape: wp.array[wp.int32],
    keys: wp.array2d[wp.uint64],
):
    """Put the nearest triangle into every pixel whose ray hits one."""
    frame, triangle = wp.tid()
    i, j, k = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
    a, b, c = corners[frame, i], corners[frame, j], corners[frame, k]
    nearest = wp.min(a[2], wp.min(b[2], c[2]))
    if wp.max(a[2], wp.max(b[2], c[2])) < wp.float32(lens.near):
        return
    left, right = wp.int32(0), lens.width - 1
    top, bottom = wp.int32(0), lens.height - 1
    whole = nearest < 1.0e-3  # it reaches behind the camera, where a projection means nothing
    if not whole:
        left = wp.max(left, first_pixel(wp.min(a[0], wp.min(b[0], c[0]))))
        right = wp.min(right, last_pixel(wp.max(a[0], wp.max(b[0], c[0]))))
        top = wp.max(top, first_pixel(wp.min(a[1], wp.min(b[1], c[1]))))
        bottom = wp.min(bottom, last_pixel(wp.max(a[1], wp.max(b[1], c[1]))))
    if left > right or top > bottom:
        return
    abx, aby = b[0] - a[0], b[1] - a[1]
    bcx, bcy = c[0] - b[0], c[1] - b[1]
    cax, cay = a[0] - c[0], a[1] - c[1]
    turn = wp.float32(1.0)
    if abx * cay - aby * cax > 0.0:
        turn = -1.0
    ab = -SLACK * (wp.abs(abx) + wp.abs(aby))
    bc = -SLACK * (wp.abs(bcx) + wp.abs(bcy))
    ca = -SLACK * (wp.abs(cax) + wp.abs(cay))
    shape = triangle_shape[triangle]
    inverse, scale = inverses[frame, shape], size[shape]
    near = wp.float32(0.9999) * nearest
    for row in range(top, bottom + 1):
        y = wp.float32(row) + 0.5
        for column in range(left, right + 1):
            x = wp.float32(column) + 0.5
            if not whole:
                if turn * (abx * (y - a[1]) - aby * (x - a[0])) < ab:
                    continue
                if turn * (bcx * (y - b[1]) - bcy * (x - b[0])) < bc:
                    continue
                if turn * (cax * (y - c[1]) - cay * (x - c[0])) < ca:
                    continue
            pixel = row * lens.width + column
            before = distance_of(keys[frame, pixel])
            if wp.float32(lens.near) + before * along[pixel] < near:
                continue
            origin = unscaled(wp.transform_point(inverse, origins[pixel]), scale)
            direction = unscaled(wp.transform_vector(inverse, directions[pixel]), scale)
            hit = triangle_hit(origin, direction, points[i], points[j], points[k])
            if hit[0] >= 0.0 and hit[0] <= before:
                wp.atomic_min(keys, frame, pixel, key_of(hit[0], wp.uint32(triangle)))


@wp.kernel(enable_backward=False)
def rasterise_solids(
    lens: Lens,
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    poses: wp.array2d[wp.transform],
    shapes: Shapes,
    solids: wp.array[wp.int32],
    keys: wp.array2d[wp.uint64],
):
    """Put boxes, balls, cylinders and the like into the pixels whose rays hit them, a row of an image at a time."""
    frame, solid, row = wp.tid()
    shape = solids[solid]
    pose, size, kind = poses[frame, shape], shapes.size[shape], shapes.kind[shape]
    half = half_box(kind, size)
    least, most = wp.vec3(1.0e6), wp.vec3(-1.0e6)
    for corner in range(8):
        sign = wp.vec3(wp.float32((corner & 1) * 2 - 1), wp.float32((corner & 2) - 1), wp.float32((corner & 4) / 2 - 1))
        seen = projected(lens, wp.transform_point(pose, wp.cw_mul(sign, half)))
        least, most = wp.min(least, seen), wp.max(most, seen)
    left, right = wp.int32(0), lens.width - 1
    if most[2] < wp.float32(lens.near):
        return
    if least[2] > 1.0e-3:
        if row < first_pixel(least[1]) or row > last_pixel(most[1]):
            return
        left, right = wp.max(left, first_pixel(least[0])), wp.min(right, last_pixel(most[0]))
    for column in range(left, right + 1):
        pixel = row * lens.width + column
        distance, _ = raycast.ray_intersect_shape(pose, size, kind, origins[pixel], directions[pixel], True)
        if distance >= 0.0 and distance < distance_of(keys[frame, pixel]):
            wp.atomic_min(keys, frame, pixel, key_of(distance, wp.uint32(shape) | SOLID))


@wp.func
def passes_by(pose: wp.transform, ball: wp.vec4, origin: wp.vec3, direction: wp.vec3) -> wp.bool:
    """Return whether a ray misses the ball around a shape."""
    away = wp.transform_point(pose, wp.vec3(ball[0], ball[1], ball[2])) - origin
    ahead = wp.dot(away, direction)
    apart = wp.dot(away, away)
    radius = ball[3]
    return apart - ahead * ahead > radius * radius or (ahead < 0.0 and apart > radius * radius)


@wp.func
def closest_hit(
    frame: wp.int32,
    poses: wp.array2d[wp.transform],
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
        pose = poses[frame, shape]
        if passes_by(pose, shapes.ball[shape], origin, direction):
            continue
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


@wp.func
def is_shaded(
    frame: wp.int32,
    poses: wp.array2d[wp.transform],
    shapes: Shapes,
    among: wp.array[wp.int32],
    origin: wp.vec3,
    direction: wp.vec3,
) -> wp.bool:
    """Return whether anything stands in a ray's way."""
    for number in range(among.shape[0]):
        shape = among[number]
        pose = poses[frame, shape]
        if passes_by(pose, shapes.ball[shape], origin, direction):
            continue
        if shapes.kind[shape] == GeoType.MESH:
            local, along = raycast.map_ray_to_local(pose, origin, direction, shapes.size[shape])
            if wp.mesh_query_ray_anyhit(shapes.mesh[shape], local, along, 1.0e8):
                return True
        else:
            distance, _ = raycast.ray_intersect_shape_no_normal(
                pose, shapes.size[shape], shapes.kind[shape], origin, direction, True
            )
            if distance >= 0.0:
                return True
    return False


@wp.func
def shaded(
    frame: wp.int32,
    poses: wp.array2d[wp.transform],
    shapes: Shapes,
    casters: wp.array[wp.int32],
    lights: Lights,
    colour: wp.vec3,
    point: wp.vec3,
    normal: wp.vec3,
) -> wp.vec3ub:
    """Return the colour of a point in the light, as Newton's camera shades it."""
    albedo = srgb_to_linear_wp(colour)
    upwards = wp.float32(1.0)
    if wp.length_sq(normal) > 0.0:  # far away, where the ground is seen along itself, rounding leaves none
        upwards = 0.5 * (normal[2] + 1.0)
    light = (SKY * upwards + GROUND * (1.0 - upwards)) * lights.ambient
    for number in range(lights.towards.shape[0]):
        facing = wp.dot(normal, lights.towards[number])
        if facing > 0.0:
            if is_shaded(frame, poses, shapes, casters, point + normal * 1.0e-4, lights.towards[number]):
                facing *= SHADE
            light += lights.colour[number] * facing
    seen = linear_to_srgb_wp(wp.cw_mul(albedo, light))
    return wp.vec3ub(byte_of(seen[0]), byte_of(seen[1]), byte_of(seen[2]))


@wp.func
def mark(frame: wp.int32, light: wp.int32, least: wp.vec2, most: wp.vec2, shadows: wp.array3d[wp.uint8]):
    """Mark the cells between two points, and those that rounding may lead into."""
    for row in range(cell_of(least[1] - EDGE), cell_of(most[1] + EDGE) + 1):
        for column in range(cell_of(least[0] - EDGE), cell_of(most[0] + EDGE) + 1):
            if row >= 0 and row < CELLS and column >= 0 and column < CELLS:
                shadows[frame, light, row * CELLS + column] = wp.uint8(1)


@wp.func
def cell_of(coordinate: wp.float32) -> wp.int32:
    """Return the row or column of a coordinate across a light."""
    return wp.int32(wp.floor(wp.clamp(coordinate / CELL, -1.0e6, 1.0e6))) + CELLS / 2


@wp.func
def across(lights: Lights, light: wp.int32, point: wp.vec3) -> wp.vec2:
    """Return where a point is as seen from a light [m]."""
    return wp.vec2(wp.dot(lights.across[light], point), wp.dot(lights.upwards[light], point))


@wp.kernel(enable_backward=False)
def cast_triangles(
    poses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    points: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    triangle_shape: wp.array[wp.int32],
    lights: Lights,
    shadows: wp.array3d[wp.uint8],
):
    """Mark where, as seen from the lights, a moving triangle may be in the way."""
    frame, light, triangle = wp.tid()
    shape = triangle_shape[triangle]
    least, most = wp.vec2(1.0e6), wp.vec2(-1.0e6)
    for corner in range(3):
        point = wp.transform_point(poses[frame, shape], wp.cw_mul(points[triangles[triangle, corner]], size[shape]))
        place = across(lights, light, point)
        least, most = wp.min(least, place), wp.max(most, place)
    mark(frame, light, least, most, shadows)


@wp.kernel(enable_backward=False)
def cast_solids(
    poses: wp.array2d[wp.transform],
    shapes: Shapes,
    solids: wp.array[wp.int32],
    lights: Lights,
    shadows: wp.array3d[wp.uint8],
):
    """Mark where, as seen from the lights, a moving solid may be in the way."""
    frame, light, solid = wp.tid()
    shape = solids[solid]
    half = half_box(shapes.kind[shape], shapes.size[shape])
    least, most = wp.vec2(1.0e6), wp.vec2(-1.0e6)
    for corner in range(8):
        sign = wp.vec3(wp.float32((corner & 1) * 2 - 1), wp.float32((corner & 2) - 1), wp.float32((corner & 4) / 2 - 1))
        place = across(lights, light, wp.transform_point(poses[frame, shape], wp.cw_mul(sign, half)))
        least, most = wp.min(least, place), wp.max(most, place)
    mark(frame, light, least, most, shadows)


@wp.func
def may_be_shaded(
    frame: wp.int32, lights: Lights, point: wp.vec3, normal: wp.vec3, shadows: wp.array3d[wp.uint8]
) -> wp.bool:
    """Return whether something that moves may stand between a point and a light that it faces."""
    for light in range(lights.towards.shape[0]):
        if wp.dot(normal, lights.towards[light]) > 0.0:
            place = across(lights, light, point)
            row, column = cell_of(place[1]), cell_of(place[0])
            if row < 0 or row >= CELLS or column < 0 or column >= CELLS:
                return True
            if shadows[frame, light, row * CELLS + column] != wp.uint8(0):
                return True
    return False


@wp.kernel(enable_backward=False)
def trace_static(
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    poses: wp.array2d[wp.transform],
    shapes: Shapes,
    among: wp.array[wp.int32],
    farthest: wp.float32,
    keys: wp.array2d[wp.uint64],
    shape: wp.array[wp.int32],
    normal: wp.array[wp.vec3],
):
    """Set what every ray hits of what never moves."""
    pixel = wp.tid()
    found = closest_hit(0, poses, shapes, among, origins[pixel], directions[pixel], farthest)
    keys[0, pixel] = key_of(found.distance, STATIC)
    shape[pixel] = found.shape
    normal[pixel] = found.normal


@wp.func
def is_wanted(modalities: wp.int32, one: wp.int32) -> wp.bool:
    """Return whether a modality is among those wanted."""
    return (modalities & one) != 0


@wp.func
def byte_of(value: wp.float32) -> wp.uint8:
    """Return a share of one as a byte."""
    return wp.uint8(wp.clamp(wp.int32(value * 255.0), 0, 255))


@wp.kernel(enable_backward=False)
def paint(
    lens: Lens,
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    along: wp.array[wp.float64],
    farthest: wp.float64,
    chosen: wp.array[wp.int32],
    poses: wp.array2d[wp.transform],
    inverses: wp.array2d[wp.transform],
    shapes: Shapes,
    casters: wp.array[wp.int32],
    moving: wp.array[wp.int32],
    points: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    triangle_shape: wp.array[wp.int32],
    keys: wp.array2d[wp.uint64],
    static_keys: wp.array2d[wp.uint64],
    static_shape: wp.array[wp.int32],
    static_normal: wp.array[wp.vec3],
    class_colour: wp.array[wp.vec3ub],
    own_colour: wp.array[wp.vec3],
    lights: Lights,
    shadows: wp.array3d[wp.uint8],
    modalities: wp.int32,
    everything: wp.bool,
    normals: wp.array2d[wp.vec3ub],
    segmentation: wp.array2d[wp.vec3ub],
    depth: wp.array2d[wp.uint16],
    rgb: wp.array2d[wp.vec3ub],
):
    """Set some pixels of all wanted modalities from what is visible in them.

    Unless everything is wanted, of these only those that something moving may have changed are set.
    """
    frame, number = wp.tid()
    pixel = chosen[number]
    key = keys[frame, pixel]
    what = wp.uint32(key)
    if what == STATIC and not everything and not is_wanted(modalities, RGB):
        return
    distance = distance_of(key)
    shape = static_shape[pixel]
    normal = static_normal[pixel]
    if what == STATIC:
        if not everything:
            point = origins[pixel] + directions[pixel] * distance
            if shape < 0 or not may_be_shaded(frame, lights, point, normal, shadows):
                return
    else:
        if (what & SOLID) != wp.uint32(0):
            shape = wp.int32(what & ~SOLID)
            _, turned = raycast.ray_intersect_shape(
                poses[frame, shape], shapes.size[shape], shapes.kind[shape], origins[pixel], directions[pixel], True
            )
            normal = turned
        else:
            triangle = wp.int32(what)
            shape = triangle_shape[triangle]
            pose, size = poses[frame, shape], shapes.size[shape]
            direction = unscaled(wp.transform_vector(inverses[frame, shape], directions[pixel]), size)
            hit = triangle_hit(
                unscaled(wp.transform_point(inverses[frame, shape], origins[pixel]), size),
                direction,
                points[triangles[triangle, 0]],
                points[triangles[triangle, 1]],
                points[triangles[triangle, 2]],
            )
            flat = wp.vec3(hit[1], hit[2], hit[3])
            if wp.dot(direction, flat) < 0.0:
                normal = world_normal(pose, size, flat)
            else:
                # The mesh is seen from inside, and Newton's camera does not see it then: whatever is behind it counts.
                behind = closest_hit(
                    frame, poses, shapes, moving, origins[pixel], directions[pixel], distance_of(static_keys[0, pixel])
                )
                distance = behind.distance
                shape = static_shape[pixel]
                normal = static_normal[pixel]
                if behind.shape >= 0:
                    shape = behind.shape
                    normal = behind.normal
    away = lens.near + wp.float64(distance) * along[pixel]
    if away > farthest:
        shape = -1
    if is_wanted(modalities, NORMALS):
        packed = wp.vec3ub(wp.uint8(128), wp.uint8(128), wp.uint8(128))
        if shape >= 0:
            packed = wp.vec3ub(
                wp.uint8(normal[0] * 127.5 + 128.0),
                wp.uint8(normal[1] * 127.5 + 128.0),
                wp.uint8(normal[2] * 127.5 + 128.0),
            )
        normals[frame, pixel] = packed
    nothing = class_colour.shape[0] - 1
    if is_wanted(modalities, SEGMENTATION):
        if shape >= 0:
            segmentation[frame, pixel] = class_colour[shape]
        else:
            segmentation[frame, pixel] = class_colour[nothing]
    if is_wanted(modalities, DEPTH):
        millimetres = wp.float64(0.0)
        if shape >= 0:
            millimetres = wp.clamp(away * wp.float64(1000.0) + wp.float64(0.5), wp.float64(0.0), wp.float64(65535.0))
        depth[frame, pixel] = wp.uint16(millimetres)
    if is_wanted(modalities, RGB):
        if shape >= 0:
            point = origins[pixel] + directions[pixel] * distance
            rgb[frame, pixel] = shaded(frame, poses, shapes, casters, lights, own_colour[shape], point, normal)
        else:
            rgb[frame, pixel] = class_colour[nothing]
