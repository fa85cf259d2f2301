"""How a run is spread over processes, GPUs and machines."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError

_ADDRESS = re.compile(r"none|local|auto|(ray://)?(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")


class ClusterConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where attempts are made, and in how large shards; see docs/scale.md."""

    address: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where attempts are made: none (in this process), local (in workers on this machine), auto (in "
            "the Ray cluster that this machine is part of), or the address of a Ray cluster, HOST:PORT or ray://HOST:PORT",
        ),
    ] = "none"
    workers: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Workers; 0: one a GPU of the cluster on CUDA, else one for every two cores",
        ),
    ] = 0
    gpus_per_worker: Annotated[
        float,
        Meta(ge=0, le=64, description="GPUs that a worker has for itself on CUDA; 0.5: two workers share one"),
    ] = 1.0
    shard_attempts: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000_000,
            description="Attempts in a shard; 0: eight for every environment, or fewer, so that each worker has one",
        ),
    ] = 0
    results: Annotated[
        str,
        Meta(
            min_length=1,
            description="Where finished shards are put: shared (a folder beside the dataset, which all workers can "
            "write), ray (they are sent back through Ray), an absolute folder, or an address that fsspec knows, such "
            "as s3://BUCKET/FOLDER",
        ),
    ] = "shared"

    def __post_init__(self) -> None:
        if _ADDRESS.fullmatch(self.address) is None:
            raise ConfigError(
                f"cluster.address = {quoted(self.address)}: expected none, local, auto, HOST:PORT or ray://HOST:PORT"
            )
        address = re.fullmatch(r"([A-Za-z][A-Za-z0-9+.-]*)://.+", self.results)
        if address and address[1].lower() == "memory":
            raise ConfigError(f"cluster.results = {quoted(self.results)}: the memory of one process is no place for it")
        if self.results not in ("shared", "ray") and not address and not self.results.startswith("/"):
            raise ConfigError(
                f"cluster.results = {quoted(self.results)}: expected shared, ray, an absolute folder, or an address "
                "such as s3://BUCKET/FOLDER"
            )

    @property
    def apart(self) -> bool:
        """Whether workers have no folder in common with the run."""
        return self.results != "shared"

    @property
    def stored(self) -> bool:
        """Whether finished shards are put at an address."""
        return self.results not in ("shared", "ray")

    @property
    def elsewhere(self) -> bool:
        """Whether attempts are made by other processes than this one."""
        return self.address != "none"
