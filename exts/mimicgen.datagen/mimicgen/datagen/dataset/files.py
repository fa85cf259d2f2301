"""Opening files of demonstrations, and what every reader of them needs."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5s
from numpy.typing import NDArray

from mimicgen.datagen.dataset.names import PARENT
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.sources.structure import DEEPEST, Walk, is_images
from mimicgen.datagen.errors import SourceError

_CACHE = 2**20
"""Size of HDF5's cache of what is known of groups and arrays [bytes]; a demonstration has 60 kB of that."""


def natural_order(name: str) -> tuple[str | int, ...]:
    """Sort key that puts demo_2 before demo_10."""
    return tuple(int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name))


def check_regular(path: Path) -> None:
    """Check that a source is there, and a file: opening a pipe would wait for somebody to write into it.

    Raises:
        SourceError: It is not.
    """
    if path.is_file():
        return
    if path.exists():
        raise SourceError(f"source '{path}' is no regular file; pass an HDF5 file of demonstrations")
    if path.with_name(f"{path.name}.parts").is_dir():
        raise SourceError(f"source '{path}' was not finished; run its command again, which continues it")
    raise SourceError(f"source '{path}' does not exist; pass an HDF5 file of demonstrations")


@contextlib.contextmanager
def open_source(path: Path, *, demos: Collection[str] | None = None) -> Iterator[h5py.File]:
    """Open a source file for reading; the one place where files of others are opened.

    Inside, every path of the file leads to a plain group or array of its own, of a size that can be read; see
    `mimicgen.datagen.dataset.sources.structure`. Errors of writing are to be handled inside: what HDF5 raises here is
    taken for damage of this file.

    Args:
        path: The file.
        demos: Demonstrations that will be read, None for all; naming them saves the look at the others.

    Raises:
        SourceError: The file is missing, is not HDF5, is damaged, is held by a writer, has no demonstrations, or has
            something in it that does not belong there.
    """
    check_regular(path)
    if not h5py.is_hdf5(path):
        raise SourceError(f"source '{path}' is not an HDF5 file; pass an HDF5 file of demonstrations")
    try:
        with h5py.File(path, "r") as file:
            _bound_memory(file)
            _check(file, demos)
            yield file
    except BlockingIOError as error:
        raise SourceError(f"source '{path}' is being written by another process; wait for it to finish") from error
    except (OSError, RuntimeError) as error:  # what h5py raises where a file's content is broken
        raise SourceError(f"source '{path}' is damaged or truncated ({error}); copy it again") from error
    except MemoryError as error:
        raise SourceError(
            f"source '{path}' takes more memory than there is; it may be damaged, copy it again"
        ) from error


def read_demo(file: h5py.File, walk: Walk, name: str) -> tuple[dict[str, NDArray[Any]], dict[str, h5py.Dataset]]:
    """Read a demonstration that was not named when its file was opened.

    Args:
        file: The file.
        walk: A look at it.
        name: The demonstration.

    Returns:
        Its arrays by path, and its images, which are too large to be read in one go.

    Raises:
        SourceError: As `open_source`.
        OSError: It is damaged, which `open_source` turns into a `SourceError`.
    """
    arrays: dict[str, NDArray[Any]] = {}
    images: dict[str, h5py.Dataset] = {}
    with _broken_is_oserror():
        for path, array in walk.arrays(name):
            if is_images(path, array.shape):
                images[path] = h5py.Dataset(array)
            elif array.dtype.kind == "O":
                arrays[path] = np.asarray(h5py.Dataset(array)[()])
            else:  # as h5py.Dataset does it, which takes three times as long for arrays as small as these
                arrays[path] = np.empty(array.shape, array.dtype)
                array.read(h5s.ALL, h5s.ALL, arrays[path])
    return arrays, images


def _bound_memory(file: h5py.File) -> None:
    """Have HDF5 keep what it knows of groups and arrays in a cache of one size.

    Its own rules let the cache grow with the number of demonstrations that are read, up to 32 MB as it counts, which
    are eight times that in memory.
    """
    settings = file.id.get_mdc_config()
    settings.set_initial_size, settings.initial_size = True, _CACHE
    settings.min_size, settings.max_size = _CACHE // 2, _CACHE
    file.id.set_mdc_config(settings)


def _check(file: h5py.File, demos: Collection[str] | None) -> None:
    """Raise `SourceError` for content that cannot be read safely, `OSError` for content that cannot be read."""
    with _broken_is_oserror():
        Walk(file).check(demos)
        names = demo_names(file) if isinstance(file.get("data"), h5py.Group) else []
    if not names:
        raise SourceError(
            f"source '{file.filename}' has no demonstrations under 'data'; pass a dataset in Isaac Lab's layout"
        )


@contextlib.contextmanager
def _broken_is_oserror() -> Iterator[None]:
    """Raise `OSError` for the other errors that h5py has for broken files."""
    try:
        yield
    except (KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise OSError(error) from error


def read_through(path: Path) -> None:
    """Read everything in a file but images, to see whether it can be read; meant for a guarded process.

    Raises:
        SourceError: As `open_source`.
    """
    with open_source(path, demos=()) as file:
        walk = Walk(file)
        for name in demo_names(file):
            read_demo(file, walk, name)


def demo_names(file: h5py.File) -> list[str]:
    """Return the names of the demonstrations in natural order."""
    data = file["data"]
    return sorted((name for name in data if isinstance(data.get(name), h5py.Group)), key=natural_order)


def parents(file: h5py.File) -> dict[str, str]:
    """Return of which demonstration each demonstration is a look, itself where it is none, in natural order."""
    found = {name: attribute(file["data"][name], PARENT) for name in demo_names(file)}
    return {name: parent if isinstance(parent, str) and parent in found else name for name, parent in found.items()}


def recorded_task(file: h5py.File) -> str:
    """Return the registered name of the task that a file was recorded for, '' if it names none.

    Raises:
        SourceError: The attribute that holds it cannot be read.
    """
    return str(env_args(file).get("env_name", ""))


def env_args(file: h5py.File) -> dict[str, Any]:
    """Return what a file says of its environment, {} if it says nothing.

    Raises:
        SourceError: The attribute that holds it cannot be read.
    """
    text = file["data"].attrs.get("env_args", "{}")
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError(f"it is {text!r:.60}")
    except (ValueError, TypeError, RecursionError) as error:
        raise SourceError(
            f"source '{file.filename}': attribute 'env_args' of 'data' is not a JSON object ({error}); "
            'write one, {"env_name": TASK}, or record the file again'
        ) from error
    return values


def datasets_in(group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield every dataset below a group with its path from there."""
    alive()
    for name, member in group.items():
        path = f"{prefix}{name}"
        if isinstance(member, h5py.Group):
            yield from datasets_in(member, f"{path}/")
        elif isinstance(member, h5py.Dataset):
            yield path, member


def main_arrays(demo: h5py.Group) -> dict[str, h5py.Dataset]:
    """Return a demonstration's actions and observations by path; of what is in groups of observations, nothing."""
    alive()
    observed = demo.get("obs")
    members = {f"obs/{name}": member for name, member in observed.items()} if isinstance(observed, h5py.Group) else {}
    members["actions"] = demo.get("actions")
    return {path: member for path, member in members.items() if isinstance(member, h5py.Dataset)}


def attribute(owner: h5py.Group, name: str) -> Any:
    """Return an attribute as plain Python values, None where there is none; a JSON text gives what it says."""
    value = owner.attrs.get(name)
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):  # a text that only looks like JSON
            told = json.loads(value, parse_int=_number)
            return value if nested(told, DEEPEST) else told
    return value


def nested(value: Any, levels: int) -> bool:
    """Return whether lists and tables are nested deeper than so many levels: too deep for whoever goes through them."""
    if not isinstance(value, (dict, list)):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(nested(member, levels - 1) for member in members)


def _number(digits: str) -> float:
    """Return a whole number of JSON's, one that no 64 bits hold as a number with a point."""
    return int(digits) if len(digits) < 19 else float(digits)


def attributes(owner: h5py.Group) -> dict[str, Any]:
    """Return every attribute as `attribute` does."""
    alive()
    return {name: attribute(owner, name) for name in owner.attrs}
