"""Dividing demonstrations into those to train with and those to validate with."""

from __future__ import annotations

import random
from pathlib import Path

from mimicgen.datagen.dataset.files import demo_names, open_source, parents
from mimicgen.datagen.dataset.tools.copying import write_masks, written
from mimicgen.datagen.dataset.tools.filter import copy_file
from mimicgen.datagen.errors import ConfigError, SourceError

LISTS = ("train", "valid")
"""Names of robomimic's lists."""


def choose(path: Path, ratio: float, seed: int) -> dict[str, list[str]]:
    """Return the demonstrations of each list, in natural order; looks of one demonstration stay together.

    Args:
        path: File of demonstrations.
        ratio: Share of the demonstrations to validate with, at least one of them and not all.
        seed: Seed of the choice: the same names, ratio and seed give the same lists.

    Raises:
        ConfigError: The ratio is not between 0 and 1.
        SourceError: The file cannot be read, or has only one demonstration.
    """
    if not 0 < ratio < 1:
        raise ConfigError(f"ratio = {ratio}: expected a number between 0 and 1, for instance 0.1")
    with open_source(path) as file:
        parent = parents(file)
    names = [name for name, own in parent.items() if name == own]
    if len(names) < 2:
        raise SourceError(f"source '{path}' has one demonstration; it takes two to split")
    count = min(max(round(ratio * len(names)), 1), len(names) - 1)
    valid = set(random.Random(seed).sample(names, count))
    return {
        "train": [name for name, own in parent.items() if own not in valid],
        "valid": [name for name, own in parent.items() if own in valid],
    }


def split(source: Path, target: Path, lists: dict[str, list[str]]) -> None:
    """Write a copy of a file with robomimic's lists in it, `mask/train` and `mask/valid`.

    Args:
        source: File of demonstrations.
        target: File to write; see `mimicgen.datagen.dataset.replacing.new_file`.
        lists: Names of demonstrations by the list's name.

    Raises:
        SourceError: The source cannot be read.
        OutputError: The target cannot be written.
    """
    with open_source(source) as file, written(target, source) as copy:
        copy_file(file, copy, demo_names(file))
        write_masks(copy, lists)
