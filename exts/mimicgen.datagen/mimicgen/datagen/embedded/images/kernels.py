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

EVERYTHING = wp.constant(0x7FFFFFFF)
"""More pixels than an image has."""

STATIC = wp.constant(wp.uint32(0xFFFFFFFE))
"""Stands where a pixel shows what never moves."""

SOLID = wp.constant(wp.uint32(0x80000000))
"""Added to the number of a shape that is no mesh."""


wp.set_module_options({"enable_backward": False})

NORMALS, SEGMENTATION, DEPTH, RGB = wp.constant(1), wp.constant(2), wp.constant(4), wp.constant(8)

SKY, GROUND = wp.constant(wp.vec3(0.4, 0.4, 0.45)), wp.constant(wp.vec3(0.1, 0.1, 0.12))
"""The light from above and from below, as in Newton's camera."""

CELLS, CELL = wp.constant(512), wp.constant(0.01)
"""Cells a side of what a light sees, and their size [m]; what is outside of them may be in a shadow."""

AWAY, BEYOND = wp.constant(-1), wp.constant(-2)
"""Instead of a cell: what is there does not face the light, or is outside of the cells."""

EDGE = wp.constant(1.0e-3)
"""By how much a shadow is taken to be larger than it is [m]; a ray towards a light begins a tenth of that away."""

SHADE = wp.constant(0.3)
"""What reaches a shadow of a light, likewise."""

TILES, PLANKS = wp.constant(1), wp.constant(2)
"""Patterns that are told apart; any other is speckled."""

SHININESS = wp.constant(40.0)
"""Exponent of highlights, Blinn and Phong's: that of lacquer or plastic."""


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
    """The shapes of a scene: what and how large they are, their meshes, highlights and patterns.

    A pattern is which one, the size of its parts [m], and how much darker they are, 0 to 1.
    """

    kind: wp.array[wp.int32]
    size: wp.array[wp.vec3]
    mesh: wp.array[wp.uint64]
    gloss: wp.array[wp.float32]
    pattern: wp.array[wp.vec3]


@wp.struct
class Placed:
    """Where things are, by frame: `world_from_body`, `world_from_shape`, its inverse, and balls around the shapes.

    For a camera that moves with a body, that body's frame stands for the world's, but in `bodies`.
    """

    bodies: wp.array2d[wp.transform]
    poses: wp.array2d[wp.transform]
    inverses: wp.array2d[wp.transform]
    balls: wp.array2d[wp.vec4]


@wp.struct
class Lights:
    """Directional lights: where they are, two axes across, their linear colours, and the strength of what is around."""

    towards: wp.array[wp.vec3]
    across: wp.array[wp.vec3]
    upwards: wp.array[wp.vec3]
    colour: wp.array[wp.vec3]
    ambient: wp.float32


@wp.struct
class Pixels:
    """Images by frame and pixel; those of modalities that are not wanted have no room."""

    count: wp.int32
    normals: wp.array2d[wp.vec3ub]
    segmentation: wp.array2d[wp.vec3ub]
    depth: wp.array2d[wp.uint16]
    rgb: wp.array2d[wp.vec3ub]


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


@wp.func
def cover(
    frame: wp.int32,
    triangle: wp.int32,
    row: wp.int32,
    rows: wp.int32,
    most: wp.int32,
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
) -> wp.bool:
    """Put a triangle into the pixels that show it, in every so many rows from one on.

    Returns:
        Whether it was left out, since it may cover more than so many pixels.
    """
    i, j, k = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
    a, b, c = corners[frame, i], corners[frame, j], corners[frame, k]
    nearest = wp.min(a[2], wp.min(b[2], c[2]))
    if wp.max(a[2], wp.max(b[2], c[2])) < wp.float32(lens.near):
        return False
    left, right = wp.int32(0), lens.width - 1
    top, bottom = wp.int32(0), lens.height - 1
    whole = nearest < 1.0e-3  # it reaches behind the camera, where a projection means nothing
    if not whole:
        left = wp.max(left, first_pixel(wp.min(a[0], wp.min(b[0], c[0]))))
        right = wp.min(right, last_pixel(wp.max(a[0], wp.max(b[0], c[0]))))
        top = wp.max(top, first_pixel(wp.min(a[1], wp.min(b[1], c[1]))))
        bottom = wp.min(bottom, last_pixel(wp.max(a[1], wp.max(b[1], c[1]))))
    if left > right or top > bottom:
        return False
    if (right - left + 1) * (bottom - top + 1) > most:
        return True
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
    y_row = top + row
    while y_row <= bottom:
        y = wp.float32(y_row) + 0.5
        for column in range(left, right + 1):
            x = wp.float32(column) + 0.5
            if not whole:
                if turn * (abx * (y - a[1]) - aby * (x - a[0])) < ab:
                    continue
                if turn * (bcx * (y - b[1]) - bcy * (x - b[0])) < bc:
                    continue
                if turn * (cax * (y - c[1]) - cay * (x - c[0])) < ca:
                    continue
            pixel = y_row * lens.width + column
            before = distance_of(keys[frame, pixel])
            if wp.float32(lens.near) + before * along[pixel] < near:
                continue
            origin = unscaled(wp.transform_point(inverse, origins[pixel]), scale)
            direction = unscaled(wp.transform_vector(inverse, directions[pixel]), scale)
            hit = triangle_hit(origin, direction, points[i], points[j], points[k])
            if hit[0] >= 0.0 and hit[0] <= before:
                wp.atomic_min(keys, frame, pixel, key_of(hit[0], wp.uint32(triangle)))
        y_row += rows
    return False


@wp.kernel
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
    most: wp.int32,
    count: wp.array[wp.int32],
    large: wp.array[wp.vec2i],
    keys: wp.array2d[wp.uint64],
):
    """Put the nearest triangle into every pixel whose ray hits one; note the frame and number of those left out."""
    frame, triangle = wp.tid()
    left_out = cover(
        frame, triangle, 0, 1, most, lens, origins, directions, along, inverses, size, points, corners, triangles,
        triangle_shape, keys,
    )  # fmt: skip
    if left_out:
        number = wp.atomic_add(count, 0, 1)
        if number < large.shape[0]:
            large[number] = wp.vec2i(frame, triangle)
        else:  # there is no room to note it
            cover(
                frame, triangle, 0, 1, EVERYTHING, lens, origins, directions, along, inverses, size, points, corners,
                triangles, triangle_shape, keys,
            )  # fmt: skip


@wp.kernel
def rasterise_large(
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
    threads: wp.int32,
    rows: wp.int32,
    count: wp.array[wp.int32],
    large: wp.array[wp.vec2i],
    keys: wp.array2d[wp.uint64],
):
    """Do the same with those left out, each in many threads that share its rows."""
    thread, row = wp.tid()
    number = wp.int32(thread)
    while number < wp.min(count[0], large.shape[0]):
        cover(
            large[number][0], large[number][1], row, rows, EVERYTHING, lens, origins, directions, along, inverses, size,
            points, corners, triangles, triangle_shape, keys,
        )  # fmt: skip
        number += threads


@wp.kernel
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


@wp.func
def is_shaded(
    frame: wp.int32,
    placed: Placed,
    shapes: Shapes,
    among: wp.array[wp.int32],
    origin: wp.vec3,
    direction: wp.vec3,
) -> wp.bool:
    """Return whether anything stands in a ray's way."""
    for number in range(among.shape[0]):
        shape = among[number]
        if passes_by(placed.balls[frame, shape], origin, direction):
            continue
        pose = placed.poses[frame, shape]
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
def patterned(pattern: wp.vec3, point: wp.vec3) -> wp.float32:
    """Return the share of its light that a pattern leaves a point, which is in the frame of its shape [m]."""
    kind, along = wp.int32(pattern[0]), point / pattern[1]
    dark = wp.float32(0.0)
    if kind == TILES:
        odd = wp.int32(wp.floor(along[0])) + wp.int32(wp.floor(along[1])) + wp.int32(wp.floor(along[2] + 0.5))
        dark = wp.float32(odd & 1)
    elif kind == PLANKS:
        plank = wp.int32(wp.floor(along[1]))
        drawn = wp.rand_init(7, plank)
        offset = wp.vec3(wp.float32(plank) * 17.0)
        streaks = wp.vec3(along[0] * 0.7, along[1] * 9.0, along[2]) + offset
        seam = wp.abs(along[1] - wp.floor(along[1]) - 0.5)
        dark = 0.6 * wp.randf(drawn) + 0.4 * (0.5 + wp.noise(wp.rand_init(3), streaks))
        if seam > 0.485:
            dark = wp.float32(1.0)
    else:
        coarse, fine = wp.noise(wp.rand_init(5), along), wp.noise(wp.rand_init(11), along * 3.7)
        dark = wp.clamp(0.5 + coarse + 0.5 * fine, 0.0, 1.0)
    return 1.0 - pattern[2] * dark


@wp.func
def shaded(
    frame: wp.int32,
    placed: Placed,
    shapes: Shapes,
    casters: wp.array[wp.int32],
    lights: Lights,
    colour: wp.vec3,
    shape: wp.int32,
    point: wp.vec3,
    normal: wp.vec3,
    direction: wp.vec3,
) -> wp.vec3ub:
    """Return the colour of a point in the light, as Newton's camera shades it, with a pattern and a highlight."""
    albedo, gloss = srgb_to_linear_wp(colour), shapes.gloss[shape]
    if shapes.pattern[shape][2] > 0.0:
        albedo *= patterned(shapes.pattern[shape], wp.transform_point(placed.inverses[frame, shape], point))
    upwards = 0.5 * (normal[2] + 1.0)
    light = (SKY * upwards + GROUND * (1.0 - upwards)) * lights.ambient
    highlight = wp.vec3(0.0)
    for number in range(lights.towards.shape[0]):
        facing = wp.dot(normal, lights.towards[number])
        if facing > 0.0:
            if is_shaded(frame, placed, shapes, casters, point + normal * 1.0e-4, lights.towards[number]):
                facing *= SHADE
            light += lights.colour[number] * facing
            if gloss > 0.0:
                between = wp.normalize(lights.towards[number] - direction)
                mirrored = wp.pow(wp.max(wp.dot(normal, between), 0.0), SHININESS)
                highlight += lights.colour[number] * (gloss * mirrored * facing)
    seen = linear_to_srgb_wp(wp.cw_mul(albedo, light) + highlight)
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


@wp.kernel
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


@wp.kernel
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
    frame: wp.int32, pixel: wp.int32, cells: wp.array2d[wp.int32], shadows: wp.array3d[wp.uint8]
) -> wp.bool:
    """Return whether something that moves may stand between what never moves in a pixel and a light that it faces."""
    for light in range(cells.shape[0]):
        cell = cells[light, pixel]
        if cell == BEYOND:
            return True
        if cell != AWAY:  # noqa: SIM102 -- Warp evaluates both sides of `and`
            if shadows[frame, light, cell] != wp.uint8(0):
                return True
    return False


@wp.kernel
def trace_static(
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    placed: Placed,
    shapes: Shapes,
    among: wp.array[wp.int32],
    farthest: wp.float32,
    keys: wp.array2d[wp.uint64],
    shape: wp.array2d[wp.int32],
    normal: wp.array2d[wp.vec3],
):
    """Set what every ray hits of what never moves."""
    frame, pixel = wp.tid()
    found = closest_hit(frame, placed, shapes, among, origins[pixel], directions[pixel], farthest)
    keys[frame, pixel] = key_of(found.distance, STATIC)
    shape[frame, pixel] = found.shape
    normal[frame, pixel] = found.normal


@wp.kernel
def find_cells(
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    lights: Lights,
    keys: wp.array2d[wp.uint64],
    shape: wp.array2d[wp.int32],
    normal: wp.array2d[wp.vec3],
    cells: wp.array2d[wp.int32],
):
    """Set in which cell of what each light sees that is which every ray hits of what never moves."""
    light, pixel = wp.tid()
    cells[light, pixel] = AWAY
    if shape[0, pixel] >= 0 and wp.dot(normal[0, pixel], lights.towards[light]) > 0.0:
        place = across(lights, light, origins[pixel] + directions[pixel] * distance_of(keys[0, pixel]))
        row, column = cell_of(place[1]), cell_of(place[0])
        cells[light, pixel] = BEYOND
        if row >= 0 and row < CELLS and column >= 0 and column < CELLS:
            cells[light, pixel] = row * CELLS + column


@wp.func
def is_wanted(modalities: wp.int32, one: wp.int32) -> wp.bool:
    """Return whether a modality is among those wanted."""
    return (modalities & one) != 0


@wp.func
def byte_of(value: wp.float32) -> wp.uint8:
    """Return a share of one as a byte."""
    return wp.uint8(wp.clamp(wp.int32(value * 255.0), 0, 255))


@wp.kernel
def paint(
    lens: Lens,
    origins: wp.array[wp.vec3],
    directions: wp.array[wp.vec3],
    along: wp.array[wp.float64],
    farthest: wp.float64,
    chosen: wp.array[wp.int32],
    seen: Placed,
    world: Placed,
    world_from_view: wp.array[wp.transform],
    shapes: Shapes,
    casters: wp.array[wp.int32],
    moving: wp.array[wp.int32],
    points: wp.array[wp.vec3],
    triangles: wp.array2d[wp.int32],
    triangle_shape: wp.array[wp.int32],
    keys: wp.array2d[wp.uint64],
    static_keys: wp.array2d[wp.uint64],
    static_shape: wp.array2d[wp.int32],
    static_normal: wp.array2d[wp.vec3],
    class_colour: wp.array[wp.vec3ub],
    own_colour: wp.array[wp.vec3],
    lights: Lights,
    cells: wp.array2d[wp.int32],
    shadows: wp.array3d[wp.uint8],
    backdrop: wp.array[wp.vec3ub],
    bare: wp.array[wp.uint8],
    modalities: wp.int32,
    before: Pixels,
    pixels: Pixels,
):
    """Set some pixels of all wanted modalities from what is visible in them.

    Where nothing that moves has changed them, they are as they were `before`; without that, all of them are made. In
    colour images the backdrop is seen where nothing is, and instead of what never moves where a pixel is bare. Rays
    and what is `seen` are in the view's frame; the world's differs from it where a camera moves, and light and normals
    are in the world's.
    """
    frame, number = wp.tid()
    pixel = chosen[number]
    key = keys[frame, pixel]
    what = wp.uint32(key)
    distance = distance_of(key)
    still = wp.min(frame, static_keys.shape[0] - 1)  # what never moves looks alike in all frames, or not
    shape = static_shape[still, pixel]
    normal = static_normal[still, pixel]
    if what == STATIC:
        if before.count != 0:
            shows = is_wanted(modalities, RGB) and shape >= 0 and bare[pixel] == wp.uint8(0)
            if shows:
                shows = may_be_shaded(frame, pixel, cells, shadows)
            if is_wanted(modalities, NORMALS):
                pixels.normals[frame, pixel] = before.normals[0, pixel]
            if is_wanted(modalities, SEGMENTATION):
                pixels.segmentation[frame, pixel] = before.segmentation[0, pixel]
            if is_wanted(modalities, DEPTH):
                pixels.depth[frame, pixel] = before.depth[0, pixel]
            if not shows:
                if is_wanted(modalities, RGB):
                    pixels.rgb[frame, pixel] = before.rgb[0, pixel]
                return
    else:
        if (what & SOLID) != wp.uint32(0):
            shape = wp.int32(what & ~SOLID)
            _, turned = raycast.ray_intersect_shape(
                seen.poses[frame, shape],
                shapes.size[shape],
                shapes.kind[shape],
                origins[pixel],
                directions[pixel],
                True,
            )
            normal = turned
        else:
            triangle = wp.int32(what)
            shape = triangle_shape[triangle]
            pose, size = seen.poses[frame, shape], shapes.size[shape]
            direction = unscaled(wp.transform_vector(seen.inverses[frame, shape], directions[pixel]), size)
            hit = triangle_hit(
                unscaled(wp.transform_point(seen.inverses[frame, shape], origins[pixel]), size),
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
                    frame,
                    seen,
                    shapes,
                    moving,
                    origins[pixel],
                    directions[pixel],
                    distance_of(static_keys[still, pixel]),
                )
                distance = behind.distance
                shape = static_shape[still, pixel]
                normal = static_normal[still, pixel]
                if behind.shape >= 0:
                    shape = behind.shape
                    normal = behind.normal
    away = lens.near + wp.float64(distance) * along[pixel]
    if away > farthest:
        shape = -1
    normal = wp.transform_vector(world_from_view[frame], normal)
    if is_wanted(modalities, NORMALS):
        packed = wp.vec3ub(wp.uint8(128), wp.uint8(128), wp.uint8(128))
        if shape >= 0:
            packed = wp.vec3ub(
                wp.uint8(normal[0] * 127.5 + 128.0),
                wp.uint8(normal[1] * 127.5 + 128.0),
                wp.uint8(normal[2] * 127.5 + 128.0),
            )
        pixels.normals[frame, pixel] = packed
    nothing = class_colour.shape[0] - 1
    if is_wanted(modalities, SEGMENTATION):
        if shape >= 0:
            pixels.segmentation[frame, pixel] = class_colour[shape]
        else:
            pixels.segmentation[frame, pixel] = class_colour[nothing]
    if is_wanted(modalities, DEPTH):
        millimetres = wp.float64(0.0)
        if shape >= 0:
            millimetres = wp.clamp(away * wp.float64(1000.0) + wp.float64(0.5), wp.float64(0.0), wp.float64(65535.0))
        pixels.depth[frame, pixel] = wp.uint16(millimetres)
    if is_wanted(modalities, RGB):
        if shape < 0 or (bare[pixel] != wp.uint8(0) and shape == static_shape[still, pixel]):
            pixels.rgb[frame, pixel] = backdrop[pixel]
        else:
            point = wp.transform_point(world_from_view[frame], origins[pixel] + directions[pixel] * distance)
            ray = wp.transform_vector(world_from_view[frame], directions[pixel])
            pixels.rgb[frame, pixel] = shaded(
                frame, world, shapes, casters, lights, own_colour[shape], shape, point, normal, ray
            )
