"""What there is of a run, beside its dataset and in its storage; and the shards of the storage, brought beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.cluster.results import Made, made_at, refuse_unlike, whole_shards
from mimicgen.datagen.cluster.sending.packing import unpack
from mimicgen.datagen.cluster.sending.sender import storage_of
from mimicgen.datagen.cluster.sending.storage import Storage, Stored
from mimicgen.datagen.cluster.shards import DATASET, Shard, folder_of, folders, job_of_shard
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.cluster.worker import told_of
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.dataset.outputs.earlier import refuse_another
from mimicgen.datagen.errors import OutputError

BESIDE = 4
"""Shards that are brought side by side."""


@dataclass(frozen=True)
class There:
    """A shard that an earlier run has made.

    Attributes:
        place: Where it is.
        record: What it was made with.
        told: What it says of its attempts.
    """

    place: str
    record: Mapping[str, Any]
    told: Told


def shards_there(config: Generate) -> dict[Shard, There]:
    """Return the shards of a run that are whole, wherever they are, in the order of their numbers.

    Raises:
        OutputError: One was made with another configuration, or was begun in a way that is not continued.
        SetupError: One was made with other versions than the others, or the storage cannot be used.
    """
    _refuse_begun(config)
    local = whole_shards(config)
    found = {shard: There(str(made.folder), made.record, told_of(made)) for shard, made in local.items()}
    storage = storage_of(config)
    at_address = storage.shards() if storage is not None else []
    if config.fresh and at_address:
        raise OutputError(
            f"cluster.results = {quoted(config.cluster.results)}: has shards of an earlier run, and --fresh moves "
            "nothing aside at an address; leave --fresh out to go on from them, or choose another one"
        )
    for stored in at_address:
        if stored.shard not in found:
            place = f"{storage.place}/{stored.name}" if storage is not None else ""
            _refuse_foreign(config, stored, place)
            for first in [*found.values()][:1]:
                refuse_unlike(dict(first.record), stored.record, f"shard '{first.place}'", f"shard '{place}'")
            found[stored.shard] = There(place, stored.record, stored.told)
    return dict(sorted(found.items()))


def gathered(config: Generate, counted: Mapping[Shard, int] = {}) -> dict[Shard, Made]:
    """Bring the shards of a run that are in its storage beside its dataset, and return all that are there.

    Args:
        config: The run.
        counted: Which copy of a shard was counted; see `whole_shards`.

    Raises:
        OutputError: As `whole_shards`; or a shard is damaged, or cannot be written here.
        SetupError: Likewise; or the storage cannot be used.
    """
    storage = storage_of(config)
    if storage is not None:
        _refuse_begun(config)
        here = whole_shards(config, counted)
        wanted: dict[Shard, Stored] = {}
        for stored in storage.shards():
            if stored.shard not in here and stored.copy == counted.get(stored.shard, stored.copy):
                wanted.setdefault(stored.shard, stored)
        with ThreadPoolExecutor(BESIDE, thread_name_prefix="mimicgen.datagen gathering") as threads:
            coming = [threads.submit(_bring, config, storage, stored) for stored in wanted.values()]
            try:
                for one in coming:
                    one.result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
    return whole_shards(config, counted)


def _bring(config: Generate, storage: Storage, stored: Stored) -> None:
    place = f"{storage.place}/{stored.name}"
    _refuse_foreign(config, stored, place)
    folder = folder_of(config.output_dataset, stored.shard, stored.copy)
    unpack(storage.pieces(stored), stored.packed, folder, f"'{storage.place}/{stored.file}'")


def _refuse_begun(config: Generate) -> None:
    """Check that no shard was begun beside the dataset that workers without a common folder would not continue.

    Raises:
        OutputError: One was.
    """
    for shard, _, folder in folders(config.output_dataset) if config.cluster.apart else ():
        if made_at(shard, folder) is None:
            raise OutputError(
                f"shard '{folder}' was begun in a shared folder and is not whole; go on with cluster.results = shared, "
                "or move it away"
            )


def _refuse_foreign(config: Generate, stored: Stored, place: str) -> None:
    """Check that a shard in a storage is one of the run.

    Raises:
        OutputError: It was made with another configuration.
    """
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "run.json")
        record.write_text(json.dumps(stored.record), encoding="utf-8")
        try:
            refuse_another(job_of_shard(config, stored.shard, stored.copy), record, Path(place, DATASET))
        except OutputError as error:
            raise OutputError(
                f"{error}; at an address nothing is moved aside: choose another cluster.results"
            ) from error
