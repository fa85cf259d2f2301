"""Videos that were encoded where the images were drawn: an export takes them as they are, and encodes the others.

They lie in the folder of the images that they show, and go with these when they are drawn anew::

    <camera>_<modality>/demo_000012/av1.mp4
    <camera>_<modality>/demo_000012/av1.json   what they are, and the statistics of the images; written last
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.lerobot.statistics import QUANTILES, ImageStatistics, Statistics, sampled
from mimicgen.datagen.dataset.formats.videos import Encoding, write_video
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.ours import read_json
from mimicgen.datagen.dataset.replacing import discard, new_file
from mimicgen.datagen.errors import SourceError

_STATISTICS = {"min", "max", "mean", "std", "count", *QUANTILES}


@dataclass(frozen=True)
class Encoded:
    """A video that is there.

    Attributes:
        video: The file.
        statistics: Those of the images.
    """

    video: Path
    statistics: Statistics


class Looker:
    """Looks at some of the images that are encoded, for their statistics.

    Args:
        depth: Whether they say depth.
        steps: How many there are.
    """

    def __init__(self, depth: bool, steps: int):
        self.statistics = ImageStatistics(2**16 - 1, 1.0) if depth else ImageStatistics(255, 255.0)
        self._sampled = iter(sampled(steps))
        self._next = next(self._sampled)

    def __call__(self, index: int, image: Image) -> None:
        """Take an image, which is the `index`-th."""
        while index == self._next:
            self.statistics.add(image)
            self._next = next(self._sampled, -1)


def encoded(image: Images, encoding: Encoding, fps: int, steps: int) -> Encoded | None:
    """Return the video of an episode that was encoded beside its images, None where there is none that serves.

    Args:
        image: The images.
        encoding: How they are to be encoded.
        fps: Frames a second.
        steps: How many images there are.
    """
    if image.folder is None:
        return None
    video = image.folder / f"{encoding}.mp4"
    told = read_json(image.folder / f"{encoding}.json")
    if video.is_symlink() or not video.is_file() or told.get("bytes") != video.stat().st_size:
        return None
    if (told.get("fps"), told.get("steps")) != (fps, steps):
        return None
    try:
        statistics = {str(name): np.asarray(values, np.float64) for name, values in told["statistics"].items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    channels = (1 if image.modality == "depth" else 3, 1, 1)
    shapes = {name: (1,) if name == "count" else channels for name in _STATISTICS}
    if {name: values.shape for name, values in statistics.items()} != shapes:
        return None
    return Encoded(video, statistics | {"count": statistics["count"].astype(np.int64)})


def encode(images: Sequence[Images], demo: h5py.Group, encoding: Encoding, fps: int, steps: int) -> None:
    """Encode the images of a demonstration beside them, unless that was done.

    Args:
        images: The images, in folders.
        demo: The demonstration.
        encoding: How they are encoded.
        fps: Frames a second.
        steps: How many images there are.

    Raises:
        SourceError: An image is missing, or no video can be made of them.
        OutputError: A file cannot be written.
    """
    for image in images:
        if image.folder is None or encoded(image, encoding, fps, steps) is not None:
            continue
        video, told = image.folder / f"{encoding}.mp4", image.folder / f"{encoding}.json"
        with explained(image.folder):
            discard(told)  # first: it says that the video is there
            discard(video)
        looked = Looker(image.modality == "depth", steps)
        with new_file(video) as scratch:
            count = write_video(scratch, image, demo, encoding, fps, looked)
            if count != steps:
                raise SourceError(f"images '{image.folder}': {count} of {steps}; render them again")
        result = {name: values.tolist() for name, values in looked.statistics.result().items()}
        about = {"bytes": video.stat().st_size, "fps": fps, "steps": steps, "statistics": result}
        with explained(told), new_file(told) as scratch:
            scratch.write_text(json.dumps(about), encoding="utf-8")
