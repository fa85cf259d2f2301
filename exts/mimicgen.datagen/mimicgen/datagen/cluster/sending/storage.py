"""A place for finished shards that is reached by an address: any that fsspec knows, or a folder.

A shard is two files: what is packed, under a name that no other try has, and, put there when all of that is there, a
few lines that name it. A shard without those lines is not there; two that put the same one do not mix.

Layout::

    <address>/<dataset>_shards/attempts_00000001_00000128.1f0c3a9e.tar
    <address>/<dataset>_shards/attempts_00000001_00000128.json
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.cluster.sending.packing import PIECE, Packed
from mimicgen.datagen.cluster.shards import Shard, shard_named
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import SetupError

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What fsspec wants for an address, where its own message would be no help."""

_TOLD = ("end", "config", "source", "task_file", "versions", "runtime", "physics")
"""What the lines say of a shard's record: enough to see whose it is."""

_TOGETHER = 256
"""Shards whose lines are read at once."""


@dataclass(frozen=True)
class Stored:
    """A shard in a storage, which is whole.

    Attributes:
        shard: Which.
        copy: Which of those that made it side by side.
        name: What its folder is called.
        file: Name of its file.
        packed: What that file has to be.
        told: What it says of its attempts.
        record: What its run record says of what it was made with.
    """

    shard: Shard
    copy: int
    name: str
    file: str
    packed: Packed
    told: Told
    record: dict[str, Any]


class Storage:
    """The shards of one run at an address.

    Args:
        address: An address of fsspec, or a folder.
        name: What the run's folder of shards is called.

    Raises:
        SetupError: fsspec, or what it wants for the address, is not installed, or there is no such address.
    """

    def __init__(self, address: str, name: str):
        self.place = f"{address.rstrip('/')}/{name}"
        try:
            import fsspec
        except ImportError as error:
            raise SetupError("fsspec is not installed; run: ./scripts/setup.sh --with cluster") from error
        self._is_of_objects = address.partition(":")[0] in _PACKAGES
        try:
            self._files, self._root = fsspec.core.url_to_fs(self.place)
        except ImportError as error:
            package = _PACKAGES.get(address.partition(":")[0])
            wanted = f"install {package}=={fsspec.__version__} on every machine" if package else str(error)
            raise SetupError(f"cluster.results = {quoted(address)}: {wanted}") from error
        except ValueError as error:
            raise SetupError(f"cluster.results = {quoted(address)}: {error}") from error

    def put(self, name: str, file: Path, packed: Packed, told: Told, record: Mapping[str, Any]) -> None:
        """Put a packed shard here, and then say that it is there.

        Args:
            name: What its folder is called.
            file: The packed shard.
            packed: What it is.
            told: What it says of its attempts.
            record: Its run record.

        Raises:
            SetupError: It cannot be put here.
        """
        stored = f"{name}.{secrets.token_hex(4)}.tar"
        lines = {
            "file": stored,
            "size": packed.size,
            "sha256": packed.sha256,
            "outcomes": "".join(map(str, told.outcomes)),
            "reached": dict(told.reached),
            "record": {key: record[key] for key in _TOLD if key in record},
        }
        with self._explained():
            if not self._is_of_objects:  # which have no folders, and would make a bucket of a name that is misspelled
                self._files.makedirs(self._root, exist_ok=True)
            self._files.put_file(str(file), f"{self._root}/{stored}")
            self._files.pipe_file(f"{self._root}/{name}.json", json.dumps(lines).encode())

    def shard(self, name: str) -> Stored | None:
        """Return a shard by the name of its folder, None if it is not here.

        Raises:
            SetupError: The storage cannot be read.
        """
        with self._explained():
            self._files.invalidate_cache()
            path = f"{self._root}/{name}.json"
            return _stored(name, self._files.cat_file(path)) if self._files.exists(path) else None

    def shards(self) -> list[Stored]:
        """Return the shards that are here, in the order of their numbers.

        Raises:
            SetupError: The storage cannot be read.
        """
        with self._explained():
            self._files.invalidate_cache()
            try:
                paths = [str(path) for path in self._files.ls(self._root, detail=False)]
            except FileNotFoundError:
                return []
            lines = sorted(path for path in paths if path.endswith(".json"))
            found = []
            for begin in range(0, len(lines), _TOGETHER):
                some = self._files.cat(lines[begin : begin + _TOGETHER], on_error="omit")
                found += [_stored(Path(path).stem, content) for path, content in some.items()]
        return sorted((one for one in found if one is not None), key=lambda one: (one.shard, one.copy))

    def pieces(self, stored: Stored) -> Iterator[bytes]:
        """Yield a packed shard, piece by piece.

        Raises:
            SetupError: The storage cannot be read.
        """
        with (
            self._explained(),
            self._files.open(f"{self._root}/{stored.file}", "rb", block_size=PIECE, cache_type="none") as file,
        ):
            while piece := file.read(PIECE):
                yield piece

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Say which storage it is that failed.

        Raises:
            SetupError: It did.
        """
        try:
            yield
        except Exception as error:  # each kind of storage has errors of its own, with no common base
            raise SetupError(
                f"cluster.results: '{self.place}' cannot be used ({type(error).__name__}: {error}); see whether this "
                "machine reaches it and may write there"
            ) from error


def _stored(name: str, content: bytes) -> Stored | None:
    """Return the shard that some lines tell of, None if they are cut off or tell of none."""
    named = shard_named(name)
    if named is None:
        return None
    shard, copy = named
    try:
        lines = json.loads(content)
        file, packed = str(lines["file"]), Packed(int(lines["size"]), str(lines["sha256"]))
        outcomes = bytes(map(int, lines["outcomes"]))
        reached = {str(stage): int(count) for stage, count in lines["reached"].items()}
        record = dict(lines["record"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    whole = re.fullmatch(rf"{name}\.[0-9a-f]{{8}}\.tar", file) and len(outcomes) == shard.size and max(outcomes) <= 1
    return Stored(shard, copy, name, file, packed, Told(shard, outcomes, reached), record) if whole else None
