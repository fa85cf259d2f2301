"""Episodes on disk while a run goes on: a small file each, whole or absent, folded into one dataset at the end.

A dataset that is written in place can be left unreadable by a kill, and one that is flushed after every episode still
has a moment in which it is. Small files have none: each is written under another name, synchronised, and renamed, so
whatever has its name is complete. An episode is first written under its attempt's number, `attempt_12.hdf5`, and gets
its demonstration's name, `demo_7.hdf5`, when it is the attempt's turn to be committed. Folding copies them, as they
are stored, into a new file that replaces the dataset when it is on the disk; only then do they go.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5o

from mimicgen.datagen.dataset.files import natural_order
from mimicgen.datagen.dataset.folders import explained, sync_folder
from mimicgen.datagen.dataset.formats.language import LANGUAGE
from mimicgen.datagen.dataset.replacing import discard, discard_folder, name_file, new_file
from mimicgen.datagen.dataset.sources.raw import read_states
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.dataset.tools.copying import steps_of, written
from mimicgen.datagen.errors import OutputError

FORMAT_VERSION = 1
"""Isaac Lab 3.0's layout: quaternions are x, y, z, w."""

COMPRESSION = 2
"""Level of gzip, as Isaac Lab's file handler has it."""

Episode = Mapping[str, Any]
"""Arrays of one episode by name, nested, one row a step."""


class Parts:
    """The episodes of a dataset that is being written.

    Args:
        dataset: The dataset to be.

    Attributes:
        dataset: The dataset to be.
        folder: Where the episodes are until then.
    """

    def __init__(self, dataset: Path):
        self.dataset = dataset
        self.folder = dataset.with_name(f"{dataset.name}.parts")

    def path(self, name: str) -> Path:
        """Return the file of a demonstration."""
        return self.folder / f"{name}.hdf5"

    def written(self) -> list[str]:
        """Return the names of the demonstrations that wait to be folded, in natural order."""
        return sorted((path.stem for path in self.folder.glob("demo_*.hdf5")), key=natural_order)

    def prepare(self) -> None:
        """Make the folder, and remove what was not committed when a process ended."""
        with explained(self.folder):
            self.folder.mkdir(exist_ok=True)
        self.discard()

    def discard(self) -> None:
        """Remove the episodes that were not committed: their attempts are made again."""
        with explained(self.folder):
            for pattern in (".*.part.hdf5", "attempt_*.hdf5"):
                for left in self.folder.glob(pattern):
                    discard(left)

    def commit(self, names: Mapping[str, str]) -> None:
        """Make episodes that were written demonstrations. When this returns, they outlast the process and the power.

        Args:
            names: The name of each demonstration, by the name that its episode was written under.

        Raises:
            OutputError: A file cannot be renamed.
        """
        with explained(self.folder):
            for written, demo in names.items():
                name_file(self.path(written), self.path(demo))
            sync_folder(self.folder)

    def remove_if_empty(self) -> None:
        """Remove the folder when nothing waits in it."""
        discard_folder(self.folder)

    def write(self, name: str, episode: Episode, attributes: Mapping[str, Any]) -> None:
        """Write an episode. When this returns, it outlasts whatever happens to the process or the power.

        Args:
            name: The demonstration's name, or another that `commit` replaces by it.
            episode: What was recorded.
            attributes: Attributes of the demonstration.

        Raises:
            OutputError: It cannot be written.
        """
        # HDF5 makes the file in memory: where a disk is full, HDF5 2.0 crashes the process when it closes the file.
        with h5py.File(name, "w", driver="core", backing_store=False) as file:
            file.attrs["format_version"] = FORMAT_VERSION
            demo = file.create_group(f"data/{name}")
            _write(demo, episode)
            demo.attrs["num_samples"] = len(episode["actions"])
            for key, value in attributes.items():
                demo.attrs[key] = value
            file.flush()
            image = file.id.get_file_image()
        with new_file(self.path(name)) as scratch, explained(self.path(name)):
            scratch.write_bytes(image)

    def attributes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name and the attributes of every demonstration, those of the dataset first.

        Raises:
            OutputError: A file that waits to be folded is damaged, or none of ours.
        """
        if self.dataset.exists():
            with h5py.File(self.dataset, "r") as file:
                for name in sorted(file["data"], key=natural_order):
                    yield name, dict(file["data"][name].attrs)
        for name in self.written():
            with _blamed(self.path(name)), h5py.File(self.path(name), "r") as file:
                attributes = dict(_episode(file).attrs)
            yield name, attributes

    def states(self, name: str) -> StateSequence:
        """Return the states of a demonstration, folded or not."""
        if self.path(name).exists():
            with _blamed(self.path(name)), h5py.File(self.path(name), "r") as file:
                return _states(_episode(file))
        with h5py.File(self.dataset, "r") as file:
            return _states(file["data"][name])

    def fold(self, env_args: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Put every written demonstration into the dataset, and remove their own files.

        Args:
            env_args: What robomimic and Isaac Lab want to know of the environment.
            provenance: Where the demonstrations come from, and, under `language`, their task in words.

        Raises:
            OutputError: The dataset cannot be written; the demonstrations stay where they are.
        """
        names = self.written()
        if names:
            self._check_room(names)
            with new_file(self.dataset, replace=h5py.is_hdf5) as scratch:
                if self.dataset.exists():
                    shutil.copyfile(self.dataset, scratch)
                with written(scratch, mode="a") as file:
                    self._append(file, names)
                    file.attrs["format_version"] = FORMAT_VERSION
                    file.attrs["provenance"] = json.dumps(provenance)
                    file["data"].attrs["env_args"] = json.dumps(env_args)
                    if LANGUAGE in provenance:
                        file["data"].attrs[LANGUAGE] = json.dumps(provenance[LANGUAGE])
        for name in names:
            discard(self.path(name))

    def _check_room(self, names: list[str]) -> None:
        """Check that the new dataset fits beside the old one, rather than have HDF5 find out (see `write`)."""
        files = [*map(self.path, names), *([self.dataset] if self.dataset.exists() else [])]
        needed = sum(path.stat().st_size for path in files)
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OutputError(
                f"output '{self.dataset}': {needed // 2**20 + 1} MB are needed and {free // 2**20} MB are free; "
                "make room, and run this again"
            )

    def _append(self, file: h5py.File, names: list[str]) -> None:
        data = file.require_group("data")
        total = int(data.attrs.get("total", 0))
        for name in names:
            with contextlib.ExitStack() as stack:
                with _blamed(self.path(name)):
                    episode = _episode(stack.enter_context(h5py.File(self.path(name), "r")))
                if name in data:
                    self._refuse_another(name, episode, data[name])
                    continue  # folded already, before the process ended between replacing and removing
                h5o.copy(episode.id, b".", data.id, name.encode())
            # What the attempt's record did not know when it was written.
            if "record" in data[name].attrs:
                data[name].attrs["record"] = json.dumps(json.loads(data[name].attrs["record"]) | {"demo": name})
            total += steps_of(data[name])
        data.attrs["total"] = total

    def _refuse_another(self, name: str, part: h5py.Group, folded: h5py.Group) -> None:
        """Check that the demonstration of this name in the dataset is the one that waits: it says the same of itself.

        Raises:
            OutputError: It is another one.
        """
        for key, value in part.attrs.items():
            # The record of the attempt is completed by folding; what it says is in the other attributes, too.
            if key != "record" and not np.array_equal(folded.attrs.get(key), value):
                raise OutputError(
                    f"output '{self.dataset}' has another {name} than the one that waits in '{self.folder}', so that "
                    "one cannot be put there; move the dataset away, and run this again"
                )


@contextlib.contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """Say which file cannot be read, and what to do.

    Raises:
        OutputError: It is damaged, or none of ours.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise OutputError(
            f"output '{path}' is damaged, or no demonstration of a run ({type(error).__name__}: {error}); move it away "
            "and run this again: its attempt is made again"
        ) from error


def _episode(file: h5py.File) -> h5py.Group:
    """Return the one episode of a file, whatever its name."""
    (episode,) = file["data"].values()
    missing = {"actions", "states", "initial_state"} - set(episode)
    if missing:
        raise KeyError(min(missing))
    return episode


def _states(demo: h5py.Group) -> StateSequence:
    return StateSequence.of(read_states(demo["initial_state"]), read_states(demo["states"]))


def _write(group: h5py.Group, values: Episode) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _write(group.create_group(key), value)
        else:
            images = value.ndim == 4 or (value.ndim == 3 and value.dtype == np.uint16)  # and are read one at a time
            chunks = (1, *value.shape[1:]) if images and len(value) else None
            group.create_dataset(key, data=value, chunks=chunks, compression="gzip", compression_opts=COMPRESSION)
