"""What encodes images and writes them, as it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.rendering.video import Video

COMPRESSION = 3
"""Of PNG: 6, the usual level, takes twice the time for a tenth of the size."""


@dataclass(frozen=True)
class Pixels:
    """Where images lie in the shared memory, and what they are."""

    offset: int
    shape: tuple[int, ...]
    dtype: str

    def of(self, memory: Any) -> NDArray[Any]:
        """Return the images."""
        return np.ndarray(self.shape, self.dtype, buffer=memory, offset=self.offset)


@dataclass(frozen=True)
class Images:
    """Write images, each to a file of its own."""

    paths: tuple[Path, ...]
    pixels: Pixels


@dataclass(frozen=True)
class Frames:
    """Add frames to a video, which begins with the first of them."""

    path: Path
    kind: str
    pixels: Mapping[str, Pixels]


@dataclass(frozen=True)
class End:
    """Finish a video, or let nothing be left of it."""

    path: Path
    whole: bool = True


class Encoder:
    """Encodes what lies in some memory.

    Args:
        memory: The memory.
    """

    def __init__(self, memory: Any):
        self._memory = memory
        self._videos: dict[Path, Video] = {}

    def do(self, work: Images | Frames | End) -> None:
        """Do some work.

        Raises:
            OutputError: A file cannot be written.
        """
        match work:
            case Images():
                for path, image in zip(work.paths, work.pixels.of(self._memory), strict=True):
                    with explained(path):
                        Pillow.fromarray(image).save(path, compress_level=COMPRESSION)
            case Frames():
                with explained(work.path):
                    if work.path not in self._videos:
                        self._videos[work.path] = Video(work.path, work.kind)
                    self._videos[work.path].add({name: own.of(self._memory) for name, own in work.pixels.items()})
            case End():
                video = self._videos.pop(work.path, None)
                if video is not None and work.whole:
                    with explained(work.path):
                        video.end()
                elif video is not None:
                    video.drop()
            case _:
                assert_never(work)

    def close(self) -> None:
        """Let nothing be left of videos that were not ended."""
        while self._videos:
            self._videos.popitem()[1].drop()
