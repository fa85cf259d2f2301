"""Videos: without loss, for frames that are trained from, and small ones that people and Cosmos Transfer look at."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.config.sections import SHADED
from mimicgen.datagen.dataset.images.pixels import Image, shade
from mimicgen.datagen.dataset.images.reading import PIXELS
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import SetupError

FRAMES_PER_SECOND = 24

SHORTEST = 120
"""Frames that a video to look at has at least, by holding the last one: what Cosmos Transfer wants."""

DEEPEST = 5000
"""Depth that is white in a video to look at [mm]."""

LOOKED_AT = {"crf": "20", "preset": "veryfast"}
"""Of H.264: constant rate factor, lower is better, 23 is its default."""

LOSSLESS = {"qp": "0", "preset": "ultrafast", "g": "30"}
"""Of H.264, of red, green and blue themselves; every 30th frame can be decoded without another."""


def check_encoder() -> None:
    """Check that videos can be encoded.

    Raises:
        SetupError: PyAV is not installed.
    """
    try:
        import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise SetupError(
            "videos need PyAV; install the package av, or set render.format to png and render.videos to none: []"
        ) from error


class Video:
    """A video that is being written; it becomes its file when it is ended, whole or not at all.

    Args:
        path: The file, `.mkv` for frames without loss, or `.mp4`.
        kind: A modality, or 'shaded'.
    """

    def __init__(self, path: Path, kind: str):
        self._kind = kind
        self._lossless = path.suffix == ".mkv"
        self._stack = contextlib.ExitStack()
        self._path = self._stack.enter_context(new_file(path, replace=None if self._lossless else is_ours))
        self._container: Any = None
        self._stream: Any = None
        self._frames = 0
        self._last: Any = None

    def add(self, images: Mapping[str, NDArray[Any]]) -> None:
        """Add frames.

        Args:
            images: What they are made of, by modality, a frame a row.
        """
        for index in range(len(next(iter(images.values())))):
            self._add({name: rows[index] for name, rows in images.items()})

    def end(self) -> None:
        """Finish the file."""
        with self._stack:
            while not self._lossless and self._frames < SHORTEST:
                self._encode(self._last)
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()

    def drop(self) -> None:
        """Let nothing be left of the file."""
        if self._container is not None:
            with contextlib.suppress(OSError):  # what it has still to write on a full disk is not wanted
                self._container.close()
        self._stack.__exit__(InterruptedError, InterruptedError(), None)

    def _add(self, images: dict[str, Image]) -> None:
        if self._lossless:
            pixels = images[self._kind]
        elif self._kind == SHADED:
            pixels = shade(images["segmentation"], images["normals"])
        elif self._kind == "depth":
            grey = np.minimum(images["depth"].astype(np.float32) / DEEPEST, 1.0) * 255
            pixels = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        else:
            pixels = images[self._kind]
        if self._stream is None:
            self._open(*pixels.shape[:2])
        if not self._lossless:
            # Kept for the end, when the memory of the frames has others in it.
            self._last = pixels = pixels[: self._stream.height, : self._stream.width].copy()
        self._encode(pixels)

    def _open(self, height: int, width: int) -> None:
        import av

        self._container = av.open(str(self._path), "w")
        rate = Fraction(FRAMES_PER_SECOND)
        if self._lossless and self._kind == "depth":
            self._stream = self._container.add_stream("ffv1", rate=rate)
            self._stream.pix_fmt, options = "gray16le", {"level": "3", "g": "1"}
        elif self._lossless:
            self._stream = self._container.add_stream("libx264rgb", rate=rate)
            self._stream.pix_fmt, options = "rgb24", LOSSLESS
        else:
            height, width = height // 2 * 2, width // 2 * 2  # the pixel format wants it
            self._stream = self._container.add_stream("libx264", rate=rate)
            self._stream.pix_fmt, options = "yuv420p", LOOKED_AT
        self._stream.height, self._stream.width, self._stream.options = height, width, options
        self._stream.thread_count = 1  # the other cores draw, or encode other videos

    def _encode(self, pixels: Any) -> None:
        import av

        name = PIXELS[self._kind] if self._lossless else "rgb24"
        frame = av.VideoFrame.from_numpy_buffer(pixels, format=name)  # without a copy: a tenth of the time
        frame.pts, frame.time_base = self._frames, Fraction(1, FRAMES_PER_SECOND)
        self._frames += 1
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
