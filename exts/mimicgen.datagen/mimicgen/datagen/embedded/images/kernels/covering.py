"""What is visible in each pixel of what moves."""

from __future__ import annotations

import warp as wp
from newton._src.geometry import raycast  # see `scene`

from mimicgen.datagen.embedded.images.kernels.scene import (
    SOLID,
    Lens,
    Meshes,
    Shapes,
    distance_of,
    half_box,
    key_of,
    projected,
    unscaled,
)

wp.set_module_options({"enable_backward": False})

SLACK = wp.constant(2.0e-3)
"""By how much triangles claim more than they cover [pixels]; ten times what rounding makes of a coordinate."""

EVERYTHING = wp.constant(0x7FFFFFFF)
"""More pixels than an image has."""


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
    inverses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    meshes: Meshes,
    corners: wp.array2d[wp.vec3],
    keys: wp.array2d[wp.uint64],
) -> wp.bool:
    """Put a triangle into the pixels that show it, in every so many rows from one on.

    Returns:
        Whether it was left out, since it may cover more than so many pixels.
    """
    i, j, k = meshes.triangles[triangle, 0], meshes.triangles[triangle, 1], meshes.triangles[triangle, 2]
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
    shape = meshes.triangle_shape[triangle]
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
            if wp.float32(lens.near) + before * wp.float32(lens.along[pixel]) < near:
                continue
            origin = unscaled(wp.transform_point(inverse, lens.origins[pixel]), scale)
            direction = unscaled(wp.transform_vector(inverse, lens.directions[pixel]), scale)
            hit = triangle_hit(origin, direction, meshes.points[i], meshes.points[j], meshes.points[k])
            if hit[0] >= 0.0 and hit[0] <= before:
                wp.atomic_min(keys, frame, pixel, key_of(hit[0], wp.uint32(triangle)))
        y_row += rows
    return False


@wp.kernel
def rasterise_triangles(
    lens: Lens,
    inverses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    meshes: Meshes,
    corners: wp.array2d[wp.vec3],
    most: wp.int32,
    count: wp.array[wp.int32],
    large: wp.array[wp.vec2i],
    keys: wp.array2d[wp.uint64],
):
    """Put the nearest triangle into every pixel whose ray hits one; note the frame and number of those left out."""
    frame, triangle = wp.tid()
    left_out = cover(
        frame,
        triangle,
        0,
        1,
        most,
        lens,
        inverses,
        size,
        meshes,
        corners,
        keys,
    )
    if left_out:
        number = wp.atomic_add(count, 0, 1)
        if number < large.shape[0]:
            large[number] = wp.vec2i(frame, triangle)
        else:  # there is no room to note it
            cover(
                frame,
                triangle,
                0,
                1,
                EVERYTHING,
                lens,
                inverses,
                size,
                meshes,
                corners,
                keys,
            )


@wp.kernel
def rasterise_large(
    lens: Lens,
    inverses: wp.array2d[wp.transform],
    size: wp.array[wp.vec3],
    meshes: Meshes,
    corners: wp.array2d[wp.vec3],
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
            large[number][0],
            large[number][1],
            row,
            rows,
            EVERYTHING,
            lens,
            inverses,
            size,
            meshes,
            corners,
            keys,
        )
        number += threads


@wp.kernel
def rasterise_solids(
    lens: Lens,
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
        distance, _ = raycast.ray_intersect_shape(pose, size, kind, lens.origins[pixel], lens.directions[pixel], True)
        if distance >= 0.0 and distance < distance_of(keys[frame, pixel]):
            wp.atomic_min(keys, frame, pixel, key_of(distance, wp.uint32(shape) | SOLID))
