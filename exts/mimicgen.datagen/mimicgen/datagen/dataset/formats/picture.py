"""One picture of an exported dataset: some demonstrations from their beginning to their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.text import shown

DEMONSTRATIONS, MOMENTS = 3, 5
"""How many demonstrations are shown, and how many moments of each, its first and its last step included."""

WIDTH = 240
"""Of a frame [pixels]."""

MARGIN, CAPTION, LETTERS = 8, 20, 34
"""Between frames, height of a line [pixels], letters that fit above a frame."""

BACKGROUND, TEXT = (24, 26, 30), (200, 204, 210)


@dataclass(frozen=True)
class Row:
    """A camera's view of a demonstration.

    Attributes:
        caption: Which.
        steps: The step of each frame.
        frames: Each (height, width, 3) uint8, or (height, width) of another type, which is shown from dark to bright.
    """

    caption: str
    steps: Sequence[int]
    frames: Sequence[NDArray[Any]]


def moments(steps: int) -> list[int]:
    """Return the steps that are shown of a demonstration, evenly in time."""
    return sorted({round(share * (steps - 1)) for share in np.linspace(0, 1, MOMENTS)})


def write_picture(path: Path, rows: Sequence[Row]) -> None:
    """Write the picture, PNG; one that this project wrote is replaced.

    Args:
        path: The picture.
        rows: What it shows, at least one row.

    Raises:
        OutputError: It cannot be written, or somebody else's file has its name.
    """
    pictures = [[_small(frame) for frame in row.frames] for row in rows]
    heights = [max(picture.height for picture in own) for own in pictures]
    width = max(map(len, pictures)) * (WIDTH + MARGIN) + MARGIN
    made = Image.new("RGB", (width, sum(heights) + len(rows) * (CAPTION + MARGIN) + MARGIN), BACKGROUND)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(size=12)
    top = MARGIN
    for row, own, height in zip(rows, pictures, heights, strict=True):
        for column, (step, picture) in enumerate(zip(row.steps, own, strict=True)):
            left = MARGIN + column * (WIDTH + MARGIN)
            told = f"{shown(row.caption)[:LETTERS]}, step {step}" if column == 0 else f"step {step}"
            pen.text((left, top), told, fill=TEXT, font=font)
            made.paste(picture, (left, top + CAPTION))
        top += height + CAPTION + MARGIN
    made_by = PngInfo()
    made_by.add_text("Software", MARK)
    with new_file(path, replace=is_ours) as scratch:
        made.save(scratch, "PNG", optimize=True, pnginfo=made_by)


def _small(frame: NDArray[Any]) -> Image.Image:
    if frame.ndim == 2:
        frame = (frame / max(1.0, float(frame.max())) * 255).astype(np.uint8)
    height = max(1, round(WIDTH * frame.shape[0] / frame.shape[1]))
    return Image.fromarray(frame).convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
