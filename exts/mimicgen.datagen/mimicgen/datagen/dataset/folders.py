"""Folders that are written into: a run's, and the cache."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mimicgen.datagen.errors import OutputError


def cache_folder() -> Path:
    """Return the folder for converted assets: `$XDG_CACHE_HOME/mimicgen.datagen`, in `~/.cache` by default."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mimicgen.datagen"


def writable_folder(folder: Path) -> Path:
    """Make a folder if it is missing, and return it.

    Raises:
        OutputError: It cannot be made or written.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say what cannot be written, and what to do.

    Raises:
        OutputError: Writing failed.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"output '{path}': {error.strerror or error}; choose a place with room that can be written"
        ) from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
