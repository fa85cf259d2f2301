"""Source demonstrations without what no source needs.

A run records the whole simulation. A source needs actions, `obs/datagen_info` (poses, signals) and, to be replayed, the
initial state: a sixth of the bytes, and not a number changed. Rounded to what no robot repeats, a tenth and less.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.files import datasets_in, demo_names, open_source
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.errors import SourceError

NEEDED = ("actions", "initial_state", "obs/datagen_info")
"""What is kept of a demonstration."""

ATTRIBUTES = ("num_samples", "seed", "signals", "success")
"""What is kept of a demonstration's attributes."""

RESOLUTION = 2.0**-15
"""Of rounded numbers: 0.03 mm, 0.002 degrees."""

SMALL = 400
"""Arrays of fewer bytes are not compressed, which would take more."""


def compact(source: Path, target: Path, rounded: bool = False) -> int:
    """Write what a source needs of a file's demonstrations.

    Args:
        source: File of annotated demonstrations.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.
        rounded: Round actions and poses to `RESOLUTION`; initial states stay as they are.

    Returns:
        How many demonstrations there are.

    Raises:
        SourceError: The source cannot be read, or a demonstration was not annotated.
        OutputError: The target cannot be written.
    """
    # The latest format has room for small arrays without a chunk and an index each.
    with open_source(source) as file, explained(target), h5py.File(target, "w", libver="latest") as made:
        _copy_attributes(file, made)
        _copy_attributes(file["data"], made.create_group("data"))
        for name in demo_names(file):
            demo = file["data"][name]
            if "obs/datagen_info" not in demo:
                raise SourceError(f"source '{source}': {name} has no 'obs/datagen_info'; annotate the demonstrations")
            kept = made["data"].create_group(name)
            kept.attrs.update({key: value for key, value in demo.attrs.items() if key in ATTRIBUTES})
            for path, exact in _needed(demo):
                fine = rounded and exact.dtype.kind == "f" and not path.startswith("initial_state")
                values = (np.round(exact / RESOLUTION) * RESOLUTION).astype(exact.dtype) if fine else exact
                packed = {"chunks": values.shape, "compression": "gzip", "compression_opts": 9, "shuffle": True}
                kept.create_dataset(path, data=values, **(packed if values.nbytes >= SMALL else {}))
        return len(made["data"])


def _copy_attributes(source: Any, target: Any) -> None:
    for key, value in source.attrs.items():
        target.attrs[key] = value


def _needed(demo: h5py.Group) -> Iterator[tuple[str, Any]]:
    for path, values in datasets_in(demo):
        if path.startswith(NEEDED):
            yield path, values[()]
