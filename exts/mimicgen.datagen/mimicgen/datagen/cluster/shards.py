"""The plan of a run in shards: its attempts, cut into ranges of consecutive numbers.

An attempt is a function of the run's seed and its number, so who makes a range, when, and beside what does not matter.
A shard is a run without a guarantee that makes exactly its attempts, into a folder of its own. Its record says that it
ended well when everything else is on the disk, so a shard is whole or not there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError, OutputError

ROUNDS = 8
"""Attempts of every environment in a shard, where nothing else is said: what a lost one costs is minutes."""

DATASET = "dataset.hdf5"
"""Name of a shard's dataset in its folder."""

_NAME = re.compile(r"attempts_([0-9]{8,})_([0-9]{8,})(?:_copy_([0-9]+))?")


@dataclass(frozen=True, order=True)
class Shard:
    """Consecutive attempts.

    Attributes:
        first: Number of the first, from 1.
        last: Number of the last.
    """

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"attempts {self.first} to {self.last}"


def shard_at(index: int, size: int, config: Generate) -> Shard | None:
    """Return a shard of a run; None where all of its attempts are in those before.

    Args:
        index: Counts the shards from 0.
        size: Attempts in a shard.
        config: The run. Without a guarantee it has an end.
    """
    first, last = index * size + 1, (index + 1) * size
    if not config.guarantee:
        last = min(last, config.num_trials)
    return Shard(first, last) if first <= last else None


def size_of(config: Generate, workers: int) -> int:
    """Return how many attempts a shard has.

    Args:
        config: The run, which may say it.
        workers: How many will make them.
    """
    said = config.cluster.shard_attempts
    return said or min(ROUNDS * config.num_envs, math.ceil(config.num_trials / workers))


def shard_of(text: str, config: Generate) -> Shard:
    """Return the shard that '3/64' names: the third of 64.

    Args:
        text: As the command line has it.
        config: The run.

    Raises:
        ConfigError: It names none.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    index, count = map(int, found.groups()) if found else (0, 0)
    if not 1 <= index <= count:
        raise ConfigError(f"--shard {quoted(text)}: expected K/N with K from 1 to N, such as 3/64 for the third of 64")
    size = config.cluster.shard_attempts or math.ceil(config.num_trials / count)
    shard = shard_at(index - 1, size, config)
    if shard is None:
        raise ConfigError(
            f"--shard {quoted(text)}: of {config.num_trials} attempts in shards of {size} none is left for this one; "
            f"the last shard is {math.ceil(config.num_trials / size)}"
        )
    return shard


def shards_folder(dataset: Path) -> Path:
    """Return the folder of a run's shards, beside its dataset."""
    path = dataset.expanduser().absolute()
    return path.with_name(f"{path.stem}_shards")


def folder_of(dataset: Path, shard: Shard, copy: int = 1) -> Path:
    """Return the folder of a shard.

    Args:
        dataset: The run's dataset.
        shard: The shard.
        copy: Which of those that make the same shard side by side.
    """
    name = f"attempts_{shard.first:08}_{shard.last:08}" + (f"_copy_{copy}" if copy > 1 else "")
    return shards_folder(dataset) / name


def folders(dataset: Path) -> Iterator[tuple[Shard, int, Path]]:
    """Yield the shards of a run that were begun, which copy, and its folder, in the order of their numbers.

    Raises:
        OutputError: The folder cannot be read.
    """
    place = shards_folder(dataset)
    try:
        found = sorted(path for path in place.glob("attempts_*") if path.is_dir())
    except OSError as error:
        raise OutputError(f"the shards in '{place}' cannot be read: {error.strerror or error}") from error
    told = [(shard_named(path.name), path) for path in found]
    yield from sorted((*named, path) for named, path in told if named is not None)


def shard_named(name: str) -> tuple[Shard, int] | None:
    """Return the shard whose folder is called so, and which copy of it; None for other names."""
    found = _NAME.fullmatch(name)
    return (Shard(int(found[1]), int(found[2])), int(found[3] or 1)) if found else None


def job_of_shard(config: Generate, shard: Shard, copy: int = 1) -> Generate:
    """Return the job that makes a shard of a run: exactly its attempts, into a folder of its own, and their images.

    The report and exports are made of the whole, when the shards are together; so are images in the dataset, and looks,
    which depend on what a demonstration is called there.
    """
    draws = "never" if config.render.looks.count else config.render.when
    folder = folder_of(config.output_dataset, shard, copy)
    return structs.replace(
        config,
        first_attempt=shard.first,
        num_trials=shard.size,
        guarantee=False,
        max_failures=None,
        output_dataset=folder / DATASET,
        output_dir=folder,
        fresh=False,
        report=False,
        export="none",
        live_port=None,
        render=structs.replace(config.render, when=draws, in_dataset=False),
        cluster=ClusterConfig(results=config.cluster.results),
    )
