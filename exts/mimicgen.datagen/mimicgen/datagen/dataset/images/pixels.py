"""What the pixels of the modalities mean: classes and their colours, normals as bytes, depth in millimetres."""

from __future__ import annotations

import colorsys
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Image = NDArray[Any]
"""Pixels: (height, width, 3) uint8, or (height, width) uint16 for depth."""

Frame = dict[str, dict[str, Image]]
"""The images of one step, by view and modality."""

Frames = dict[str, dict[str, Image]]
"""The images of several steps, by view and modality; the first axis of each array is the step."""

Colour = tuple[int, int, int]
"""Red, green and blue, bytes."""

DATA_TYPES = {
    "rgb": "rgb",
    "semantic_segmentation": "segmentation",
    "normals": "normals",
    "distance_to_image_plane": "depth",
    "depth": "depth",
}
"""The modalities by what Isaac Lab calls them; its cameras have other ones, too, which are not drawn."""

BACKGROUND, UNLABELLED, DISTRACTOR = "background", "unlabelled", "distractor"

COLOURS: dict[str, Colour] = {
    "table": (255, 237, 218),
    "ground": (100, 100, 100),
    "robot": (125, 125, 125),
    UNLABELLED: (125, 125, 125),
    BACKGROUND: (10, 10, 10),
}
"""Colours of classes that every scene may have, as NVIDIA's synthetic-manipulation-motion-generation blueprint."""

APART = 60
"""How far the colours of two classes are apart at least, summed over red, green and blue."""

NO_NORMAL = 128
"""Every channel of a normals image where nothing was hit."""

MILLIMETRES = 1000.0
"""Depth images count millimetres along the camera's axis; 0 means that nothing was hit."""


def colours_of(labels: Iterable[str], own: Mapping[str, Colour] | None = None) -> dict[str, Colour]:
    """Return the colour of every class: those that are given, those of `COLOURS`, and one for each of the others.

    A colour that nobody has chosen follows from the class's name alone, unless it is much like another one's.

    Args:
        labels: Classes of a scene.
        own: Colours that its task gives some of them.
    """
    found = {**(own or {}), **{label: colour for label, colour in COLOURS.items() if label not in (own or {})}}
    for label in sorted(set(labels) - found.keys()):
        found[label] = next(
            colour
            for colour in map(partial(_drawn_by_name, label), itertools.count())
            if all(_distance(colour, other) >= APART for other in found.values())
        )
    return found


def _drawn_by_name(label: str, attempt: int) -> Colour:
    """Return a saturated, light colour, the same in every process."""
    digest = hashlib.blake2b(f"{label} {attempt}".encode(), digest_size=2).digest()
    red, green, blue = colorsys.hsv_to_rgb(digest[0] / 256, 0.55 + 0.4 * (digest[1] % 16) / 15, 1.0 - digest[1] / 640)
    return round(255 * red), round(255 * green), round(255 * blue)


def _distance(one: Colour, other: Colour) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


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


def to_linear(colour: Any) -> NDArray[np.float64]:
    """Return how much light a colour of a screen (sRGB) is, channel by channel, 0 to 1."""
    shown = np.asarray(colour, dtype=np.float64)
    return np.where(shown > 0.04045, ((np.maximum(shown, 0.0) + 0.055) / 1.055) ** 2.4, shown / 12.92)


def from_linear(light: Any) -> NDArray[np.float64]:
    """Return the colour of a screen that is so much light."""
    amount = np.asarray(light, dtype=np.float64)
    return np.where(amount > 0.0031308, 1.055 * np.maximum(amount, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * amount)


def frame_of(frames: Frames, index: int) -> Frame:
    """Return one of several frames, as views of their arrays."""
    return {view: {name: images[index] for name, images in own.items()} for view, own in frames.items()}


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
    lambert = (normals.astype(np.float32) - 127.5) @ (towards / 127.5)
    brightness = ambient + (1.0 - ambient) * np.clip(lambert, 0.0, 1.0)
    brightness[np.all(normals == NO_NORMAL, axis=-1)] = 1.0
    return np.asarray(segmentation * brightness[..., None] + np.float32(0.5)).astype(np.uint8)
