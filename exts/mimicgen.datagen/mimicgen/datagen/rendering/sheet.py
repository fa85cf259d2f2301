"""The contact sheet of a run: the first, middle and last frame of every demonstration in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.rendering.images import read_image, shade

WIDTH = 264
"""Width of a frame on the sheet [pixels]."""

MARGIN, CAPTION = 8, 22

MOST = 60
"""Demonstrations on a sheet; of more, evenly chosen ones."""


@dataclass(frozen=True)
class Sample:
    """A frame to show.

    Attributes:
        caption: What it is.
        images: Files of the step by modality.
    """

    caption: str
    images: dict[str, Path]

    def picture(self) -> Image.Image:
        """Return the frame, small: in colour, else as shaded segmentation, else whatever there is."""
        if "rgb" not in self.images and {"segmentation", "normals"} <= set(self.images):
            pixels = shade(read_image(self.images["segmentation"]), read_image(self.images["normals"]))
        else:
            name = next(name for name in ("rgb", "segmentation", "normals", "depth") if name in self.images)
            pixels = read_image(self.images[name])
            if name == "depth":
                pixels = (pixels / max(1, int(pixels.max())) * 255).astype(np.uint8)
        height = round(WIDTH * pixels.shape[0] / pixels.shape[1])
        return Image.fromarray(pixels).convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)


def write_sheet(path: Path, rows: Sequence[Sequence[Sample]]) -> None:
    """Write a contact sheet, PNG.

    Args:
        path: The picture to write.
        rows: The frames of every demonstration.
    """
    if len(rows) > MOST:
        rows = [rows[index * (len(rows) - 1) // (MOST - 1)] for index in range(MOST)]
    pictures = [[sample.picture() for sample in row] for row in rows]
    height = max(picture.height for row in pictures for picture in row)
    across = max(map(len, rows))
    size = (across * (WIDTH + MARGIN) + MARGIN, len(rows) * (height + CAPTION + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, (24, 26, 30))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for index, (row, row_pictures) in enumerate(zip(rows, pictures, strict=True)):
        top = MARGIN + index * (height + CAPTION + MARGIN)
        for column, (sample, picture) in enumerate(zip(row, row_pictures, strict=True)):
            left = MARGIN + column * (WIDTH + MARGIN)
            pen.text((left, top), sample.caption, fill=(200, 204, 210), font=font)
            sheet.paste(picture, (left, top + CAPTION))
    made_by = PngInfo()
    made_by.add_text("Software", MARK)
    with new_file(path, replace=is_ours) as scratch:
        sheet.save(scratch, optimize=True, pnginfo=made_by)
