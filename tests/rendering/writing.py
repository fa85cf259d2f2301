"""Images that are made up, and what writes them as a run does."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.pixels import Frames, Image
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.rendering.encoding import Batch, Encoders, unfinished
from mimicgen.datagen.rendering.frames import DemoFrames
from mimicgen.datagen.tasks.defaults import build

MODALITIES = ("rgb", "normals", "segmentation", "depth")
BATCH = 4
VIEW = "table_cam"


def config_of(**values: Any) -> RenderConfig:
    """Return a configuration of small images of two cameras."""
    small = {"width": 32, "height": 16, "modalities": MODALITIES, "videos": ()}
    return build({f"render.{name}": value for name, value in (small | values).items()}).render


def encoders_of(render: RenderConfig) -> Encoders:
    return Encoders(views_of(render), render.drawn(), BATCH)


def images_of(render: RenderConfig, steps: Sequence[int]) -> Frames:
    """Return noise, which no encoder can do without a bit of, another one for every view, modality and step."""
    frames = frames_for(views_of(render), render.drawn(), len(steps))
    for number, images in enumerate(images for own in frames.values() for images in own.values()):
        for row, step in zip(images, steps, strict=True):
            chance = np.random.default_rng((number, step))
            row[:] = chance.integers(0, np.iinfo(row.dtype).max, row.shape, row.dtype, endpoint=True)
    return frames


def room(encoders: Encoders) -> Batch:
    """Wait for a batch."""
    return next(batch for batch in iter(lambda: soon(encoders.free()), 0) if batch is not None)


def soon[T](value: T) -> T:
    time.sleep(0.0005)
    return value


def add(frames: DemoFrames, render: RenderConfig, steps: Sequence[int], encoders: Encoders) -> None:
    """Have images of some steps written, batch by batch."""
    for begin in range(0, len(steps), BATCH):
        some, batch = steps[begin : begin + BATCH], room(encoders)
        drawn = batch.first(len(some))
        for view, own in images_of(render, some).items():
            for name, images in own.items():
                drawn[view][name][:] = images
        frames.add(some, batch, encoders)


def end(frames: DemoFrames, encoders: Encoders) -> None:
    """Have them ended, and wait until they are on the disk."""
    frames.end(encoders, whole=True)
    while not frames.is_written():
        time.sleep(0.0005)


def processes(of: int) -> list[int]:
    """Return the processes that another has started and that encode images."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == of and "rendering.process" in (path / "cmdline").read_text():
                found.append(int(path.name))
        except OSError:  # it has just ended
            pass
    return found


def running() -> list[int]:
    """Return the processes that encode here, when all of them have been started."""
    while len(found := processes(os.getpid())) < max(1, (os.cpu_count() or 2) - 1):
        time.sleep(0.001)
    return found


def wait(encoders: Encoders) -> None:
    """Wait until everything is made."""
    while any(unfinished(batch.pending) for batch in encoders._batches):
        time.sleep(0.001)


def as_png(folder: Path, images: Mapping[str, Image]) -> dict[str, Path]:
    """Write images as complete folders, and return these, by modality."""
    return dict(_as_png(folder, images))


def _as_png(folder: Path, images: Mapping[str, Image]) -> Iterator[tuple[str, Path]]:
    for modality, rows in images.items():
        own = folder / modality
        own.mkdir()
        told = [{"step": step, "file": f"{step:04d}.png"} for step in range(len(rows))]
        for image, frame in zip(rows, told, strict=True):
            Pillow.fromarray(image).save(own / str(frame["file"]))
        (own / "manifest.json").write_text(json.dumps({"modality": modality, "frames": told}))
        yield modality, own
