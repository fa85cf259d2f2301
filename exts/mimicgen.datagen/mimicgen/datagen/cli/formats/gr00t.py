"""The command `datagen.sh export gr00t`."""

from __future__ import annotations

import argparse

from mimicgen.datagen.cli.formats import lerobot
from mimicgen.datagen.cli.formats.choosing import add_choice, add_rows, chosen
from mimicgen.datagen.cli.formats.folders import add_output
from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.errors import ConfigError

SHOWN = tuple(name for name in MODALITIES if name != "depth")


def export(options: argparse.Namespace) -> int:
    """Write a dataset for GR00T: LeRobot's layout v2.1, with modality.json and annotations, videos in H.264.

    Depth is left out, as GR00T reads videos of three channels. A command that was ended is continued by the same
    command.
    """
    lerobot.check_packages()
    if "depth" in options.modality:
        raise ConfigError(f"--modality depth: GR00T reads colours alone; choose among {', '.join(SHOWN)}")
    options.modality = options.modality or [*SHOWN]
    from mimicgen.datagen.dataset.formats.gr00t import NAME, assemble
    from mimicgen.datagen.dataset.formats.lerobot.card import about_gr00t

    found = chosen(options)
    output = options.output.expanduser().absolute()
    lerobot.write(found, output, about_gr00t(found, NAME), assemble)
    lerobot.tell(options, found, output, NAME)
    return 0


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_output(command)
    add_choice(command)
    add_rows(command, "h264")
