"""The one command line: `datagen.sh COMMAND`. Checks what the user passed before anything heavy is imported."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import cast

from mimicgen.datagen.cli import dataset as dataset_cli
from mimicgen.datagen.cli import tasks as tasks_cli
from mimicgen.datagen.cli.remembered import recall
from mimicgen.datagen.config import layers
from mimicgen.datagen.config import run as config
from mimicgen.datagen.config.run import Flat, RunConfig
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.files import check_regular, read_through
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.guard import ended_by_signals, guarded, signals_as_ever
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.dataset.sources.sources import check_file
from mimicgen.datagen.dataset.states import check_recorded
from mimicgen.datagen.embedded.engines import check_installed
from mimicgen.datagen.errors import ConfigError, DatagenError, SourceError
from mimicgen.datagen.text import counted, shown
from mimicgen.datagen.version import __version__

PROJECT = Path(__file__).resolve().parents[5]
"""The project's folder: defaults are relative to it, what the user passes to the current folder."""

SHIPPED_SOURCE = PROJECT / "datasets" / "source_demos.hdf5"
"""Source demonstrations that are used when none are passed."""

SOURCES_ONLY: Flat = {"render.when": "never"}
"""What a run that makes source demonstrations has different: nobody trains on their images."""

OPTIONS = ("task", "source", "output_dataset", "output_dir", "num_trials", "num_envs", "seed", "device")
"""Configuration keys with an option of their own; `--set` reaches all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 bad input, 3 target not reached, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")  # names in a damaged file may be no text
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
        with ended_by_signals():
            return int(options.command(options))
    except DatagenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # who read the output has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where Python writes what it has kept back, when it ends
        return 1
    except KeyboardInterrupt:
        return 130


def run_config(options: argparse.Namespace, mode: str, defaults: Mapping[str, object] = {}) -> RunConfig:
    """Return the configuration of a run from defaults, file, environment and options, in this order.

    Args:
        options: Parsed options.
        mode: What the command does, whatever a file says.
        defaults: What the command has different from a plain run.

    Raises:
        ConfigError: Something is unknown, has the wrong type or is out of range.
    """
    project: Flat = {
        "output_dataset": PROJECT / "datasets" / "generated_dataset.hdf5",
        "output_dir": PROJECT / "output",
    }
    from_file = layers.read_toml(options.config) if options.config else {}
    from_options = {key: getattr(options, key) for key in OPTIONS if getattr(options, key) is not None}
    for flag in ("fresh", "plots", "replay_states"):
        if getattr(options, flag, False):
            from_options[flag] = True
    from_options |= {
        key: value for key, value in vars(options).items() if key.startswith("render.") and value is not None
    }
    assignments = layers.from_assignments(options.set)
    environment = layers.from_environment(os.environ)
    return config.build(project, dict(defaults), from_file, environment, assignments, from_options, {"mode": mode})


def generate(options: argparse.Namespace) -> int:
    """Generate demonstrations from annotated ones, or list the tasks that can be generated for."""
    if options.list_tasks:
        from mimicgen.datagen.tasks.listing import list_tasks

        return list_tasks()
    run = run_config(options, "generate", {"source": SHIPPED_SOURCE})
    check_file(_source(run))
    return _run(run)


def record(options: argparse.Namespace) -> int:
    """Record source demonstrations with the scripted expert, annotated as they are recorded."""
    if not options.expert:
        raise ConfigError(
            "record: only the scripted expert records here, pass --expert; "
            "people record with Isaac Lab's own record_demos.py, and 'annotate' takes its files"
        )
    output = PROJECT / "datasets" / "recorded_demos.hdf5"
    return _run(run_config(options, "record", {"num_trials": 10, "output_dataset": output} | SOURCES_ONLY))


def annotate(options: argparse.Namespace) -> int:
    """Replay raw demonstrations and write those that reach every subtask, annotated for Mimic."""
    first = run_config(options, "annotate")
    demos = check_demos(_source(first), first.task)
    output = PROJECT / "datasets" / f"{demos.path.stem}_annotated.hdf5"
    own = {"num_trials": len(demos.names), "guarantee": False, "output_dataset": output, "settle_steps": 0}
    return _run(run_config(options, "annotate", own | SOURCES_ONLY))


def render(options: argparse.Namespace) -> int:
    """Render the demonstrations of a dataset from their recorded states."""
    run = run_config(options, "render", {"source": options.dataset, "render.when": "at_end"})
    demos = check_recorded(_source(run), run.task, run.render.demos)
    return _run(dataclasses.replace(run, num_trials=len(demos.names), num_envs=1))


def replay(options: argparse.Namespace) -> int:
    """Replay demonstrations and count how many succeed again: by their actions, or by their recorded states."""
    options.source = options.dataset
    first = run_config(options, "replay")
    demos = check_demos(_source(first), first.task)
    folder = PROJECT / "output" / f"replay_{demos.path.stem}"
    own = {"num_trials": len(demos.names), "guarantee": False, "settle_steps": 0, "output_dir": folder, "fresh": True}
    run = run_config(options, "replay", own | SOURCES_ONLY)
    return _run(dataclasses.replace(run, output_dataset=run.output_dir / "replay.hdf5"))  # which nothing writes


def check(options: argparse.Namespace) -> int:
    """Check source demonstrations against a task: what is usable, what is not, and what to do about it."""
    run = run_config(options, "generate", {"source": SHIPPED_SOURCE})
    check_file(_source(run))
    from mimicgen.datagen.cli.check import check_command

    return check_command(run, as_json=options.json)


def report(options: argparse.Namespace) -> int:
    """Write a page that shows a dataset and its run: replay, funnel, plots, table. Opens without a network."""
    from mimicgen.datagen.dataset.folders import cache_folder
    from mimicgen.datagen.report import document, page
    from mimicgen.datagen.report.collect import DEMOS, collect
    from mimicgen.datagen.report.records import of_run
    from mimicgen.datagen.report.scene import scene_of

    dataset = options.dataset.expanduser().absolute()
    check_regular(dataset)
    path = _report_file(dataset, options.output, options.format)
    with reserved(path, replace=is_ours):
        records, source = of_run(dataset, options.records or PROJECT / "output", wanted=options.records is not None)
        (data,) = guarded(collect, (dataset, records, options.source or source, options.demos or DEMOS))
        if path.suffix == ".docx":
            document.write(path, data)
        else:
            page.write(path, page.page(data, scene_of(data, cache_folder())))
    count = counted(len(data["demos"]), "demonstration")
    print(f"wrote {shown(path)}: {count}, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _report_file(dataset: Path, output: Path | None, kind: str | None) -> Path:
    """Return the file that a report is written to.

    Args:
        dataset: What it is about.
        output: The file that is wanted; None: beside the dataset.
        kind: 'html' or 'docx'; None: as the file's name says, else 'html'.

    Raises:
        ConfigError: The file's name says another kind, or none.
    """
    if output is None:
        return dataset.with_name(f"{dataset.stem}_report.{kind or 'html'}")
    path = output.expanduser().absolute()
    if path.suffix not in ([f".{kind}"] if kind else [".html", ".docx"]):
        raise ConfigError(f"output '{path}': expected a name that ends with {f'.{kind}' if kind else '.html or .docx'}")
    return path


def selftest(options: argparse.Namespace) -> int:
    """Try everything that a run needs, and say in seconds what is wrong: Kit, Isaac Lab, a step, frames, outputs."""
    run = run_config(options, "generate", {"source": SHIPPED_SOURCE})
    for folder in (run.output_dir, run.output_dataset.parent):
        print(f"ok      {shown(writable_folder(folder.expanduser().absolute()))} can be written", flush=True)
    check_file(_source(run))
    return _launch(run, "headless", {"selftest": True})


def gui(options: argparse.Namespace) -> int:
    """Open the panel in a window of the desktop: configure, start and watch runs."""
    run = run_config(options, "generate", {"source": SHIPPED_SOURCE} | recall())
    return _launch(run, "gui", {"desktop": True}, window=True)


def _source(run: RunConfig) -> Path:
    """Return the source file of a run, after a look at all of it where it can do no harm."""
    if run.source is None:
        raise SourceError("no demonstrations; pass --source with an HDF5 file in Isaac Lab's layout")
    path = run.source.expanduser().absolute()
    guarded(read_through, (path,))
    return path


def _run(run: RunConfig) -> int:
    """Run a configuration in the embedded runtime."""
    check_installed(run.physics)
    Outputs(run).check()
    return _launch(run, "headless", {"autostart": True})


def _launch(run: RunConfig, app: str, settings: Flat, *, window: bool = False) -> int:
    """Run one of the project's Kit applications with a configuration."""
    folder = writable_folder(run.output_dir.expanduser().absolute())
    from mimicgen.datagen.cli.launch import fresh_log, run_kit
    from mimicgen.datagen.dataset.folders import cache_folder

    log = fresh_log(folder)
    print(f"mimicgen.datagen {__version__}; Kit's and Isaac Lab's output goes to {shown(log)}", flush=True)
    values = {key: value for key, value in run.flat().items() if value is not None}
    for key in ("source", "output_dataset", "output_dir"):
        if key in values:
            values[key] = Path(values[key]).expanduser().absolute()
    if window:
        os.chdir(PROJECT)  # the window's library leaves its settings (imgui.ini) in the current folder
    signals_as_ever()  # Kit's side says itself what they do to a run
    path = PROJECT / "config" / f"mimicgen.datagen.{app}.kit"
    return run_kit(path, log, settings | values, cache=cache_folder(), window=window)


def _count(text: str) -> int:
    """Return a number of things, at least one."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of demonstrations; give 1 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="datagen.sh", description=main.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = _add_run_command(commands, "generate", generate)
    command.add_argument("--list-tasks", action="store_true", help="show the Mimic tasks that can run here, and exit")
    command = _add_run_command(commands, "record", record)
    command.add_argument("--expert", action="store_true", help="the scripted expert acts")
    command = _add_run_command(commands, "annotate", annotate)
    command.add_argument("--plots", action="store_true", help=config.fields()["plots"].metadata["doc"])
    command = _add_run_command(commands, "render", render)
    command.add_argument("dataset", type=argument_path, help="HDF5 file of the task")
    for key in ("demos", "views", "modalities", "width", "height", "every", "videos"):
        about = config.fields()[f"render.{key}"].metadata["doc"]
        command.add_argument(f"--{key}", metavar="VALUE", dest=f"render.{key}", help=about)
    _add_run_command(commands, "gui", gui)
    _add_run_command(commands, "selftest", selftest)
    command = _add_run_command(commands, "check", check)
    command.add_argument("--json", action="store_true", help="print JSON")
    about = (report.__doc__ or "").partition("\n")[0]
    command = commands.add_parser("report", help=about, description=report.__doc__, allow_abbrev=False)
    command.set_defaults(command=report)
    command.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    about = "folder with the run's run.json and attempts.jsonl (default: output/, if they are of this dataset)"
    command.add_argument("--records", type=argument_path, metavar="FOLDER", help=about)
    about = "HDF5 file of the source demonstrations (default: the run's)"
    command.add_argument("--source", type=argument_path, metavar="FILE", help=about)
    about = "html: a page for the browser; docx: a Word document (default: as the file's name says, else html)"
    command.add_argument("--format", choices=("html", "docx"), help=about)
    about = "file to write (default: beside the dataset, NAME_report.html or .docx)"
    command.add_argument("--output", type=argument_path, metavar="FILE", help=about)
    about = "demonstrations that are shown, the first ones (default: 1000, which take 14 MB)"
    command.add_argument("--demos", type=_count, metavar="N", help=about)
    tools = commands.add_parser("dataset", help="tools for datasets").add_subparsers(metavar="TOOL", required=True)
    dataset_cli.add_tools(tools)
    command = _add_run_command(tools, "replay", replay)
    command.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    command.add_argument(
        "--states", dest="replay_states", action="store_true", help=config.fields()["replay_states"].metadata["doc"]
    )
    tools = commands.add_parser("task", help="tools for task files").add_subparsers(metavar="TOOL", required=True)
    tasks_cli.add_tools(tools)
    return parser


def _add_run_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add a command that runs something, with the options of every run."""
    help_line = (function.__doc__ or "").partition("\n")[0]
    command = commands.add_parser(name, help=help_line, description=function.__doc__, allow_abbrev=False)
    command.set_defaults(command=function)
    command.add_argument("--config", type=argument_path, metavar="FILE", help="TOML file with the configuration")
    fields = config.fields()
    for key in OPTIONS:
        command.add_argument(f"--{key.replace('_', '-')}", metavar="VALUE", dest=key, help=fields[key].metadata["doc"])
    command.add_argument("--fresh", action="store_true", help=fields["fresh"].metadata["doc"])
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any key of the configuration; repeatable"
    )
    return command
