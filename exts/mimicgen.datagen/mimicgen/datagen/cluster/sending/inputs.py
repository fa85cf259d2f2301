"""What a run reads, for workers that have no folder in common with it: sources and task files, packed and unpacked."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.replacing import name_folder
from mimicgen.datagen.errors import SourceError

MOST = 2**30
"""Bytes that a run's files may have: a task file lies in a folder of its own, with what it names."""


@dataclass(frozen=True)
class Inputs:
    """The files of a run.

    Attributes:
        content: All of them, packed.
        places: Where each is in there, by its key in the configuration.
    """

    content: bytes
    places: dict[str, str]

    @property
    def digest(self) -> str:
        """What tells them from others, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def packed_inputs(config: Generate) -> Inputs:
    """Return the files that a run reads: its source, and its task's file with all that is beside it.

    Raises:
        SourceError: They cannot be read, or are more than can be sent.
    """
    wanted: dict[str, Path] = {}
    if config.source is not None:
        wanted["source"] = config.source
    if config.task.endswith(".toml"):
        wanted["task"] = Path(config.task)
    if config.task_file is not None:
        wanted["task_file"] = config.task_file
    content = io.BytesIO()
    places = {}
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for key, given in wanted.items():
            path = given.expanduser().absolute()
            places[key] = f"{key}/{path.name}"
            beside = _below(path.parent) if key == "task" else iter((path,))
            for file in beside:
                try:
                    member = packed.gettarinfo(file, f"{key}/{file.relative_to(path.parent)}")
                    with file.open("rb") as opened:
                        _refuse_more(content.tell() + member.size, key, path)
                        packed.addfile(member, opened)
                except OSError as error:
                    raise SourceError(f"{key} = '{path}': '{file}' cannot be read: {error.strerror}") from error
    return Inputs(content.getvalue(), places)


def unpacked(config: Generate, inputs: Inputs, folder: Path) -> Generate:
    """Write the files of a run into a folder, and return the run as it is with them.

    Args:
        config: The run.
        inputs: Its files.
        folder: Where to.

    Raises:
        OutputError: They cannot be written.
    """
    place = writable_folder(folder.parent)
    if not folder.is_dir():  # another worker of this machine may have written it
        with explained(folder), tempfile.TemporaryDirectory(prefix=".arriving.", dir=place) as arriving:
            made = Path(arriving, folder.name)
            made.mkdir()
            with tarfile.open(fileobj=io.BytesIO(inputs.content), mode="r") as packed:
                packed.extractall(made, filter="data")
            try:
                name_folder(made, folder)
            except OSError:
                if not folder.is_dir():  # nor did one just now
                    raise
    here: dict[str, Any] = {key: folder / place for key, place in inputs.places.items()}
    if "task" in here:
        here["task"] = str(here["task"])
    return structs.replace(config, **here)


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and in those below it, but for hidden ones."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _refuse_more(size: int, key: str, path: Path) -> None:
    """Check that files can be sent.

    Raises:
        SourceError: They are too large.
    """
    if size > MOST:
        raise SourceError(
            f"{key} = '{path}': with what is beside it, it has more than {MOST / 1e9:.1f} GB, which are not sent to "
            "every worker; put it into a folder with what it names alone, or use cluster.results = shared"
        )
