"""Reading the images of a demonstration's folder: PNG files, or a lossless video."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.dataset.images.pixels import Image, read_image
from mimicgen.datagen.dataset.ours import MANIFEST
from mimicgen.datagen.errors import SourceError

PIXELS = {"rgb": "rgb24", "normals": "rgb24", "segmentation": "rgb24", "depth": "gray16le"}
"""PyAV's names of the modalities' pixels."""


class WrittenImages:
    """The images of one view and modality of a demonstration, complete.

    Args:
        folder: Their folder.

    Attributes:
        steps: The step that each shows.

    Raises:
        SourceError: The folder has no manifest.
    """

    def __init__(self, folder: Path):
        try:
            told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            self._modality = str(told["modality"])
            self._files = [folder / Path(frame["file"]).name for frame in told["frames"]]
            self.steps = [int(frame["step"]) for frame in told["frames"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SourceError(f"images '{folder}': no {MANIFEST} that says what they are; render them again") from error

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Image:
        """Return an image: (height, width, 3) uint8, or (height, width) uint16 for depth."""
        return next(self.some(index, index + 1))

    def some(self, begin: int, end: int) -> Iterator[Image]:
        """Return images from one to before another, in order; in a video, only what is needed of it is decoded.

        Raises:
            SourceError: A file cannot be read, or ends before.
        """
        if self._files[begin].suffix == ".png":
            for path in self._files[begin:end]:
                with _explained(path, OSError):
                    image = read_image(path)
                yield image
            return
        import av

        with _explained(self._files[begin], av.FFmpegError):
            yield from self._decoded(begin, end)

    def _decoded(self, begin: int, end: int) -> Iterator[Image]:
        import av

        count = 0
        with av.open(str(self._files[begin])) as container:
            stream = container.streams.video[0]
            rate, base = stream.average_rate, stream.time_base
            assert rate is not None
            assert base is not None
            stream.thread_type = "AUTO"
            if begin:
                container.seek(int(begin / rate / base), stream=stream)
            for frame in container.decode(stream):
                assert frame.pts is not None
                if begin <= round(frame.pts * base * rate) < end:
                    count += 1
                    yield _pixels(frame, PIXELS[self._modality])
                    if count == end - begin:
                        return
        raise SourceError(
            f"images '{self._files[begin]}': has {begin + count} frames of {len(self)}; render them again"
        )


@contextlib.contextmanager
def _explained(path: Path, kind: type[Exception]) -> Iterator[None]:
    """Say which images cannot be read, and what to do."""
    try:
        yield
    except kind as error:
        raise SourceError(f"images '{path}': {error}; render them again") from error


def _pixels(frame: Any, kind: str) -> Image:
    found: Image = np.asarray(frame.to_ndarray(format=kind))
    return found
