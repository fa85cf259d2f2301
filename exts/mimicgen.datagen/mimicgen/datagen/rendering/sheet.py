"""The contact sheet of a run: the first, middle and last frame of every demonstration in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mimicgen.datagen.dataset.images.pixels import UNLABELLED, Colour, shade
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file

WIDTH = 264
"""Width of a frame on the sheet [pixels]."""

MARGIN, CAPTION = 8, 22

LEGEND = "Colours of classes, not of objects:"
"""Stands under frames that are shown as segmentation: in the mapping that is used, a blue object may be red."""

BACKGROUND, TEXT = (24, 26, 30), (200, 204, 210)

MOST = 60
"""Demonstrations on a sheet; of more, evenly chosen ones."""


@dataclass(frozen=True)
class Sample:
    """A frame to show.

    Attributes:
        caption: What it is.
        images: Folders of the images by modality.
        index: Which of the images.
    """

    caption: str
    images: dict[str, Path]
    index: int

    @property
    def by_class(self) -> bool:
        """Whether the picture has the colours of the classes, not those of the objects."""
        return "segmentation" in self.images and "rgb" not in self.images

    def picture(self) -> Image.Image:
        """Return the frame, small: in colour, else as shaded segmentation, else whatever there is."""
        if self.by_class and "normals" in self.images:
            pixels = shade(self._read("segmentation"), self._read("normals"))
        else:
            name = next(name for name in ("rgb", "segmentation", "normals", "depth") if name in self.images)
            pixels = self._read(name)
            if name == "depth":
                pixels = (pixels / max(1, int(pixels.max())) * 255).astype(np.uint8)
        height = round(WIDTH * pixels.shape[0] / pixels.shape[1])
        return Image.fromarray(pixels).convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)

    def _read(self, modality: str) -> NDArray[Any]:
        return WrittenImages(self.images[modality])[self.index]


def samples_of(demo: str, folders: Mapping[str, Mapping[str, Path]], steps: Sequence[int]) -> list[Sample]:
    """Return the frames of a demonstration that are shown: the first, the middle and the last one of every view.

    Args:
        demo: Its name.
        folders: The folders of its images, by view and modality.
        steps: The step that each of its images shows.
    """
    chosen = dict.fromkeys((0, len(steps) // 2, len(steps) - 1))
    return [
        Sample(f"{demo}, {view}, step {steps[index]}", dict(own), index)
        for view, own in folders.items()
        for index in chosen
    ]


def evenly[T](rows: Sequence[T]) -> Sequence[T]:
    """Return what is on a sheet of so many: all of them, or evenly chosen ones."""
    if len(rows) <= MOST:
        return rows
    return [rows[index * (len(rows) - 1) // (MOST - 1)] for index in range(MOST)]


def write_sheet(path: Path, rows: Sequence[Sequence[Sample]], colours: Mapping[str, Colour]) -> None:
    """Write a contact sheet, PNG.

    Args:
        path: The picture to write.
        rows: The frames of every demonstration.
        colours: Colours of the classes in segmentation images.
    """
    rows = evenly(rows)
    pictures = [[sample.picture() for sample in row] for row in rows]
    height = max(picture.height for row in pictures for picture in row)
    across = max(map(len, rows))
    width = across * (WIDTH + MARGIN) + MARGIN
    legend = _legend(width, colours) if any(sample.by_class for row in rows for sample in row) else None
    bottom = len(rows) * (height + CAPTION + MARGIN) + MARGIN
    size = (width, bottom + (legend.height if legend is not None else 0))
    sheet = Image.new("RGB", size, BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for index, (row, row_pictures) in enumerate(zip(rows, pictures, strict=True)):
        top = MARGIN + index * (height + CAPTION + MARGIN)
        for column, (sample, picture) in enumerate(zip(row, row_pictures, strict=True)):
            left = MARGIN + column * (WIDTH + MARGIN)
            pen.text((left, top), sample.caption, fill=TEXT, font=font)
            sheet.paste(picture, (left, top + CAPTION))
    if legend is not None:
        sheet.paste(legend, (0, bottom))
    made_by = PngInfo()
    made_by.add_text("Software", MARK)
    with new_file(path, replace=is_ours) as scratch:
        sheet.save(scratch, optimize=True, pnginfo=made_by)


def _legend(width: int, colours: Mapping[str, Colour]) -> Image.Image:
    """Return what the colours of segmentation mean, in as many lines as the width takes."""
    font = ImageFont.load_default(size=13)
    lines: list[list[tuple[int, str, tuple[int, int, int] | None]]] = [[]]
    left = MARGIN
    for words, colour in ((LEGEND, None), *((name, each) for name, each in colours.items() if name != UNLABELLED)):
        taken = round(font.getlength(words)) + (CAPTION if colour else 0) + 2 * MARGIN
        if lines[-1] and left + taken > width:
            lines.append([])
            left = MARGIN
        lines[-1].append((left, words, colour))
        left += taken
    legend = Image.new("RGB", (width, len(lines) * CAPTION + MARGIN), BACKGROUND)
    pen = ImageDraw.Draw(legend)
    for number, line in enumerate(lines):
        top = number * CAPTION
        for left, words, colour in line:
            if colour is not None:
                pen.rectangle((left, top + 2, left + 13, top + 15), fill=colour, outline=TEXT)
            pen.text((left + (CAPTION if colour else 0), top), words, fill=TEXT, font=font)
    return legend
