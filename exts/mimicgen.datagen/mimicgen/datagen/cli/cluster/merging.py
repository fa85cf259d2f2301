"""`datagen.sh cluster merge`: one dataset from the shards of a run."""

from __future__ import annotations

import argparse

from mimicgen.datagen.cli.runs import add_cluster_options, add_run_command, checked_job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.text import shown


def merge(options: argparse.Namespace) -> int:
    """Put the shards of a run together: the dataset that one process would have made, up to its target."""
    from mimicgen.datagen.cluster.concluding import conclude
    from mimicgen.datagen.cluster.sending.gathering import gathered
    from mimicgen.datagen.cluster.shards import shards_folder
    from mimicgen.datagen.report.run import write_report

    job = checked_job(options)
    outputs = Outputs(job)
    outputs.check()
    shards = gathered(job)
    if not shards:
        raise OutputError(
            f"there is no whole shard in '{shards_folder(job.output_dataset)}'; make some with: generate --shard K/N, "
            "and the same options as here"
        )
    try:
        outputs.open()
        merged = conclude(job, outputs, shards)
        if job.report and outputs.dataset.exists():
            write_report(outputs.dataset, outputs.record.parent, outputs.report)
    finally:
        outputs.close()
    if poor := merged.tally.poor_segments(outputs.plain_config()):
        print(poor)
    print(f"done: {shown(merged.end.reason)}")
    print(f"  {merged.counts.successes} successes of {merged.counts.attempts} attempts from {len(shards)} shards")
    for path in outputs.written():
        print(f"  wrote {shown(path)}")
    return merged.end.exit_code


def add_merge(tools: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = add_run_command(tools, "merge", merge)
    add_cluster_options(command)
