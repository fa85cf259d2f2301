"""Videos of a demonstration, made from its frames on disk: a modality, or shaded segmentation for Cosmos Transfer."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimicgen.datagen.config.sections import SHADED
from mimicgen.datagen.dataset.images.pixels import read_image, shade
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import SetupError

FRAMES_PER_SECOND = 24

SHORTEST = 120
"""Frames that a video has at least, by holding the last one: what Cosmos Transfer wants."""

DEEPEST = 5000
"""Depth that is white in a video [mm]."""

QUALITY = "20"
"""Constant rate factor of H.264: lower is better, 23 is its default."""


def check_encoder() -> None:
    """Check that videos can be encoded.

    Raises:
        SetupError: PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise SetupError("videos need PyAV; install the package av, or set render.videos to none: []") from error


def write_video(path: Path, kind: str, folders: dict[str, Path], files: list[str]) -> None:
    """Write an mp4 file (H.264), whole or not at all.

    Args:
        path: The file.
        kind: A modality, or 'shaded'.
        folders: The frames' folder by modality.
        files: Names of the frames, in order.
    """
    import av

    with new_file(path, replace=is_ours) as scratch, av.open(str(scratch), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND))
        with Pillow.open(next(iter(folders.values())) / files[0]) as first:
            stream.width, stream.height = first.width // 2 * 2, first.height // 2 * 2  # the pixel format wants it
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": QUALITY, "preset": "veryfast"}
        stream.thread_count = 1  # the other cores trace rays
        for pixels in _held(_frames(kind, folders, files)):
            even = pixels[: stream.height, : stream.width]
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _frames(kind: str, folders: dict[str, Path], files: list[str]) -> Iterator[NDArray[np.uint8]]:
    for file in files:
        if kind == SHADED:
            yield shade(read_image(folders["segmentation"] / file), read_image(folders["normals"] / file))
        elif kind == "depth":
            grey = np.minimum(read_image(folders["depth"] / file).astype(np.float32) / DEEPEST, 1.0) * 255
            yield np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        else:
            yield read_image(folders[kind] / file)


def _held(frames: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    count = 0
    for pixels in frames:
        count += 1
        yield pixels
    for _ in range(count, SHORTEST):
        yield pixels
