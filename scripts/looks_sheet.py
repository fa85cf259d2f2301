"""Put the looks of a demonstration, as they were rendered, into one picture: a look a field, its cameras side by side.

./scripts/datagen.sh render datasets/generated_dataset.hdf5 --demos 0 --every 10 --modalities rgb --videos= \
    --output-dir output/looks --set render.looks.count=16
./scripts/python.sh scripts/looks_sheet.py output/looks docs/images/looks.png --demo demo_0
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageOps

from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder

ACROSS = 4
"""Looks side by side."""

WIDTH, GAP, APART = 200, 2, 10
"""Of a picture, between the cameras of a look, and between looks [pixels]."""

BITS = 5
"""Of a channel of the picture: with all eight it would take twice the space, and show no more."""


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, help="output folder of the rendering")
    parser.add_argument("sheet", type=Path, help="picture to write, .png")
    parser.add_argument("--demo", default="demo_0", help="the demonstration")
    parser.add_argument("--moment", type=float, default=0.4, help="share of the demonstration that has passed")
    options = parser.parse_args()
    looks: dict[str, list[Image.Image]] = {}
    for camera in sorted(options.frames.glob("*_rgb")):
        for folder in sorted(camera.glob(f"{demo_folder(options.demo)}_look_*")):
            images = WrittenImages(folder)
            picture = Image.fromarray(images[round(options.moment * (len(images) - 1))])
            size = (WIDTH, round(WIDTH * picture.height / picture.width))
            looks.setdefault(folder.name, []).append(picture.resize(size, Image.Resampling.LANCZOS))
    if not looks:
        parser.error(f"{options.frames} has no looks of {options.demo} in colour; render them first, as above")
    ImageOps.posterize(sheet(list(looks.values())), BITS).save(options.sheet, optimize=True)


def sheet(looks: list[list[Image.Image]]) -> Image.Image:
    """Return looks in rows, each with its cameras side by side."""
    cameras, height = len(looks[0]), looks[0][0].height
    width = cameras * (WIDTH + GAP) - GAP
    rows = -(-len(looks) // ACROSS)
    made = Image.new("RGB", (ACROSS * (width + APART) - APART, rows * (height + APART) - APART), "white")
    for number, pictures in enumerate(looks):
        row, column = divmod(number, ACROSS)
        for index, picture in enumerate(pictures):
            made.paste(picture, (column * (width + APART) + index * (WIDTH + GAP), row * (height + APART)))
    return made


if __name__ == "__main__":
    main()
