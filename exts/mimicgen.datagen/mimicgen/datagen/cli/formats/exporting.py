"""`datagen.sh export FORMAT` and `import FORMAT`: demonstrations in the formats that policies are trained from.

A format is a row of a table: what writes or reads it, and what it adds to the options that all have.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mimicgen.datagen.cli.formats import gr00t, lerobot, rerun, robomimic
from mimicgen.datagen.config.values import argument_path

Row = tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None]]
"""A command, whose docstring is its help, and what adds the options of its own."""

FORMATS: dict[str, Row] = {
    "lerobot": (lerobot.export, lerobot.add_options),
    "gr00t": (gr00t.export, gr00t.add_options),
    "rerun": (rerun.export, rerun.add_options),
    "robomimic": (robomimic.export, robomimic.add_options),
}
"""What can be exported to, by name."""

SOURCES: dict[str, Row] = {
    "lerobot": (lerobot.import_, lerobot.add_source),
}
"""What can be imported, by name."""


def add_formats(commands: Any) -> None:
    """Add the commands `export` and `import` with their formats."""
    about = "write demonstrations in a format that policies are trained from"
    for command in _formats(commands, "export", about, FORMATS):
        command.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
        command.add_argument("--json", action="store_true", help="print JSON")
    _formats(commands, "import", "write raw demonstrations, for 'annotate', from such a format", SOURCES)


def _formats(commands: Any, name: str, about: str, table: dict[str, Row]) -> list[argparse.ArgumentParser]:
    formats = commands.add_parser(name, help=about, description=about).add_subparsers(metavar="FORMAT", required=True)
    made = []
    for kind, (function, add_options) in table.items():
        help_line = (function.__doc__ or "").partition("\n")[0]
        command = formats.add_parser(kind, help=help_line, description=function.__doc__, allow_abbrev=False)
        command.set_defaults(command=function)
        add_options(command)
        made.append(command)
    return made
