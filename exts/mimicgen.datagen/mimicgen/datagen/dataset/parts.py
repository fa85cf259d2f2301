"""Episodes on disk while a run goes on: a small file each, whole or absent, folded into one dataset at the end.

A dataset that is written in place can be left unreadable by a kill, and one that is flushed after every episode still
has a moment in which it is. Small files have none: each is written under another name, synchronised, and renamed, so
whatever has its name is complete. Folding copies them, as they are stored, into a new file that replaces the dataset
when it is on the disk; only then do they go.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5o

from mimicgen.datagen.dataset.copying import steps_of, written
from mimicgen.datagen.dataset.files import natural_order
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.raw import read_states
from mimicgen.datagen.dataset.replacing import discard, discard_folder, new_file
from mimicgen.datagen.dataset.states import StateSequence
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
        """Make the folder, and remove what was being written when a process ended."""
        with explained(self.folder):
            self.folder.mkdir(exist_ok=True)
            for left in self.folder.glob(".*.part.hdf5"):
                discard(left)

    def remove_if_empty(self) -> None:
        """Remove the folder when nothing waits in it."""
        discard_folder(self.folder)

    def write(self, name: str, episode: Episode, attributes: Mapping[str, Any]) -> None:
        """Write a demonstration. When this returns, it outlasts whatever happens to the process or the power.

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
        """Yield the name and the attributes of every demonstration, those of the dataset first."""
        for path in (self.dataset, *map(self.path, self.written())):
            if path.exists():
                with h5py.File(path, "r") as file:
                    for name in sorted(file["data"], key=natural_order):
                        yield name, dict(file["data"][name].attrs)

    def states(self, name: str) -> StateSequence:
        """Return the states of a demonstration, folded or not."""
        path = self.path(name)
        with h5py.File(path if path.exists() else self.dataset, "r") as file:
            demo = file["data"][name]
            return StateSequence.of(read_states(demo["initial_state"]), read_states(demo["states"]))

    def fold(self, env_args: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        """Put every written demonstration into the dataset, and remove their own files.

        Args:
            env_args: What robomimic and Isaac Lab want to know of the environment.
            provenance: Where the demonstrations come from.

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
            with h5py.File(self.path(name), "r") as part:
                if name in data:
                    self._refuse_another(name, part["data"][name], data[name])
                    continue  # folded already, before the process ended between replacing and removing
                h5o.copy(part["data"].id, name.encode(), data.id, name.encode())
            total += steps_of(data[name])
        data.attrs["total"] = total

    def _refuse_another(self, name: str, part: h5py.Group, folded: h5py.Group) -> None:
        """Check that the demonstration of this name in the dataset is the one that waits: it says the same of itself.

        Raises:
            OutputError: It is another one.
        """
        for key, value in part.attrs.items():
            if not np.array_equal(folded.attrs.get(key), value):
                raise OutputError(
                    f"output '{self.dataset}' has another {name} than the one that waits in '{self.folder}', so that "
                    "one cannot be put there; move the dataset away, and run this again"
                )


def _write(group: h5py.Group, values: Episode) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _write(group.create_group(key), value)
        else:
            group.create_dataset(key, data=value, compression="gzip", compression_opts=COMPRESSION)
