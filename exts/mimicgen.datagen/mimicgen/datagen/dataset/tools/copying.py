"""Writing new files of demonstrations from old ones: complete or not at all, without reading arrays into memory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np
from h5py import h5o

from mimicgen.datagen.dataset.files import datasets_in
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import OutputError


@contextlib.contextmanager
def written(path: Path, *sources: Path, mode: str = "w") -> Iterator[h5py.File]:
    """Open an HDF5 file for writing, and say what the matter is when that fails.

    Args:
        path: File to write; an existing one is replaced (see `replacing.new_file`).
        sources: Files that are copied from, for the message.
        mode: 'w' for a new file, 'a' to go on with one.

    Raises:
        OutputError: Writing failed, or reading the sources meanwhile.
    """
    try:
        with h5py.File(path, mode) as file:
            yield file
    except (OSError, RuntimeError, UnicodeError) as error:  # what h5py raises for a full disk and for broken content
        if not sources:
            raise OutputError(
                f"output '{path.parent}': {_why(error)}; choose a place with room that can be written"
            ) from error
        names = ", ".join(f"'{source}'" for source in sources)
        raise OutputError(
            f"{names} cannot be copied to a new file in '{path.parent}': {_why(error)}; "
            "see whether the disk is full, and copy the source again if it is damaged"
        ) from error


def _why(error: Exception) -> str:
    """Return what the system said, without what HDF5 was doing when it did; HDF5's words where it said nothing."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    told = re.search(r"errno = (\d+)", str(error))
    return os.strerror(int(told[1])) if told else f"HDF5 says: {error}"


def copy_demos(source: h5py.File, data: h5py.Group, names: Mapping[str, str]) -> int:
    """Copy demonstrations with everything in them, as they are stored.

    Args:
        source: An open file of demonstrations.
        data: Group to copy into.
        names: The new name of each demonstration to copy, by its name.

    Returns:
        The number of their steps, for the attribute `total`.
    """
    total = 0
    size = os.path.getsize(source.filename)
    for old, new in names.items():
        demo = source["data"][old]
        stored = sum(dataset.id.get_storage_size() for _, dataset in datasets_in(demo))
        alive(min(stored, size))
        h5o.copy(source["data"].id, old.encode(), data.id, new.encode())
        total += steps_of(demo)
    return total


def copy_attributes(source: h5py.Group, target: h5py.Group) -> None:
    """Copy every attribute."""
    for name, value in source.attrs.items():
        target.attrs[name] = value


def steps_of(demo: h5py.Group) -> int:
    """Return the number of a demonstration's steps: its actions, or what it says if it has none."""
    actions = demo.get("actions")
    if isinstance(actions, h5py.Dataset) and actions.ndim:
        return len(actions)
    count = np.asarray(demo.attrs.get("num_samples", 0))
    return int(count) if count.ndim == 0 and count.dtype.kind in "iu" else 0


def read_masks(file: h5py.File) -> dict[str, list[str]]:
    """Return robomimic's lists of demonstrations, `mask/<name>`, by name."""
    group = file.get("mask")
    if not isinstance(group, h5py.Group):
        return {}
    lists = {name: member for name, member in datasets_in(group) if member.ndim == 1 and member.dtype.kind in "SO"}
    return {name: [str(demo) for demo in member.asstr("utf-8", errors="replace")[:]] for name, member in lists.items()}


def write_masks(file: h5py.File, masks: Mapping[str, Iterable[str]]) -> None:
    """Write robomimic's lists of demonstrations; a list of the same name is replaced."""
    for name, demos in masks.items():
        if f"mask/{name}" in file:
            del file[f"mask/{name}"]
        file[f"mask/{name}"] = np.array([demo.encode() for demo in demos], dtype="S")
