"""What a shard's folder says: whether it is whole, how its attempts ended, and what it was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.cluster.shards import DATASET, Shard, folders, job_of_shard
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.ours import read_json
from mimicgen.datagen.dataset.outputs.earlier import ended_well, refuse_another
from mimicgen.datagen.errors import OutputError, SetupError

_ALIKE = ("versions", "runtime", "physics")
"""What has to be the same in all shards: with another engine or version an attempt may be another one."""


@dataclass(frozen=True)
class Made:
    """A shard that is whole.

    Attributes:
        shard: Which.
        folder: Where it is.
        record: Its run record.
    """

    shard: Shard
    folder: Path
    record: dict[str, Any]

    @property
    def dataset(self) -> Path:
        """Its kept demonstrations; not there where there are none."""
        return self.folder / DATASET

    @property
    def failed_dataset(self) -> Path:
        """Its failed attempts, if they were kept."""
        return self.folder / DATASET.replace(".", "_failed.")

    def attempts(self) -> list[Attempt]:
        """Return the records of its attempts, in the order of their numbers.

        Raises:
            OutputError: They are not those of the shard.
        """
        log = self.folder / "attempts.jsonl"
        try:
            found = [Attempt.from_json(line) for line in log.read_bytes().splitlines()]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"shard '{self.folder}': its attempts.jsonl is damaged ({type(error).__name__}: {error}); move the "
                "folder away, and make the shard again"
            ) from error
        # A kill may have parted a demonstration from the lines before its own, which were made again, and stand last.
        found = sorted((one for one in found if one.outcome is not Outcome.ABANDONED), key=lambda one: one.number)
        if [attempt.number for attempt in found] != list(range(self.shard.first, self.shard.last + 1)):
            raise OutputError(
                f"shard '{self.folder}': its attempts.jsonl does not have {self.shard}, each once; move the "
                "folder away, and make the shard again"
            )
        return found


def made_at(shard: Shard, folder: Path) -> Made | None:
    """Return a shard if all of it is there, None if it is not."""
    record = folder / "run.json"
    if not ended_well(record):
        return None
    return Made(shard, folder, read_json(record))


def whole_shards(config: Generate, counted: Mapping[Shard, int] = {}) -> dict[Shard, Made]:
    """Return the shards of a run that are whole, in the order of their numbers.

    Args:
        config: The run.
        counted: Which copy of a shard was counted. On a CPU all are alike; on a GPU an attempt may end otherwise.

    Raises:
        OutputError: One was made with another configuration.
        SetupError: One was made with other versions, or another engine, than the others.
    """
    found: dict[Shard, Made] = {}
    first: Made | None = None
    for shard, copy, folder in folders(config.output_dataset):
        serves = shard not in found and copy == counted.get(shard, copy)
        made = made_at(shard, folder) if serves else None
        if made is None:
            continue
        refuse_another(job_of_shard(config, shard), folder / "run.json", made.dataset)
        if first is not None:
            refuse_unlike(first.record, made.record, f"shard '{first.folder}'", f"shard '{made.folder}'")
        first = first or made
        found[shard] = made
    return found


def refuse_unlike(first: dict[str, Any], second: dict[str, Any], one: str, other: str) -> None:
    """Check that two records tell of the same versions and the same engine.

    Args:
        first: A record.
        second: Another.
        one: What the first is of.
        other: What the second is of.

    Raises:
        SetupError: They do not.
    """
    differences = []
    for name in _ALIKE:
        here, there = first.get(name), second.get(name)
        if isinstance(here, dict) and isinstance(there, dict):
            differences += [
                f"{package} is {here.get(package, 'missing')} there and {there.get(package, 'missing')} here"
                for package in sorted(here.keys() | there.keys())
                if here.get(package) != there.get(package)
            ]
        elif here != there:
            differences.append(f"{name} is {here} there and {there} here")
    if differences:
        raise SetupError(
            f"{other} was not made with what {one} was made with: {'; '.join(differences)}; install the same on every "
            "machine, move the shards of the others away, and make them again"
        )
