"""The command `datagen.sh export robomimic`."""

from __future__ import annotations

import argparse
import hashlib
import re

from mimicgen.datagen.cli.formats.choosing import add_choice, chosen
from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.formats.describing import describe
from mimicgen.datagen.dataset.formats.record import facts_of
from mimicgen.datagen.dataset.formats.robomimic import NAME, Size, about, file_name, observations_of, write_robomimic
from mimicgen.datagen.dataset.locks import Lock, refuse_unfinished
from mimicgen.datagen.dataset.replacing import begin_export, end_export, new_file
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.text import as_json, counted, shown

SMALLEST, LARGEST = 16, 8192
"""Of an image's width and height [pixels]."""


def export(options: argparse.Namespace) -> int:
    """Write a file as robomimic's configurations read it: observations by name, images of every step among them.

    What only repeats the action, and what is no array, is left out of the observations; demonstrations are numbered
    anew. A command that was ended is begun again by the same command.
    """
    found = chosen(options)
    output, size = options.output.expanduser().absolute(), options.size
    path = output / file_name(found)
    refuse_unfinished(output)
    writable_folder(output.parent)
    lock = Lock(output.with_name(f"{output.name}.lock"), output)
    try:
        digest = hashlib.sha256(repr((NAME, found, size)).encode()).hexdigest()
        begin_export(output, f'{{"export": "{NAME}", "digest": "{digest}"}}\n')
        (observations,) = guarded(observations_of, (found.dataset, found))
        if not path.exists():
            with new_file(path) as scratch:
                guarded(write_robomimic, (found.dataset, scratch, found, observations, size))
        guarded(describe, (found.dataset, found, about(found, observations, size), output))
        end_export(output, ".parts")
    finally:
        lock.close()
    steps = sum(episode.steps for episode in found.episodes)
    if options.json:
        print(as_json(facts_of(found, NAME) | {"output": path, "left_out": dict(observations.left_out)}))
        return 0
    for name, why in observations.left_out.items():
        print(f"left out obs/{shown(name)}: {shown(why)}")
    images = ", ".join(observations.images) or "no images"
    many = counted(len(found.episodes), "demonstration")
    print(f"wrote {shown(path)}: {NAME}, {many}, {counted(steps, 'step')}, {shown(images)}")
    return 0


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    about_output = "folder to write; must not exist, or be one whose export was not finished"
    command.add_argument("--output", type=argument_path, required=True, metavar="FOLDER", help=about_output)
    about_size = "of the images, for instance 84x84 (default: as they were rendered)"
    command.add_argument("--size", type=_size, metavar="WIDTHxHEIGHT", help=about_size)
    add_choice(command)
    command.set_defaults(state=None, objects=False, video=None)


def _size(text: str) -> Size:
    """Return width and height of images [pixels]."""
    told = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if told is None or not all(SMALLEST <= int(one) <= LARGEST for one in told.groups()):
        raise argparse.ArgumentTypeError(
            f"'{shown(text)}' is no size of images; give WIDTHxHEIGHT, each from {SMALLEST} to {LARGEST}: 84x84"
        )
    return int(told[1]), int(told[2])
