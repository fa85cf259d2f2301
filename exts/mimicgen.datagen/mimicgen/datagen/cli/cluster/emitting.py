"""`datagen.sh cluster emit`: the files with which another scheduler makes a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from mimicgen.datagen.cli.runs import PROJECT, add_cluster_options, add_run_command, checked_job, write_job
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.text import shown


def emit(options: argparse.Namespace) -> int:
    """Write the files with which another scheduler makes a run: a command a shard, and one that puts them together."""
    from mimicgen.datagen.cluster import handing_over

    job = checked_job(options)
    folder = writable_folder(options.files.expanduser().absolute())
    count, size = handing_over.count_of(job, options.rate)
    project = PROJECT if options.kind != "osmo" else options.project
    plan = handing_over.planned(job, options.shards or count, size, project, folder)
    match options.kind:
        case "slurm":
            files = handing_over.slurm(plan)
        case "taskrunner":
            files = handing_over.taskrunner(plan)
        case _:
            files = handing_over.osmo(plan, options.image)
    if options.kind != "osmo":  # whose workflow has it inside
        write_job(plan.config, folder / handing_over.RUN)
    for name, text in files.items():
        with new_file(folder / name) as scratch:
            scratch.write_text(text, encoding="utf-8")
        print(f"wrote {shown(folder / name)}")
    print(
        f"{plan.count} shards of {size} attempts each, for {job.num_trials} {'kept' if job.guarantee else 'attempts'}"
    )
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of shards; give 1 or more")
    return int(text)


def add_emit(tools: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = add_run_command(tools, "emit", emit)
    add_cluster_options(command)
    about = "slurm: an array job; osmo: a workflow of NVIDIA OSMO; taskrunner: a job file of Isaac Lab's task_runner.py"
    command.add_argument("kind", choices=("slurm", "osmo", "taskrunner"), help=about)
    about = "folder to write the files to (default: cluster)"
    command.add_argument("--files", type=argument_path, default=Path("cluster"), metavar="FOLDER", help=about)
    about = "how many shards (default: as many as the target needs at the expected rate)"
    command.add_argument("--shards", type=_positive, metavar="N", help=about)
    about = "share of attempts that is expected to succeed (default: 1)"
    command.add_argument("--rate", type=float, default=1.0, metavar="SHARE", help=about)
    about = "container image with the project in it, for osmo"
    command.add_argument("--image", default="mimicgen.datagen:latest", help=about)
    about = "where the image has the project, for osmo (default: /opt/mimicgen.datagen)"
    command.add_argument("--project", type=Path, default=Path("/opt/mimicgen.datagen"), metavar="FOLDER", help=about)
