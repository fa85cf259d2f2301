"""`datagen.sh export FORMAT DATASET`: demonstrations in the formats that policies are trained from.

A format is a row of the table: what writes it, and what it adds to the options that all have.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mimicgen.datagen.cli.formats import lerobot, rerun
from mimicgen.datagen.config.values import argument_path

FORMATS: dict[str, tuple[Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None]]] = {
    "lerobot": (lerobot.export, lerobot.add_options),
    "rerun": (rerun.export, rerun.add_options),
}
"""By name: the command, whose docstring is its help, and what adds the options of its own."""


def add_export(commands: Any) -> None:
    """Add the command `export` with its formats."""
    about = "write demonstrations in a format that policies are trained from"
    formats = commands.add_parser("export", help=about, description=about).add_subparsers(
        metavar="FORMAT", required=True
    )
    for name, (export, add_options) in FORMATS.items():
        help_line = (export.__doc__ or "").partition("\n")[0]
        command = formats.add_parser(name, help=help_line, description=export.__doc__, allow_abbrev=False)
        command.set_defaults(command=export)
        command.add_argument("dataset", type=argument_path, help="HDF5 file of demonstrations")
        add_options(command)
        command.add_argument("--json", action="store_true", help="print JSON")
