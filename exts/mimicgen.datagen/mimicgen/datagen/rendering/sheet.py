"""The contact sheet of a run: the first, middle and last frame of every demonstration in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH = 320
"""Width of a frame on the sheet [pixels]."""

MARGIN, CAPTION = 8, 22

MOST = 60
"""Demonstrations on a sheet; of more, evenly chosen ones."""


def write_sheet(path: Path, rows: Sequence[tuple[str, Sequence[Path]]]) -> None:
    """Write a contact sheet.

    Args:
        path: The picture to write, PNG.
        rows: Name and frames (first, middle, last) of every demonstration.
    """
    if len(rows) > MOST:
        rows = [rows[index * (len(rows) - 1) // (MOST - 1)] for index in range(MOST)]
    with Image.open(rows[0][1][0]) as first:
        height = round(WIDTH * first.height / first.width)
    across = max(len(frames) for _, frames in rows)
    size = (across * (WIDTH + MARGIN) + MARGIN, len(rows) * (height + CAPTION + MARGIN) + MARGIN)
    sheet = Image.new("RGB", size, (24, 26, 30))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for row, (name, frames) in enumerate(rows):
        top = MARGIN + row * (height + CAPTION + MARGIN)
        for column, frame in enumerate(frames):
            left = MARGIN + column * (WIDTH + MARGIN)
            caption = f"{name}, step {int(frame.stem)}"
            pen.text((left, top), caption, fill=(200, 204, 210), font=font)
            with Image.open(frame) as picture:
                small = picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
            sheet.paste(small, (left, top + CAPTION))
    sheet.save(path, optimize=True)
