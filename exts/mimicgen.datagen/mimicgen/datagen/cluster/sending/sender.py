"""The worker's side where there is no folder in common: shards are made on its own disk, and sent away."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from msgspec import structs

from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.cluster.sending.inputs import Inputs, unpacked
from mimicgen.datagen.cluster.sending.packing import PIECE, pack
from mimicgen.datagen.cluster.sending.scratch import scratch_folder
from mimicgen.datagen.cluster.sending.storage import Storage
from mimicgen.datagen.cluster.shards import folder_of, job_of_shard, shards_folder
from mimicgen.datagen.cluster.tasks import Task, Told
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.replacing import discard, discard_scratch


class Sender:
    """Sends what a worker makes.

    Args:
        config: The run, as it is where it was started.
        inputs: The files that it reads.

    Attributes:
        job: The run as it is here.

    Raises:
        OutputError: Nothing can be written here.
        SetupError: The storage cannot be used.
    """

    def __init__(self, config: Generate, inputs: Inputs):
        self._config = config
        self._scratch = scratch_folder(config, inputs.digest)
        here = unpacked(config, inputs, self._scratch / "inputs")
        self.job = structs.replace(here, output_dataset=self._scratch / config.output_dataset.name)
        self._storage = storage_of(config)

    def there(self, task: Task) -> Told | None:
        """Return what a shard says that is in the storage already, None if it is not.

        Raises:
            SetupError: The storage cannot be read.
        """
        stored = self._storage.shard(self._folder(task).name) if self._storage is not None else None
        return stored.told if stored is not None else None

    def send(self, task: Task, made: Made, told: Told) -> Told:
        """Pack a shard that is whole, and put it into the storage, if there is one.

        Returns:
            What it says; where there is no storage, with what is to be fetched by `piece`.

        Raises:
            OutputError: It cannot be packed.
            SetupError: It cannot be put into the storage.
        """
        there = job_of_shard(self._config, task.shard, task.copy)
        record = made.record | {"config": Outputs(there).plain_config()}
        packed = pack(made.folder, record, self._packed(task))
        if self._storage is None:
            return dataclasses.replace(told, packed=packed)
        self._storage.put(made.folder.name, self._packed(task), packed, told, record)
        self.forget(task)
        return told

    def piece(self, task: Task, begin: int) -> bytes:
        """Return a piece of a packed shard.

        Args:
            task: Which.
            begin: Where it begins [bytes].
        """
        with self._packed(task).open("rb") as file:
            return os.pread(file.fileno(), PIECE, begin)

    def forget(self, task: Task) -> None:
        """Remove a shard that is where it was to be sent."""
        discard(self._packed(task))
        discard_scratch(self._folder(task))

    def _folder(self, task: Task) -> Path:
        return folder_of(self.job.output_dataset, task.shard, task.copy)

    def _packed(self, task: Task) -> Path:
        folder = self._folder(task)
        return folder.with_name(f"{folder.name}.tar")


def storage_of(config: Generate) -> Storage | None:
    """Return the storage of a run's shards, None where they are in a folder beside its dataset in the end.

    Raises:
        SetupError: It cannot be used.
    """
    if not config.cluster.stored:
        return None
    return Storage(config.cluster.results, shards_folder(config.output_dataset).name)
