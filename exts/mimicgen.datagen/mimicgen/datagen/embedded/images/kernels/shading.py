"""Colour: light, shadows, patterns, and what is around."""

from __future__ import annotations

import warp as wp
from newton import GeoType
from newton._src.geometry import raycast  # see `scene`
from newton._src.utils.color import linear_to_srgb_wp, srgb_to_linear_wp  # likewise

from mimicgen.datagen.embedded.images.kernels.hitting import (
    Pixels,
    Static,
    passes_by,
    still_hit,
    visible,
)
from mimicgen.datagen.embedded.images.kernels.scene import (
    Lens,
    Meshes,
    Placed,
    Shapes,
    half_box,
)

wp.set_module_options({"enable_backward": False})

SKY, GROUND = wp.constant(wp.vec3(0.4, 0.4, 0.45)), wp.constant(wp.vec3(0.1, 0.1, 0.12))
"""The light from above and from below, as in Newton's camera."""

CELLS, CELL = wp.constant(512), wp.constant(0.01)
"""Cells a side of what a light sees, and their size [m]."""

AWAY, BEYOND = wp.constant(-1), wp.constant(CELLS * CELLS)
"""Instead of the number of a cell: what is there does not face the light, or is outside of all cells."""

EDGE = wp.constant(1.0e-3)
"""By how much a shadow is taken to be larger than it is [m]; a ray towards a light begins a tenth of that away."""

SHADE = wp.constant(0.3)
"""What reaches a shadow of a light, likewise."""

TILES, PLANKS = wp.constant(1), wp.constant(2)
"""Patterns that are told apart; any other is speckled."""

SHININESS = wp.constant(40.0)
"""Exponent of highlights, Blinn and Phong's: that of lacquer or plastic."""


@wp.struct
class Lights:
    """Directional lights: where they are, two axes across, their linear colours, and the strength of what is around."""

    towards: wp.array[wp.vec3]
    across: wp.array[wp.vec3]
    upwards: wp.array[wp.vec3]
    colour: wp.array[wp.vec3]
    ambient: wp.float32


@wp.struct
class Surroundings:
    """What is around a scene in colour images, as a view sees it.

    In which cell of what each light sees every pixel lies, where something moving may be in a light's way, what is seen
    where nothing is, and in which pixels that is seen instead of what never moves.
    """

    cells: wp.array2d[wp.int32]
    shadows: wp.array3d[wp.uint8]
    backdrop: wp.array[wp.vec3ub]
    bare: wp.array[wp.uint8]


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
def byte_of(value: wp.float32) -> wp.uint8:
    """Return a share of one as a byte."""
    return wp.uint8(wp.clamp(wp.int32(value * 255.0), 0, 255))


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
    upwards = wp.float32(1.0)
    if wp.length_sq(normal) > 0.0:  # far away, where the ground is seen along itself, rounding leaves none
        upwards = 0.5 * (normal[2] + 1.0)
    light = (SKY * upwards + GROUND * (1.0 - upwards)) * lights.ambient
    highlight = wp.vec3(0.0)
    for number in range(lights.towards.shape[0]):
        towards = wp.normalize(lights.towards[number])  # again, as Newton's camera: the last bit tells a shadow's edge
        facing = wp.dot(normal, towards)
        if facing > 0.0:
            if is_shaded(frame, placed, shapes, casters, point + normal * 1.0e-4, towards):
                facing *= SHADE
            light += lights.colour[number] * facing
            if gloss > 0.0:
                between = wp.normalize(towards - direction)
                mirrored = wp.pow(wp.max(wp.dot(normal, between), 0.0), SHININESS)
                highlight += lights.colour[number] * (gloss * mirrored * facing)
    seen = linear_to_srgb_wp(wp.cw_mul(albedo, light) + highlight)
    return wp.vec3ub(byte_of(seen[0]), byte_of(seen[1]), byte_of(seen[2]))


@wp.func
def cell_of(coordinate: wp.float32) -> wp.int32:
    """Return the row or column of a coordinate across a light."""
    return wp.int32(wp.floor(wp.clamp(coordinate / CELL, -1.0e6, 1.0e6))) + CELLS / 2


@wp.func
def mark(frame: wp.int32, light: wp.int32, least: wp.vec2, most: wp.vec2, shadows: wp.array3d[wp.uint8]):
    """Mark the cells between two points, and those that rounding may lead into."""
    top, bottom = cell_of(least[1] - EDGE), cell_of(most[1] + EDGE)
    left, right = cell_of(least[0] - EDGE), cell_of(most[0] + EDGE)
    if top < 0 or left < 0 or bottom >= CELLS or right >= CELLS:
        shadows[frame, light, BEYOND] = wp.uint8(1)
    for row in range(wp.max(top, 0), wp.min(bottom, CELLS - 1) + 1):
        for column in range(wp.max(left, 0), wp.min(right, CELLS - 1) + 1):
            shadows[frame, light, row * CELLS + column] = wp.uint8(1)


@wp.func
def across(lights: Lights, light: wp.int32, point: wp.vec3) -> wp.vec2:
    """Return where a point is as seen from a light [m]."""
    return wp.vec2(wp.dot(lights.across[light], point), wp.dot(lights.upwards[light], point))


@wp.kernel
def cast_triangles(
    poses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    meshes: Meshes,
    lights: Lights,
    shadows: wp.array3d[wp.uint8],
):
    """Mark where, as seen from the lights, a moving triangle may be in the way."""
    frame, light, triangle = wp.tid()
    shape = meshes.triangle_shape[triangle]
    least, most = wp.vec2(1.0e6), wp.vec2(-1.0e6)
    for corner in range(3):
        point = wp.transform_point(
            poses[frame, shape], wp.cw_mul(meshes.points[meshes.triangles[triangle, corner]], size[shape])
        )
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
def may_be_shaded(frame: wp.int32, pixel: wp.int32, around: Surroundings) -> wp.bool:
    """Return whether something that moves may stand between what never moves in a pixel and a light that it faces."""
    for light in range(around.cells.shape[0]):
        cell = around.cells[light, pixel]
        if cell != AWAY:  # noqa: SIM102 -- Warp evaluates both sides of `and`
            if around.shadows[frame, light, cell] != wp.uint8(0):
                return True
    return False


@wp.kernel
def find_cells(
    lens: Lens,
    lights: Lights,
    unmoved: Static,
    cells: wp.array2d[wp.int32],
):
    """Set in which cell of what each light sees that is which every ray hits of what never moves."""
    light, pixel = wp.tid()
    cells[light, pixel] = AWAY
    hit = still_hit(unmoved, 0, pixel)
    if hit.shape >= 0 and wp.dot(hit.normal, lights.towards[light]) > 0.0:
        place = across(lights, light, lens.origins[pixel] + lens.directions[pixel] * hit.distance)
        row, column = cell_of(place[1]), cell_of(place[0])
        cells[light, pixel] = BEYOND
        if row >= 0 and row < CELLS and column >= 0 and column < CELLS:
            cells[light, pixel] = row * CELLS + column


@wp.kernel
def paint_colour(
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
    world: Placed,
    casters: wp.array[wp.int32],
    own_colour: wp.array[wp.vec3],
    lights: Lights,
    around: Surroundings,
    pixels: Pixels,
):
    """Set the chosen pixels of colour images, each thread its share.

    What is `seen` is in the view's frame, light is in the world's.
    """
    number = wp.int32(wp.tid())
    while number < count[0]:
        frame, pixel = chosen[number] / keys.shape[1], chosen[number] % keys.shape[1]
        found = visible(frame, pixel, keys[frame, pixel], lens, seen, shapes, moving, meshes, unmoved)
        bare = around.bare[pixel] != wp.uint8(0)
        if found.shape < 0 or (bare and found.shape == still_hit(unmoved, frame, pixel).shape):
            pixels.rgb[frame, pixel] = around.backdrop[pixel]
        else:
            view = world_from_view[frame]
            point = wp.transform_point(view, lens.origins[pixel] + lens.directions[pixel] * found.distance)
            normal = wp.transform_vector(view, found.normal)
            ray = wp.transform_vector(view, lens.directions[pixel])
            pixels.rgb[frame, pixel] = shaded(
                frame, world, shapes, casters, lights, own_colour[found.shape], found.shape, point, normal, ray
            )
        number += threads
