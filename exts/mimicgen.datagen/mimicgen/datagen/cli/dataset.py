"""The commands `datagen.sh dataset TOOL`.

What reads a file does so in a process of its own; see `dataset/sources/guard.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.dataset.tools import compact as compacting
from mimicgen.datagen.dataset.tools import filter as filtering
from mimicgen.datagen.dataset.tools import info as infos
from mimicgen.datagen.dataset.tools import merge as merging
from mimicgen.datagen.dataset.tools import sample as sampling
from mimicgen.datagen.dataset.tools import split as splitting
from mimicgen.datagen.dataset.tools import validate as validation
from mimicgen.datagen.dataset.tools.convert import convert_legacy
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.tasks.motion import motion_of
from mimicgen.datagen.tasks.predicates.reasons import success_rule
from mimicgen.datagen.text import as_json, counted, shown

if TYPE_CHECKING:
    from rich.table import Table

Command = Callable[[argparse.Namespace], int]

SHOWN = 50
"""Findings that `validate` prints; JSON has all."""

PROCESSES = 8
"""Processes among which `validate` shares the demonstrations, if there are as many processors."""


def info(options: argparse.Namespace) -> int:
    """Show what is in a dataset: demonstrations, lengths, size, cameras, success, origin."""
    (found,) = guarded(infos.info, (options.dataset, language_of_task))
    if options.json:
        print(as_json(dataclasses.asdict(found) | {"steps": sum(found.lengths)}))
        return 0
    from rich.console import Console  # as long in coming as all the rest of a command
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(shown(options.dataset)), title_justify="left", show_header=False)
    for name, value in found.rows():
        table.add_row(f"[bold]{name}", Text(shown(value)))
    console = Console(highlight=False)
    console.print(table)
    if options.demos:
        console.print(_table_of_demos(found))
    return 0


def validate(options: argparse.Namespace) -> int:
    """Check a dataset: whole, consistent, physically possible, successful. Exit code 2 when there are errors."""
    parts = min(len(os.sched_getaffinity(0)), PROCESSES)
    asked = (options.dataset, motion_of, success_rule)
    reports = guarded(validation.validate, *((*asked, part, parts) for part in range(parts)))
    (report,) = guarded(validation.joined, (options.dataset, reports))
    if options.json:
        counts = {"demos": report.demos, "steps": report.steps, "success": report.success, "errors": report.errors}
        findings = [dataclasses.asdict(finding) for finding in report.findings]
        print(as_json({"file": options.dataset, **counts, "findings": findings}))
    else:
        for finding in report.findings[:SHOWN]:
            print(finding)
        if len(report.findings) > SHOWN:
            print(f"... and {len(report.findings) - SHOWN} more; --json prints all")
        told = "success is not told for this task" if report.success is None else f"{report.success} end in success"
        warnings = len(report.findings) - report.errors
        print(
            f"{shown(options.dataset.name)}: {counted(report.demos, 'demonstration')}, "
            f"{counted(report.steps, 'step')}, {told}; "
            f"{counted(report.errors, 'error')}, {counted(warnings, 'warning')}"
        )
    return 2 if report.errors else 0


def merge(options: argparse.Namespace) -> int:
    """Join datasets of one task into a new file, the demonstrations numbered in their order."""
    count = _write(options.output, merging.merge, options.datasets)
    for path in _twice(options.datasets):
        print(f"warning: '{shown(path)}' was given twice, and its demonstrations are there twice", file=sys.stderr)
    print(f"wrote {shown(options.output.absolute())}: {counted(count, 'demonstration')}")
    return 0


def split(options: argparse.Namespace) -> int:
    """Choose demonstrations to validate with: robomimic's lists in a copy, or two files."""
    (lists,) = guarded(splitting.choose, (options.dataset, options.ratio, options.seed))
    if options.files:
        output = options.output
        paths = {name: output.with_name(f"{output.stem}_{name}{output.suffix}") for name in lists}
        with contextlib.ExitStack() as stack:
            scratch = {name: stack.enter_context(_new_file(path)) for name, path in paths.items()}
            for name, names in lists.items():
                guarded(filtering.filter_demos, (options.dataset, scratch[name], names))
    else:
        paths = dict.fromkeys(lists, options.output)
        _write(options.output, splitting.split, options.dataset, last=(lists,))
    for name, path in paths.items():
        print(f"wrote {shown(path.absolute())}: {name} {len(lists[name])}")
    return 0


def filter_(options: argparse.Namespace) -> int:
    """Write the demonstrations that meet every condition to a new file, under the names that they have."""
    conditions = [filtering.parse(text) for text in options.where]
    (names,) = guarded(filtering.choose, (options.dataset, conditions))
    if options.json:
        print(as_json({"file": options.dataset, "demos": names}))
    if options.output:
        _write(options.output, filtering.filter_demos, options.dataset, last=(names,))
    if not options.json:
        where = f"wrote {options.output.absolute()}: " if options.output else ""
        print(shown(f"{where}{counted(len(names), 'demonstration')}{': ' + ', '.join(names) if not where else ''}"))
    return 0


def sample(options: argparse.Namespace) -> int:
    """Write some demonstrations, drawn at random, to a new file, under the names that they have.

    The same seed draws the same ones, and of fewer some of those.
    """
    (names,) = guarded(sampling.choose, (options.dataset, options.count, options.seed))
    _write(options.output, filtering.filter_demos, options.dataset, last=(names,))
    print(f"wrote {shown(options.output.absolute())}: {counted(len(names), 'demonstration')}")
    return 0


def convert(options: argparse.Namespace) -> int:
    """Convert a dataset of Isaac Lab 2.x to the current format, every quaternion of it."""
    _write(options.output, convert_legacy, options.dataset, last=(motion_of,))
    print(f"wrote {shown(options.output.absolute())}")
    return 0


def compact(options: argparse.Namespace) -> int:
    """Write what a source needs of a dataset (actions, poses, signals, initial states), a sixth of the bytes."""
    count = _write(options.output, compacting.compact, options.dataset, last=(options.rounded,))
    size = options.output.stat().st_size
    print(f"wrote {shown(options.output.absolute())}: {counted(count, 'demonstration')}, {size / 1e6:.2f} MB")
    return 0


def add_tools(commands: Any) -> None:
    """Add the tools to the parser of `dataset`."""
    tool = _add(commands, "info", info)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    tool.add_argument("--demos", action="store_true", help="also a line a demonstration")
    _add_json(tool)
    tool = _add(commands, "validate", validate)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    _add_json(tool)
    tool = _add(commands, "merge", merge)
    tool.add_argument(
        "datasets", type=argument_path, nargs="+", help="HDF5 files of demonstrations, in the order wanted"
    )
    _add_output(tool)
    tool = _add(commands, "split", split)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    _add_output(tool)
    tool.add_argument("--ratio", type=float, default=0.1, help="share to validate with (default 0.1)")
    tool.add_argument("--seed", type=int, default=1, help="seed of the choice (default 1)")
    tool.add_argument("--files", action="store_true", help="two files, NAME_train and NAME_valid, instead of lists")
    tool = _add(commands, "filter", filter_)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    _add_output(tool, required=False)
    where = "condition on a recorded property, for instance 'num_samples<400'; repeatable, all have to hold"
    tool.add_argument("--where", action="append", required=True, metavar="CONDITION", help=where)
    _add_json(tool)
    tool = _add(commands, "sample", sample)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
    tool.add_argument("--count", type=int, required=True, metavar="N", help="how many demonstrations")
    tool.add_argument("--seed", type=int, default=1, help="seed of the draw (default 1)")
    _add_output(tool)
    tool = _add(commands, "compact", compact)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of annotated demonstrations")
    _add_output(tool)
    about = "round actions and poses to 0.03 mm and 0.002 degrees, which takes half the bytes again"
    tool.add_argument("--rounded", action="store_true", help=about)
    tool = _add(commands, "convert", convert)
    tool.add_argument("dataset", type=argument_path, help="HDF5 file of Isaac Lab 2.x")
    tool.add_argument("output", type=argument_path, help="file to write; must not exist")


def _write(output: Path, function: Callable[..., Any], source: Any, last: tuple[Any, ...] = ()) -> Any:
    """Call a guarded function that writes a new file: `function(source, file, *last)`."""
    with _new_file(output) as scratch:
        (result,) = guarded(function, (source, scratch, *last))
    return result


@contextlib.contextmanager
def _new_file(output: Path) -> Iterator[Path]:
    """Give the name of a file to write, which becomes `output`, whose name nobody else gets meanwhile."""
    with reserved(output), new_file(output) as scratch:
        yield scratch


def _twice(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are given more than once, under whatever name."""
    return [path for index, path in enumerate(paths) if any(path.samefile(other) for other in paths[:index])]


def _table_of_demos(found: infos.Info) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("demonstration", "steps", "success", "attempt", "seed", "source segments", "merged from")
    for demo in found.demos:
        values = (demo.steps, demo.success, demo.attempt, demo.seed, ", ".join(demo.sources), demo.merged_from)
        table.add_row(*(Text("" if value is None else shown(value)) for value in (demo.name, *values)))
    return table


def _add(commands: Any, name: str, function: Command) -> argparse.ArgumentParser:
    help_line = (function.__doc__ or "").partition("\n")[0]
    tool: argparse.ArgumentParser = commands.add_parser(name, help=help_line, description=function.__doc__)
    tool.set_defaults(command=function)
    return tool


def _add_json(tool: argparse.ArgumentParser) -> None:
    tool.add_argument("--json", action="store_true", help="print JSON")


def _add_output(tool: argparse.ArgumentParser, *, required: bool = True) -> None:
    tool.add_argument(
        "--output", type=argument_path, required=required, metavar="FILE", help="file to write; must not exist"
    )
