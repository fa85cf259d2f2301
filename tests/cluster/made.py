"""Shards whose attempts are known beforehand, made by the real session, without a simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mimicgen.datagen.cluster.concluding import conclude
from mimicgen.datagen.cluster.merging import Merged
from mimicgen.datagen.cluster.results import whole_shards
from mimicgen.datagen.cluster.shards import Shard, job_of_shard, shard_at
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from tests.session.known import Fate, config_in, run


def make(config: Generate, fate: Fate, index: int, size: int, copy: int = 1) -> Shard:
    """Make a shard as a worker does."""
    shard = shard_at(index, size, config)
    assert shard is not None
    end, _ = run(job_of_shard(config, shard, copy), fate)
    assert end.exit_code == 0
    return shard


def merge(config: Generate, **more: Any) -> Merged:
    """Merge what is there, as the command does."""
    shards = whole_shards(config)
    outputs = Outputs(config)
    outputs.open()
    try:
        return conclude(config, outputs, shards, **more)
    finally:
        outputs.close()


def in_folder(folder: Path, **values: Any) -> Generate:
    """Return a run in a folder that is made for it."""
    folder.mkdir(exist_ok=True)
    return config_in(folder, **values)
