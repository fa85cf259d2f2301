"""The command `datagen.sh export robomimic`."""

from __future__ import annotations

import argparse
import re

from mimicgen.datagen.cli.formats.choosing import add_choice, chosen
from mimicgen.datagen.cli.formats.folders import add_output, exporting
from mimicgen.datagen.dataset.formats.describing import describe
from mimicgen.datagen.dataset.formats.record import facts_of
from mimicgen.datagen.dataset.formats.robomimic import NAME, Size, about, file_name, observations_of, write_robomimic
from mimicgen.datagen.dataset.replacing import new_file
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
    with exporting(output, NAME, found, size):
        (observations,) = guarded(observations_of, (found.dataset, found))
        if not path.exists():
            with new_file(path) as scratch:
                guarded(write_robomimic, (found.dataset, scratch, found, observations, size))
        guarded(describe, (found.dataset, found, about(found, observations, size), output))
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
    add_output(command)
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
