"""Draw a demonstration as its cameras saw it: moments side by side, with what each hand is doing, and a video.

./scripts/python.sh -m scripts.contact_sheet datasets/generated_dataset.hdf5 sheet.webp --video demonstration.mp4
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.files import open_source, recorded_task
from mimicgen.datagen.dataset.formats.language import Language, language_of, subtasks_at
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.dataset.tools.validate import step_seconds
from mimicgen.datagen.rendering.video import Video, check_encoder
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.tasks.language import language_of_task

MOMENTS = 7
"""Frames side by side, evenly in time; the first and the last one are among them."""

SIZE = (260, 160)
"""Of a frame on the sheet [pixels]."""

MARGIN, LINE, LETTERS = 6, 15, 42
"""Between frames, height of a line of text [pixels], letters that fit below a frame."""

EVERY = 2
"""Steps from one frame of the video to the next: with steps of 50 ms it shows them 2.4 times as fast as they were."""

BACKGROUND, TEXT = (24, 26, 30), (210, 214, 220)

QUALITY = 72
"""Of WebP: a sheet takes less than 100 kB."""


def main() -> None:
    """Draw one demonstration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="HDF5 file with recorded states")
    parser.add_argument("sheet", type=Path, help="picture to write, .webp or .png")
    parser.add_argument("--demo", help="demonstration; the first one unless it is said")
    parser.add_argument("--task", help="task, where the file does not name it or the name is no task here")
    parser.add_argument("--video", type=Path, help="also write a video, .mp4")
    options = parser.parse_args()
    with open_source(options.dataset) as file:
        task, seconds = options.task or recorded_task(file), step_seconds(file)
    demos = check_recorded(options.dataset, task, [options.demo] if options.demo else [])
    name = demos.names[0]
    with open_source(options.dataset) as file:
        told = language_of(file["data"], lambda _: language_of_task(task))
        doing = captions(told, file["data"][name])
    states = StateSequence.of(demos.initial_state(name), demos.states(name))
    if options.video:
        check_encoder()
    moments = [round(share * (len(states) - 1)) for share in np.linspace(0, 1, MOMENTS)]
    filmed = range(0, len(states), EVERY) if options.video else range(0)
    frames = drawn(task, states, sorted({*moments, *filmed}))
    words = [[f"{step * seconds:.1f} s", *doing[step]] for step in moments]
    sheet([frames[step] for step in moments], words).save(options.sheet, quality=QUALITY, method=6)
    if options.video:
        film(options.video, [frames[step] for step in filmed], [doing[step] for step in filmed])


def captions(told: Language, demo: h5py.Group) -> list[list[str]]:
    """Return what each hand is doing, a line a hand, at every step of a demonstration."""
    doing = subtasks_at(told, demo)
    hands = [[f"{eef}: {text}" if len(doing) > 1 else text for text in texts] for eef, texts in doing.items()]
    return [list(lines) for lines in zip(*hands, strict=True)]


def drawn(task: str, states: StateSequence, steps: Sequence[int]) -> dict[int, list[Image.Image]]:
    """Return a demonstration in every camera at some steps, by step."""
    from mimicgen.datagen.isaaclab import kitless

    kitless.teach_isaaclab()
    from mimicgen.datagen.embedded.images.rasteriser import Rasteriser
    from mimicgen.datagen.isaaclab.live_check import opened

    width, height = SIZE
    size = {"render.width": 2 * width, "render.height": 2 * height}
    job = build({"task": task, "num_envs": 1, "render.modalities": "rgb", "render.videos": "", **size}, kind=Record)
    with opened(job) as environment:
        env = environment.env
        renderer = Rasteriser(env.sim.stage, views_of(job.render), ("rgb",), device=str(env.device))
        found = {}
        for step in steps:
            frames = renderer.drawn(states.at(step))
            pictures = [Image.fromarray(images["rgb"][0]) for images in frames.values()]
            found[step] = [picture.resize(SIZE, Image.Resampling.LANCZOS) for picture in pictures]
        renderer.close()
    return found


def sheet(frames: Sequence[Sequence[Image.Image]], words: Sequence[Sequence[str]]) -> Image.Image:
    """Return moments side by side, a row a camera, with their words below."""
    width, height = SIZE
    wrapped = [[part for line in lines for part in textwrap.wrap(line, LETTERS)] for lines in words]
    bottom = len(frames[0]) * (height + MARGIN) + MARGIN
    below = max(map(len, wrapped)) * LINE + MARGIN
    made = Image.new("RGB", (len(frames) * (width + MARGIN) + MARGIN, bottom + below), BACKGROUND)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(size=12)
    for column, (pictures, lines) in enumerate(zip(frames, wrapped, strict=True)):
        left = MARGIN + column * (width + MARGIN)
        for row, picture in enumerate(pictures):
            made.paste(picture, (left, MARGIN + row * (height + MARGIN)))
        for number, line in enumerate(lines):
            pen.text((left, bottom + number * LINE), line, fill=TEXT, font=font)
    return made


def film(path: Path, frames: Sequence[Sequence[Image.Image]], words: Sequence[Sequence[str]]) -> None:
    """Write a video of frames, the cameras beside each other, with their words below."""
    width, height = SIZE
    lines = max(map(len, words))
    size = (len(frames[0]) * (width + MARGIN) + MARGIN, height + 2 * MARGIN + lines * LINE)
    font = ImageFont.load_default(size=12)
    video = Video(path, "rgb")
    for pictures, told in zip(frames, words, strict=True):
        made = Image.new("RGB", size, BACKGROUND)
        pen = ImageDraw.Draw(made)
        for column, picture in enumerate(pictures):
            made.paste(picture, (MARGIN + column * (width + MARGIN), MARGIN))
        for number, line in enumerate(told):
            pen.text((MARGIN, height + 2 * MARGIN + number * LINE - 2), line, fill=TEXT, font=font)
        video.add({"rgb": np.asarray(made)[None]})
    video.end()


if __name__ == "__main__":
    main()
