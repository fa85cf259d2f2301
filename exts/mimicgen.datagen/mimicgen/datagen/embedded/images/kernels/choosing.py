"""Which pixels are to be made, and which are as they are without anything that moves."""

from __future__ import annotations

import warp as wp

from mimicgen.datagen.embedded.images.kernels.hitting import COLOUR, DEPTH, NORMALS, SEGMENTATION, Pixels, is_wanted
from mimicgen.datagen.embedded.images.kernels.scene import STATIC
from mimicgen.datagen.embedded.images.kernels.shading import Surroundings, may_be_shaded

wp.set_module_options({"enable_backward": False})

PART = wp.constant(32)
"""Pixels that a thread decides on."""


@wp.func
def is_changed(
    frame: wp.int32, pixel: wp.int32, keys: wp.array2d[wp.uint64], modalities: wp.int32, around: Surroundings
) -> wp.bool:
    """Return whether something that moves is seen in a pixel, or may cast a shadow there that is seen."""
    if wp.uint32(keys[frame, pixel]) != STATIC:
        return True
    if is_wanted(modalities, COLOUR) and around.bare[pixel] == wp.uint8(0):
        return may_be_shaded(frame, pixel, around)
    return False


@wp.kernel
def choose(
    keys: wp.array2d[wp.uint64],
    modalities: wp.int32,
    around: Surroundings,
    before: Pixels,
    count: wp.array[wp.int32],
    chosen: wp.array[wp.int32],
):
    """Count and number the pixels that something moving may have changed, counting on from frame to frame.

    Without images from `before`, these are all.
    """
    frame, part = wp.tid()
    begin, pixels = part * PART, keys.shape[1]
    end = wp.min(begin + PART, pixels)
    changed = wp.int32(0)
    for pixel in range(begin, end):
        if before.count == 0 or is_changed(frame, pixel, keys, modalities, around):
            changed += 1
    if changed == 0:
        return
    number = wp.atomic_add(count, 0, changed)
    for pixel in range(begin, end):
        if before.count == 0 or is_changed(frame, pixel, keys, modalities, around):
            chosen[number] = frame * pixels + pixel
            number += 1


@wp.kernel
def restore(modalities: wp.int32, before: Pixels, pixels: Pixels):
    """Set every pixel as it was `before`."""
    frame, pixel = wp.tid()
    if is_wanted(modalities, NORMALS):
        pixels.normals[frame, pixel] = before.normals[0, pixel]
    if is_wanted(modalities, SEGMENTATION):
        pixels.segmentation[frame, pixel] = before.segmentation[0, pixel]
    if is_wanted(modalities, DEPTH):
        pixels.depth[frame, pixel] = before.depth[0, pixel]
    if is_wanted(modalities, COLOUR):
        pixels.rgb[frame, pixel] = before.rgb[0, pixel]
