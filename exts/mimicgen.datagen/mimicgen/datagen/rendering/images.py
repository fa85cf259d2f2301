"""What the pixels of the modalities mean: classes and their colours, normals as bytes, depth in millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Image = NDArray[Any]
"""Pixels: (height, width, 3) uint8, or (height, width) uint16 for depth."""

Frame = dict[str, dict[str, Image]]
"""The images of one step, by view and modality."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "cube_1": (255, 36, 66),
    "cube_2": (255, 184, 48),
    "cube_3": (55, 255, 139),
    "table": (255, 237, 218),
    "ground": (100, 100, 100),
    "robot": (125, 125, 125),
    "unlabelled": (125, 125, 125),
    "background": (10, 10, 10),
}
"""Colour of every class, the mapping of NVIDIA's synthetic-manipulation-motion-generation blueprint."""

BACKGROUND, UNLABELLED = "background", "unlabelled"

MILLIMETRES = 1000.0
"""Depth images count millimetres along the camera's axis; 0 means that nothing was hit."""


def colour_of(label: str) -> tuple[int, int, int]:
    """Return a class's colour; a class that is not known counts as unlabelled."""
    return COLOURS.get(label, COLOURS[UNLABELLED])


def encode_normals(normals: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return unit normals as bytes, [-1, 1] to [0, 255] and rounded; (..., 3). Zero, nothing hit, becomes 128."""
    return (normals * 127.5 + 128.0).astype(np.uint8)


def decode_normals(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the unit normals of a normals image, (..., 3); zero where nothing was hit."""
    vectors = pixels.astype(np.float32) / 127.5 - 1.0
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.where(length > 0.5, vectors / np.maximum(length, 0.5), 0.0), dtype=np.float32)


def encode_depth(metres: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return depths as whole millimetres; what is farther than 65.535 m stays there."""
    return np.asarray(np.clip(metres * MILLIMETRES + 0.5, 0, 65535)).astype(np.uint16)


def read_image(path: Path) -> Image:
    """Read an image that was written as a frame."""
    with Pillow.open(path) as image:
        return np.asarray(image)


def shade(
    segmentation: NDArray[np.uint8],
    normals: NDArray[np.uint8],
    *,
    light: tuple[float, float, float] = (0.0, 0.0, -1.0),
    ambient: float = 0.35,
) -> NDArray[np.uint8]:
    """Return shaded segmentation: the colours of the classes times a Lambert term.

    Args:
        segmentation: Segmentation image, (height, width, 3).
        normals: Normals image, (height, width, 3).
        light: Direction in which the light shines, in the environment's frame.
        ambient: Share of the colour that stays where no light falls.
    """
    towards = -np.asarray(light, dtype=np.float32) / np.float32(np.linalg.norm(light))
    vectors = decode_normals(normals)
    lambert = np.clip(vectors @ towards, 0.0, 1.0)
    hit = np.any(vectors != 0.0, axis=-1)
    brightness = np.where(hit, ambient + (1.0 - ambient) * lambert, 1.0)
    return np.asarray(segmentation * brightness[..., None] + 0.5).astype(np.uint8)
