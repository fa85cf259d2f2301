"""Statistics of episodes, and of a whole dataset from those, as LeRobot's policies are normalised with.

Least, greatest, mean, standard deviation, count and quantiles of every number; of images those of every channel, in
[0, 1], of depth in millimetres. Of an episode they are exact, where lerobot takes quantiles from a histogram of 5000
bins; of images both look at the same sample: at most every hundredth part of an episode, larger images in steps of
several pixels. Of a dataset the quantiles are the means of those of its episodes, as lerobot has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.pixels import Image

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

Statistics = dict[str, NDArray[Any]]
"""By name: 'min', 'max', 'mean', 'std', 'count' and the quantiles."""

_SAMPLES = (100, 10_000)
"""Images that are looked at, least and most."""

_LARGE, _WANTED = 300, 150
"""Images of so many pixels along an edge are looked at in steps, about so many along the longer one."""


def of_rows(rows: NDArray[Any]) -> Statistics:
    """Return the statistics of numbers, shape (steps,) or (steps, width); those of a single one have shape (1,)."""
    values = np.asarray(rows, np.float64).reshape(len(rows), -1)
    found = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)]),
    }
    quantiles = np.quantile(values, [*QUANTILES.values()], axis=0, method="inverted_cdf")
    return found | dict(zip(QUANTILES, quantiles, strict=True))


def sampled(steps: int) -> list[int]:
    """Return which images of an episode are looked at: evenly spaced ones, as lerobot chooses them."""
    least, most = min(steps, _SAMPLES[0]), _SAMPLES[1]
    return [int(index) for index in np.round(np.linspace(0, steps - 1, max(least, min(int(steps**0.75), most))))]


class ImageStatistics:
    """Statistics of images, of which one is in memory at a time: they are counted by value.

    Args:
        largest: The greatest value that a pixel may have.
        unit: What values are divided by.
    """

    def __init__(self, largest: int, unit: float):
        self._counts: NDArray[np.int64] | None = None
        self._bins = largest + 1
        self._unit = unit
        self._images = 0

    def add(self, image: Image) -> None:
        """Look at an image, (height, width, channels) or (height, width)."""
        pixels = image[..., None] if image.ndim == 2 else image
        height, width = pixels.shape[:2]
        if max(height, width) >= _LARGE:
            step = int((width if width > height else height) / _WANTED)
            pixels = pixels[::step, ::step]
        flat = pixels.reshape(-1, pixels.shape[2])
        counts = np.stack([np.bincount(flat[:, index], minlength=self._bins) for index in range(flat.shape[1])])
        self._counts = counts if self._counts is None else self._counts + counts
        self._images += 1

    def result(self) -> Statistics:
        """Return the statistics, shape (channels, 1, 1)."""
        assert self._counts is not None
        counts, values = self._counts, np.arange(self._bins, dtype=np.float64)
        total = counts.sum(axis=1)
        mean = counts @ values / total
        variance = counts @ values**2 / total - mean**2
        seen = counts > 0
        below = counts.cumsum(axis=1)
        found: Statistics = {
            "min": values[seen.argmax(axis=1)],
            "max": values[self._bins - 1 - seen[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(variance, 0)),
        }
        for name, share in QUANTILES.items():
            found[name] = values[(below >= share * total[:, None]).argmax(axis=1)]
        told = {name: (own / self._unit)[:, None, None] for name, own in found.items()}
        return told | {"count": np.array([self._images])}


def together(episodes: Sequence[Mapping[str, Statistics]]) -> dict[str, Statistics]:
    """Return the statistics of a dataset from those of its episodes, by feature."""
    return {key: _together([own[key] for own in episodes]) for key in episodes[0]}


def _together(parts: Sequence[Statistics]) -> Statistics:
    counts = np.concatenate([part["count"] for part in parts])
    total = counts.sum()

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.tensordot(counts, values, axes=1) / total)

    means, deviations = (np.stack([part[name] for part in parts]) for name in ("mean", "std"))
    middle = mean(means)
    found: Statistics = {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": middle,
        "std": np.sqrt(mean(deviations**2 + (means - middle) ** 2)),
        "count": np.array([total]),
    }
    return found | {name: mean(np.stack([part[name] for part in parts])) for name in QUANTILES}
