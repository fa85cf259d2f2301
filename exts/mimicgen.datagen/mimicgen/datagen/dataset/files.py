"""Opening files of demonstrations, and what every reader of them needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import h5py

from mimicgen.datagen.errors import SourceError


def natural_order(name: str) -> tuple[str | int, ...]:
    """Sort key that puts demo_2 before demo_10."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))


def open_source(path: Path) -> h5py.File:
    """Open a source file for reading.

    Raises:
        SourceError: The file is missing, is not HDF5, is damaged, is held by a writer, or has no demonstrations.
    """
    if not path.is_file():
        raise SourceError(f"source '{path}' does not exist; pass --source with an annotated HDF5 file")
    if not h5py.is_hdf5(path):
        raise SourceError(f"source '{path}' is not an HDF5 file; pass --source with an annotated HDF5 file")
    try:
        file = h5py.File(path, "r")
    except BlockingIOError as error:
        raise SourceError(f"source '{path}' is being written by another process; wait for it to finish") from error
    except OSError as error:
        raise SourceError(f"source '{path}' is damaged or truncated ({error}); copy it again") from error
    if not isinstance(file.get("data"), h5py.Group) or not demo_names(file):
        file.close()
        raise SourceError(f"source '{path}' has no demonstrations under 'data'; pass a dataset in Isaac Lab's layout")
    return file


def demo_names(file: h5py.File) -> list[str]:
    """Return the names of the demonstrations in natural order."""
    data = file["data"]
    return sorted((name for name in data if isinstance(data.get(name), h5py.Group)), key=natural_order)


def recorded_task(file: h5py.File) -> str:
    """Return the registered name of the task that a file was recorded for, '' if it names none.

    Raises:
        SourceError: The attribute that holds it cannot be read.
    """
    try:
        return str(json.loads(file["data"].attrs.get("env_args", "{}")).get("env_name", ""))
    except (json.JSONDecodeError, AttributeError) as error:
        raise SourceError(
            f"source '{file.filename}': attribute 'env_args' of 'data' is not a JSON object ({error}); "
            'write one, {"env_name": TASK}, or record the file again'
        ) from error


def datasets_in(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every dataset below a group with its path from there; links that lead nowhere are left out."""
    for name, member in group.items():
        path = f"{prefix}{name}"
        if isinstance(member, h5py.Group):
            yield from datasets_in(member, f"{path}/")
        elif isinstance(member, h5py.Dataset):
            yield path, member
