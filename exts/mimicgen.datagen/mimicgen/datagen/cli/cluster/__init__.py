"""The commands `datagen.sh cluster TOOL`: what puts the shards of a run together, and hands it to other schedulers."""

from __future__ import annotations

import argparse

from mimicgen.datagen.cli.cluster.emitting import add_emit
from mimicgen.datagen.cli.cluster.merging import add_merge


def add_tools(tools: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    add_merge(tools)
    add_emit(tools)
