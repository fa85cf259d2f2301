"""A shard as a run of its own (`--shard K/N`) whose result is put at an address when it is whole."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from mimicgen.datagen.cluster.results import made_at
from mimicgen.datagen.cluster.sending.packing import pack
from mimicgen.datagen.cluster.sending.storage import Storage
from mimicgen.datagen.cluster.shards import DATASET, shard_named
from mimicgen.datagen.cluster.worker import told_of
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.session.generator import OpenSimulation
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.run import Run


class StoredShardRun(Run):
    """One run that makes a shard, and puts it at an address at its end.

    Args:
        config: The job that makes it.
        host: The session.
        open_simulation: Opens the simulation.
    """

    def __init__(self, config: Generate, host: Host, open_simulation: OpenSimulation):
        super().__init__(config, host, open_simulation)
        self._shard = config

    async def _export(self) -> None:
        """See `Run._export`: what is whole is put there."""
        await asyncio.to_thread(put_shard, self._shard)


def is_stored_shard(config: Generate) -> bool:
    """Return whether a run makes a shard that is to be put at an address."""
    folder = config.output_dataset.parent
    return config.cluster.stored and config.output_dataset.name == DATASET and shard_named(folder.name) is not None


def put_shard(config: Generate) -> None:
    """Put a shard at its run's address, if it is whole, unless it is there.

    Args:
        config: The job that makes it.

    Raises:
        OutputError: It cannot be packed, or its log is damaged.
        SetupError: The storage cannot be used.
    """
    folder = config.output_dataset.expanduser().absolute().parent
    named = shard_named(folder.name)
    made = made_at(named[0], folder) if named is not None else None
    if made is None:
        return
    storage = Storage(config.cluster.results, folder.parent.name)
    if storage.shard(folder.name) is None:
        with tempfile.TemporaryDirectory(prefix=".sending.", dir=folder.parent) as place:
            file = Path(place, f"{folder.name}.tar")
            storage.put(folder.name, file, pack(folder, made.record, file), told_of(made), made.record)
