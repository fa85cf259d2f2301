"""The folder that an export writes: nobody else writes it meanwhile, and until all is there it says that it is not."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.locks import Lock, refuse_unfinished
from mimicgen.datagen.dataset.ours import PARTS
from mimicgen.datagen.dataset.replacing import begin_export, end_export


def add_output(command: argparse.ArgumentParser) -> None:
    """Add the option for the folder."""
    about = "folder to write; must not exist, or be one whose export was not finished"
    command.add_argument("--output", type=argument_path, required=True, metavar="FOLDER", help=about)


@contextlib.contextmanager
def exporting(output: Path, name: str, *about: Any) -> Iterator[None]:
    """Begin or continue an export, and end it.

    Args:
        output: The folder.
        name: Name of the format.
        about: What is exported and how: an export of anything else is not continued.

    Raises:
        BadInputError: The folder is there and not of this export, somebody else writes it, or it cannot be written.
    """
    refuse_unfinished(output)
    writable_folder(output.parent)
    lock = Lock(output.with_name(f"{output.name}.lock"), output)
    try:
        digest = hashlib.sha256(repr((name, *about)).encode()).hexdigest()
        begin_export(output, f'{{"export": "{name}", "digest": "{digest}"}}\n')
        yield
        end_export(output, PARTS)
    finally:
        lock.close()
