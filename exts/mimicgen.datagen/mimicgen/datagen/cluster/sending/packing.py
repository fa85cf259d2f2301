"""A shard's folder as one file, which is sent in pieces, and the folder again where it arrives: whole, or not there."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.folders import explained, sync_folder, writable_folder
from mimicgen.datagen.dataset.replacing import name_folder, new_file
from mimicgen.datagen.errors import OutputError

PIECE = 8 * 2**20
"""What is sent, and held in memory, at once [bytes]."""

RECORD = "run.json"
"""The file of a shard that is packed last: it says that the others are there."""

_LEFT = (".lock", ".log")
"""Endings of files in a shard's folder that are of the process that made it."""


@dataclass(frozen=True)
class Packed:
    """What tells a packed shard from a part of it, and from another one.

    Attributes:
        size: How large it is [bytes].
        sha256: Its digest, in hexadecimal.
    """

    size: int
    sha256: str


def pack(folder: Path, record: Mapping[str, Any], file: Path) -> Packed:
    """Write the files of a shard into one, whole or not at all; an earlier one is replaced.

    Args:
        folder: The shard's folder.
        record: What its run record is to say.
        file: The file to write.

    Raises:
        OutputError: It cannot be written.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with (
        explained(file),
        new_file(file, replace=Path.is_file) as scratch,
        tarfile.open(scratch, "w", format=tarfile.PAX_FORMAT) as packed,
    ):
        for path in paths:
            name = path.relative_to(folder).as_posix()
            if name != RECORD and path.suffix not in _LEFT:
                packed.add(path, name, recursive=False, filter=_of_nobody)
        text = json.dumps(record, indent=2).encode()
        last = tarfile.TarInfo(RECORD)
        last.size, last.mtime = len(text), time.time()
        packed.addfile(last, io.BytesIO(text))
    return packed_as(file)


def packed_as(file: Path) -> Packed:
    """Return what tells a packed shard from others."""
    with file.open("rb") as content:
        return Packed(os.fstat(content.fileno()).st_size, hashlib.file_digest(content, "sha256").hexdigest())


def unpack(pieces: Iterable[bytes], packed: Packed, folder: Path, origin: str) -> None:
    """Make a shard's folder of what arrives. It gets its name when all of it is on the disk.

    Args:
        pieces: The packed shard, in order.
        packed: What it has to be.
        folder: The folder; it must not be there.
        origin: Where it comes from, for messages.

    Raises:
        OutputError: It is damaged, or the folder is there or cannot be written.
    """
    if os.path.lexists(folder):
        raise OutputError(
            f"output '{folder}' is in the way of the shard that comes from {origin}: it was begun here and is not "
            "whole; move it away"
        )
    place = writable_folder(folder.parent)
    with explained(folder), tempfile.TemporaryDirectory(prefix=".arriving.", dir=place) as arriving:
        made = Path(arriving, folder.name)
        made.mkdir()
        stream = _Stream(pieces)
        try:
            with tarfile.open(fileobj=stream, mode="r|") as content:
                for member in content:
                    _refuse_odd(member, origin)
                    content.extract(member, made, filter="data")
        except (tarfile.TarError, EOFError) as error:
            raise OutputError(f"the shard from {origin} is damaged ({error}); make it again") from error
        stream.drain()
        if stream.told() != packed or not (made / RECORD).is_file():
            raise OutputError(
                f"the shard from {origin} is damaged: {stream.size} of {packed.size} bytes arrived, or others than "
                "were sent; make it again"
            )
        for path in made.iterdir():
            if path.is_file():  # not every image: those can be drawn again
                _sync(path)
        sync_folder(made)
        name_folder(made, folder)
        sync_folder(place)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _refuse_odd(member: tarfile.TarInfo, origin: str) -> None:
    """Check that something packed is a file or a folder in the shard.

    Raises:
        OutputError: It is not: it would lead elsewhere.
    """
    parts = member.name.split("/")
    if not (member.isreg() or member.isdir()) or member.name.startswith("/") or ".." in parts:
        raise OutputError(
            f"the shard from {origin} has '{member.name}', which is no file of a shard; see who else can write there"
        )


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


class _Stream(io.RawIOBase):
    """Pieces as a file that is read once, and what has been read of it."""

    def __init__(self, pieces: Iterable[bytes]):
        self._pieces: Iterator[bytes] = iter(pieces)
        self._left = memoryview(b"")
        self._digest = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._digest.update(piece)
            self.size += len(piece)
            self._left = memoryview(piece)
        count = min(len(into), len(self._left))
        into[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def drain(self) -> None:
        """Read what follows the last file."""
        while self.read(PIECE):
            pass

    def told(self) -> Packed:
        """Return what was read."""
        return Packed(self.size, self._digest.hexdigest())
