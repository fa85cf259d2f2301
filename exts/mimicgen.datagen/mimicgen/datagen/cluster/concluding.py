"""What is left to be done when the shards of a run are there: its dataset, the log of its attempts, and its record."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from mimicgen.datagen.cluster.merging import Merged, merge_shards
from mimicgen.datagen.cluster.pictures import place_pictures
from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.progress import Progress
from mimicgen.datagen.session.record import run_record


def refuse_parts(outputs: Outputs) -> None:
    """Check that no plain run has left demonstrations in the place of the dataset that is to be merged.

    Raises:
        OutputError: One has.
    """
    for dataset in (outputs.dataset, outputs.failed_dataset):
        waiting = Parts(dataset)
        if waiting.written():
            raise OutputError(
                f"output '{dataset}' belongs to a run whose demonstrations wait in '{waiting.folder}'; run its command "
                "again, which finishes it, or choose another --output-dataset"
            )


def conclude(
    config: Generate, outputs: Outputs, shards: Mapping[Shard, Made], *, without: Collection[Shard] = ()
) -> Merged:
    """Merge the shards of a run, with the images that workers have drawn, and write its record.

    Args:
        config: The run.
        outputs: Its outputs, open.
        shards: Its shards that are whole.
        without: Shards that are left out.

    Raises:
        OutputError: As `merge_shards`, and `refuse_parts`.
    """
    refuse_parts(outputs)
    begin = time.monotonic()
    merged = merge_shards(config, outputs, shards, without=without)
    merged.facts["shards"]["merge_seconds"] = round(time.monotonic() - begin, 3)
    root = outputs.record.parent
    merged.rendered = place_pictures(config, root, merged.taken) if config.draws and not merged.end.exit_code else None
    progress = Progress(elapsed=merged.facts["shards"]["worker_seconds"])
    outputs.write_record(
        run_record(merged.end, outputs.plain_config(), merged.facts, merged.tally, progress, (), merged.rendered)
    )
    return merged
