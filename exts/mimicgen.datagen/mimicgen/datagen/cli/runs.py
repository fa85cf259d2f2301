"""The commands that run a job in the embedded runtime. Each makes its job of everything that is said, and starts it.

What the user passed is checked before anything heavy is imported. Kit gets the finished job as one file.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from mimicgen.datagen.cli.remembered import recall
from mimicgen.datagen.config import layers
from mimicgen.datagen.config.jobs import Annotate, Generate, Job, Record, Render, Replay
from mimicgen.datagen.config.keys import keys
from mimicgen.datagen.config.values import Flat, argument_path, quoted
from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.dataset.files import read_through
from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.ours import JOB_MARK, is_ours
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import guarded, signals_as_ever
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.dataset.sources.sources import check_file
from mimicgen.datagen.dataset.states import check_recorded
from mimicgen.datagen.embedded.engines import check_installed
from mimicgen.datagen.errors import ConfigError, SourceError
from mimicgen.datagen.tasks.autodata import check_fits, read_descriptor
from mimicgen.datagen.tasks.defaults import TASK, build
from mimicgen.datagen.text import shown
from mimicgen.datagen.version import __version__

PROJECT = Path(__file__).resolve().parents[5]
"""The project's folder: defaults are relative to it, what the user passes to the current folder."""

SHIPPED = {task_family(TASK): "source_demos.hdf5"}
"""Sources that come with the project for registered tasks; those of a task by file are called after it."""

SOURCES_ONLY: Flat = {"render.when": "never"}
"""What a job that makes source demonstrations has different: nobody trains on their images."""

OPTIONS = ("task", "source", "output_dataset", "output_dir", "num_trials", "num_envs", "seed", "device", "variant")
"""Configuration keys with an option of their own; `--set` reaches all."""

JOB_FILE = "job.toml"
"""What Kit is given, in the output folder."""


def job_of[J: Job](options: argparse.Namespace, kind: type[J], defaults: Mapping[str, object] = {}) -> J:
    """Return a command's job from defaults, file, environment and options, in this order.

    Args:
        options: Parsed options.
        kind: What the command does, whatever a file says.
        defaults: What the command has different from a plain run.

    Raises:
        BadInputError: Something is unknown, has the wrong type or is out of range.
    """
    project: Flat = {
        "output_dataset": PROJECT / "datasets" / "generated_dataset.hdf5",
        "output_dir": PROJECT / "output",
    }
    from_file = layers.read_toml(options.config) if options.config else {}
    of_one = ("policy", "policy_device", "max_steps", "hold_steps", "task_file")
    given = {key: getattr(options, key, None) for key in (*OPTIONS, *of_one)}
    from_options = {key: value for key, value in given.items() if value is not None}
    for flag in ("fresh", "plots", "replay_states", "record_failures"):
        if getattr(options, flag, False):
            from_options[flag] = True
    from_options |= {
        key: value
        for key, value in vars(options).items()
        if key.startswith(("render.", "cluster.")) and value is not None
    }
    assignments = layers.from_assignments(options.set)
    environment = layers.from_environment(os.environ)
    return build(project, dict(defaults), from_file, environment, assignments, from_options, kind=kind)


def generate(options: argparse.Namespace) -> int:
    """Generate demonstrations from annotated ones, or list the tasks that can be generated for."""
    if options.list_tasks:
        from mimicgen.datagen.session.listing import list_tasks

        return list_tasks(as_json=options.json)
    job = checked_job(options)
    if options.shard is not None:
        from mimicgen.datagen.cluster.shards import job_of_shard, shard_of

        if job.fresh:
            raise ConfigError("--shard and --fresh exclude each other: move the run's shards away instead")
        job = job_of_shard(job, shard_of(options.shard, job))
    if job.cluster.elsewhere:
        from mimicgen.datagen.cluster.ray_workers import check_ray

        check_ray()
    return run_job(job)


def checked_job(options: argparse.Namespace) -> Generate:
    """Return the job of a command that generates, with whole paths, once its source and its task file were looked at.

    Raises:
        BadInputError: They, or what is said, cannot be used.
    """
    job = with_source(job_of(options, Generate))
    _check_task_file(job)
    check_file(_source(job))
    return with_whole_paths(job)  # as the records of its shards have them


def record(options: argparse.Namespace) -> int:
    """Record source demonstrations with the scripted expert, annotated as they are recorded."""
    if not options.expert:
        raise ConfigError(
            "record: only the scripted expert records here, pass --expert; "
            "people record with Isaac Lab's own record_demos.py, and 'annotate' takes its files"
        )
    output = PROJECT / "datasets" / "recorded_demos.hdf5"
    return run_job(job_of(options, Record, {"output_dataset": output} | SOURCES_ONLY))


def annotate(options: argparse.Namespace) -> int:
    """Replay raw demonstrations and write those that reach every subtask, annotated for Mimic."""
    first = job_of(options, Annotate)
    demos = check_demos(_source(first), first.task)
    output = PROJECT / "datasets" / f"{demos.path.stem}_annotated.hdf5"
    own = {"num_trials": len(demos.names), "output_dataset": output}
    return run_job(job_of(options, Annotate, own | SOURCES_ONLY))


def render(options: argparse.Namespace) -> int:
    """Render the demonstrations of a dataset from their recorded states."""
    options.source = options.dataset
    job = job_of(options, Render, {"render.when": "at_end"})
    check_recorded(_source(job), job.task, job.render.demos)
    return run_job(job)


def replay(options: argparse.Namespace) -> int:
    """Replay demonstrations and count how many succeed again: by their actions, or by their recorded states."""
    options.source = options.dataset
    first = job_of(options, Replay)
    demos = check_demos(_source(first), first.task)
    folder = PROJECT / "output" / f"replay_{demos.path.stem}"
    own = {"num_trials": len(demos.names), "output_dir": folder, "fresh": True}
    return run_job(job_of(options, Replay, own | SOURCES_ONLY))


def check(options: argparse.Namespace) -> int:
    """Check source demonstrations against a task: what is usable, what is not, and what to do about it."""
    job = with_source(job_of(options, Generate))
    _check_task_file(job)
    check_file(_source(job))
    from mimicgen.datagen.cli.check import check_command

    return check_command(job, as_json=options.json)


def selftest(options: argparse.Namespace) -> int:
    """Try everything that a run needs, and say in seconds what is wrong: Kit, Isaac Lab, a step, frames, outputs."""
    job = with_source(job_of(options, Generate))
    for folder in (job.output_dir, job.output_dataset.parent):
        print(f"ok      {shown(writable_folder(folder.expanduser().absolute()))} can be written", flush=True)
    check_file(_source(job))
    return _launch(job, "headless", {"selftest": True})


def gui(options: argparse.Namespace) -> int:
    """Open the panel in a window of the desktop: configure, start and watch runs."""
    job = with_source(job_of(options, Generate, recall()))
    return _launch(job, "gui", {"desktop": True}, window=True)


def write_job(job: Job, path: Path) -> None:
    """Write a job as the file that Kit is given: every value, its paths absolute.

    Raises:
        OutputError: It cannot be written, or there is a file that this project did not write.
    """
    text = f"{JOB_MARK} {__version__}: what this run was started with; --config takes it\n"
    with explained(path), new_file(path, replace=is_ours) as scratch:
        scratch.write_text(text + with_whole_paths(job).to_toml(), encoding="utf-8")


def with_whole_paths[J: Job](job: J) -> J:
    """Return a job that means the same in any folder."""
    absolute: dict[str, Any] = {
        key: value.expanduser().absolute() for key, value in structs.asdict(job).items() if isinstance(value, Path)
    }
    if job.task.endswith(".toml"):
        absolute["task"] = str(Path(job.task).expanduser().absolute())
    return structs.replace(job, **absolute)


def with_source(job: Generate) -> Generate:
    """Return a job with the source demonstrations that come with the project for its task, where none are said."""
    shipped = shipped_source(job.task)
    return structs.replace(job, source=shipped) if job.source is None and shipped is not None else job


def shipped_source(task: str) -> Path | None:
    """Return the source demonstrations that come with the project for a task, None where there are none."""
    family = task_family(task)
    shipped = PROJECT / "datasets" / SHIPPED.get(family, f"{family}_demos.hdf5")
    return shipped if shipped.is_file() else None


def _check_task_file(job: Generate) -> None:
    """Check that a task file of AutoData is one of the job's task, where that is known without asking Isaac Lab."""
    if job.task_file is None:
        return
    from mimicgen.datagen.session.registered import subtasks_of

    own = subtasks_of(job.task)
    if own is not None:
        check_fits(read_descriptor(job.task_file), job.task_file, job.task, own)


def _source(job: Job) -> Path:
    """Return the source file of a job, after a look at all of it where it can do no harm."""
    if job.source is None and not isinstance(job, Generate):
        raise SourceError("no demonstrations; pass --source with an HDF5 file in Isaac Lab's layout")
    if job.source is None:
        raise SourceError(
            f"no demonstrations of task {quoted(job.task)} come with the project; pass --source with an HDF5 file in "
            f"Isaac Lab's layout, or make some: ./scripts/datagen.sh record --expert --task {shown(job.task)}"
        )
    path = job.source.expanduser().absolute()
    guarded(read_through, (path,))
    return path


def run_job(job: Job) -> int:
    """Run a job in the embedded runtime, once its outputs can be written."""
    check_installed(job.physics)
    Outputs(job).check()
    return _launch(job, "headless", {"autostart": True})


def _launch(job: Job, app: str, settings: Flat, *, window: bool = False) -> int:
    """Run one of the project's Kit applications with a job."""
    folder = writable_folder(job.output_dir.expanduser().absolute())
    from mimicgen.datagen.cli.launch import fresh_log, run_kit
    from mimicgen.datagen.dataset.folders import cache_folder

    write_job(job, folder / JOB_FILE)
    log = fresh_log(folder)
    print(f"mimicgen.datagen {__version__}; Kit's and Isaac Lab's output goes to {shown(log)}", flush=True)
    if window:
        os.chdir(PROJECT)  # the window's library leaves its settings (imgui.ini) in the current folder
    signals_as_ever()  # Kit's side says itself what they do to a run
    path = PROJECT / "config" / f"mimicgen.datagen.{app}.kit"
    return run_kit(path, log, {"job": folder / JOB_FILE} | settings, cache=cache_folder(), window=window)


def add_run_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands that run a job; `dataset replay` is added with the tools."""
    command = add_run_command(commands, "generate", generate)
    command.add_argument("--list-tasks", action="store_true", help="show the Mimic tasks that can run here, and exit")
    command.add_argument("--json", action="store_true", help="with --list-tasks: print JSON")
    _add_task_file(command)
    about = "make one of a run's N shards, into a folder of its own beside the dataset; see docs/scale.md"
    command.add_argument("--shard", metavar="K/N", help=about)
    add_cluster_options(command)
    command = add_run_command(commands, "record", record)
    command.add_argument("--expert", action="store_true", help="the scripted expert acts")
    command = add_run_command(commands, "annotate", annotate)
    command.add_argument("--plots", action="store_true", help=keys()["plots"].doc)
    command = add_run_command(commands, "render", render)
    command.add_argument("dataset", type=argument_path, help="HDF5 file of the task")
    for key in ("demos", "views", "modalities", "width", "height", "every", "videos"):
        command.add_argument(f"--{key}", metavar="VALUE", dest=f"render.{key}", help=keys()[f"render.{key}"].doc)
    _add_task_file(add_run_command(commands, "gui", gui))
    add_run_command(commands, "selftest", selftest)
    command = add_run_command(commands, "check", check)
    _add_task_file(command)
    command.add_argument("--json", action="store_true", help="print JSON")


def add_cluster_options(command: argparse.ArgumentParser) -> None:
    """Add the options that spread a run."""
    for key, option in (("address", "cluster"), ("workers", "workers"), ("gpus_per_worker", "gpus-per-worker")):
        about = keys()[f"cluster.{key}"].doc
        command.add_argument(f"--{option}", metavar="VALUE", dest=f"cluster.{key}", help=about)


def _add_task_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("--task-file", type=argument_path, metavar="FILE", help=keys()["task_file"].doc)


def add_replay(tools: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the dataset tool that is a run."""
    command = add_run_command(tools, "replay", replay)
    command.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    about = keys()["replay_states"].doc
    command.add_argument("--states", dest="replay_states", action="store_true", help=about)


def add_run_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add a command that runs something, with the options of every run."""
    help_line = (function.__doc__ or "").partition("\n")[0]
    command = commands.add_parser(name, help=help_line, description=function.__doc__, allow_abbrev=False)
    command.set_defaults(command=function)
    command.add_argument("--config", type=argument_path, metavar="FILE", help="TOML file with the configuration")
    for key in OPTIONS:
        command.add_argument(f"--{key.replace('_', '-')}", metavar="VALUE", dest=key, help=keys()[key].doc)
    command.add_argument("--fresh", action="store_true", help=keys()["fresh"].doc)
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the configuration; repeatable"
    )
    return command
