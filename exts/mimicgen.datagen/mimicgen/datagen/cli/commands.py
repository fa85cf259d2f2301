"""The one command line: `datagen.sh COMMAND`. Checks what the user passed before anything heavy is imported."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import cast

from mimicgen.datagen.cli import cluster as cluster_cli
from mimicgen.datagen.cli import dataset as dataset_cli
from mimicgen.datagen.cli import runs
from mimicgen.datagen.cli import tasks as tasks_cli
from mimicgen.datagen.cli.formats.exporting import add_formats
from mimicgen.datagen.cli.formats.rerun import add_view
from mimicgen.datagen.cli.policies.evaluating import add_evaluating
from mimicgen.datagen.cli.policies.training import add_train
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.files import check_regular
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.sources.guard import ended_by_signals, guarded
from mimicgen.datagen.errors import ConfigError, DatagenError
from mimicgen.datagen.text import counted, shown
from mimicgen.datagen.version import __version__


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
        records, source = of_run(
            dataset, options.records or runs.PROJECT / "output", wanted=options.records is not None
        )
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


def _count(text: str) -> int:
    """Return a number of things, at least one."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of demonstrations; give 1 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="datagen.sh", description=main.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    runs.add_run_commands(commands)
    add_evaluating(commands)
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
    runs.add_replay(tools)
    add_formats(commands)
    tools = commands.add_parser("cluster", help="runs in shards").add_subparsers(metavar="TOOL", required=True)
    cluster_cli.add_tools(tools)
    add_view(commands)
    add_train(commands)
    tools = commands.add_parser("task", help="tools for task files").add_subparsers(metavar="TOOL", required=True)
    tasks_cli.add_tools(tools)
    return parser
