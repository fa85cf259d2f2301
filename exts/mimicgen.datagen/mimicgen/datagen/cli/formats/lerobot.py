"""The commands `datagen.sh export lerobot` and `datagen.sh import lerobot`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimicgen.datagen.cli.formats.choosing import add_choice, add_rows, chosen, processes
from mimicgen.datagen.cli.formats.folders import add_output, exporting
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.formats.demonstrations import Plan
from mimicgen.datagen.dataset.formats.describing import About, describe
from mimicgen.datagen.dataset.formats.record import facts_of
from mimicgen.datagen.dataset.locks import reserved
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.text import as_json, counted, shown

NAME = "LeRobot v3.0"


def export(options: argparse.Namespace) -> int:
    """Write a LeRobot dataset, v3.0: rows in Parquet, videos in AV1, statistics, tasks and subtasks in words.

    A command that was ended is continued by the same command.
    """
    check_packages()
    found = chosen(options)
    output = options.output.expanduser().absolute()
    from mimicgen.datagen.dataset.formats.lerobot.assembling import assemble
    from mimicgen.datagen.dataset.formats.lerobot.card import about_lerobot

    write(found, output, about_lerobot(found, NAME), assemble)
    tell(options, found, output, NAME)
    return 0


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_output(command)
    add_choice(command)
    add_rows(command, "av1")


def import_(options: argparse.Namespace) -> int:
    """Write raw demonstrations from a LeRobot dataset that was exported here, with recorded actions."""
    check_packages()
    from mimicgen.datagen.dataset.formats.lerobot.reading import read_back

    folder, output = (path.expanduser().absolute() for path in (options.folder, options.output))
    with reserved(output), new_file(output) as scratch:
        (count,) = guarded(read_back, (folder, scratch))
    print(f"wrote {shown(output)}: {counted(count, 'demonstration')}; 'annotate' takes them")
    return 0


def add_source(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    command.add_argument("folder", type=argument_path, help="folder of the dataset")
    about = "HDF5 file to write; must not exist"
    command.add_argument("--output", type=argument_path, required=True, metavar="FILE", help=about)


def check_packages() -> None:
    """Check that what writes Parquet is installed.

    Raises:
        SetupError: It is not.
    """
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError as error:
        raise SetupError("Parquet files need the package pyarrow; run: ./scripts/setup.sh --with formats") from error


def write(found: Plan, output: Path, about: About, assemble: Callable[..., Any]) -> None:
    """Write an export: the files of its episodes side by side, then what is made of them, and its card.

    Args:
        found: What is exported.
        output: The folder.
        about: What the format says of itself.
        assemble: Makes the dataset: `assemble(dataset, plan, words, output)`.

    Raises:
        BadInputError: The folder is there, or cannot be written, or the dataset or its images cannot be read.
    """
    from mimicgen.datagen.dataset.formats.lerobot import layout
    from mimicgen.datagen.dataset.formats.lerobot.episodes import words_of, write_episodes

    with exporting(output, about.format, found):
        if not (output / layout.RECORD).exists():
            (words,) = guarded(words_of, (found.dataset, found))
            count = processes()
            shares = [(found.dataset, found, words, output, os.getpid(), part, count) for part in range(count)]
            guarded(write_episodes, *shares)
            guarded(assemble, (found.dataset, found, words, output))
        guarded(describe, (found.dataset, found, about, output))


def tell(options: argparse.Namespace, found: Plan, output: Path, name: str) -> None:
    """Say what was written."""
    if options.json:
        print(as_json(facts_of(found, name) | {"output": output}))
        return
    steps = sum(episode.steps for episode in found.episodes)
    cameras = ", ".join(image.name for image in found.cameras) or "no images"
    print(
        f"wrote {shown(output)}: {name}, {counted(len(found.episodes), 'episode')}, {counted(steps, 'step')}, {cameras}"
    )
