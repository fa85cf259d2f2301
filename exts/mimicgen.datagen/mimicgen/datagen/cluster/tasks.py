"""What a worker is given, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mimicgen.datagen.cluster.sending.packing import Packed
from mimicgen.datagen.cluster.shards import Shard


@dataclass(frozen=True)
class Told:
    """What a shard that is whole says of its attempts.

    Attributes:
        shard: Which.
        outcomes: A byte an attempt, in the order of their numbers: 1 for a success, else 0.
        reached: How many attempts reached each stage.
        failure: How the last of those that failed did, in words; empty where none did.
        packed: What is to be fetched from the worker that made it; None: it is where it belongs.
    """

    shard: Shard
    outcomes: bytes
    reached: Mapping[str, int] = field(default_factory=dict)
    failure: str = ""
    packed: Packed | None = None


@dataclass(frozen=True)
class Task:
    """A shard that a worker is to make.

    Attributes:
        shard: Which.
        copy: Which of those that make it side by side, from 1.
    """

    shard: Shard
    copy: int


@dataclass(frozen=True)
class Failed:
    """A shard that a worker could not make.

    Attributes:
        reason: Why, in words.
    """

    reason: str
