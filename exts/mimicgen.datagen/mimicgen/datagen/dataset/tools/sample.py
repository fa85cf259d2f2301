"""Drawing some of a dataset's demonstrations at random, for instance to see what a policy learns from fewer."""

from __future__ import annotations

import random
from pathlib import Path

from mimicgen.datagen.dataset.files import open_source, parents
from mimicgen.datagen.errors import ConfigError


def choose(path: Path, count: int, seed: int) -> list[str]:
    """Return the names of demonstrations drawn at random, in natural order; looks of one demonstration stay together.

    Args:
        path: File of demonstrations.
        count: How many, their looks not counted.
        seed: Seed of the draw: the same names, number and seed give the same demonstrations, and a smaller number gives
            some of them.

    Raises:
        ConfigError: There are fewer, or none is wanted.
        SourceError: The file cannot be read.
    """
    with open_source(path) as file:
        parent = parents(file)
    names = [name for name, own in parent.items() if name == own]
    if not 1 <= count <= len(names):
        raise ConfigError(
            f"count = {count}: source '{path}' has {len(names)}; expected a number from 1 to {len(names)}"
        )
    random.Random(seed).shuffle(names)
    drawn = set(names[:count])
    return [name for name, own in parent.items() if own in drawn]
