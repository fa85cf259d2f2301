"""What may be in a file of demonstrations, so that reading it is harmless.

HDF5 can link to other files, keep an array's bytes in them, contain itself, and declare arrays of any size that take no
space at all. None of that belongs in demonstrations, and each of it makes a careless reader leave the file, never end,
or fill the memory. Everything is looked at here before anything is read, link by link, without following any that leads
elsewhere; after that, readers use paths as they like.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5p

from mimicgen.datagen.dataset.names import LONGEST, why_not
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import SourceError

DEEPEST = 16
"""Groups may be nested this deep; Isaac Lab nests them five deep."""

LARGEST = 64 * 2**20
"""Bytes that an array may have which is read in one go, and that a frame of images may have."""

LARGEST_CHUNK = 256 * 2**20
"""Bytes that a chunk may have: HDF5 unpacks chunks whole."""

LARGEST_ATTRIBUTE = 16 * 2**20
"""Bytes that an attribute may have."""

type _Path = tuple[bytes, ...]
"""Names of the links from the file's root."""

_PLAIN = "biufS"
"""Kinds of values, as NumPy abbreviates them, besides texts of any length."""

_ELSEWHERE = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "an external link"}

_NO_LINKS = "make a file without links first (h5repack, or h5py's Group.copy with expand_soft and expand_external)"
_RENAME = "give it another name (h5py's Group.move)"
_RECORD = "take the original file, or record it again"


def is_images(path: str, shape: tuple[int, ...]) -> bool:
    """Whether an array of a demonstration is a camera's frames, shape (steps, height, width, channels).

    Args:
        path: Where it is in its demonstration.
        shape: Its shape.
    """
    return path.count("/") == 1 and path.startswith("obs/") and len(shape) == 4


class Walk:
    """A look at a file, link by link. A group is visited once, so neither a cycle nor a thicket of links takes long.

    Args:
        file: The file, just opened.
    """

    def __init__(self, file: h5py.File):
        self._file = file
        self._seen: set[int] = set()

    def check(self, demos: Collection[str] | None = None) -> None:
        """Check that the file holds nothing but plain groups and arrays of its own, as large as demonstrations are.

        Args:
            demos: Demonstrations whose content is looked at, None for all; that of the others must not be read.

        Raises:
            SourceError: It holds something else; the message names it.
            Exception: What h5py raises where a file is broken, which may be nearly anything.
        """
        chosen = None if demos is None else {name.encode() for name in demos}
        for _ in self._arrays(self._file.id, (), chosen):
            pass

    def arrays(self, demo: str) -> Iterator[tuple[str, h5d.DatasetID]]:
        """Yield the arrays of a demonstration that `check` left out, checked, with their paths in it.

        Raises:
            SourceError, Exception: As `check`.
        """
        group = self._file["data"][demo].id
        for path, array in self._arrays(group, (b"data", demo.encode()), None):
            yield b"/".join(path[2:]).decode("utf-8", "replace"), array

    def _arrays(
        self, group: h5g.GroupID, path: _Path, demos: Collection[bytes] | None
    ) -> Iterator[tuple[_Path, h5d.DatasetID]]:
        if len(path) > DEEPEST:
            raise self._error(path, f"is nested deeper than {DEEPEST} groups", _RECORD)
        alive()
        self._attributes(group, path)
        links: list[tuple[bytes, int, int]] = []
        group.links.iterate(lambda name, info: links.append((name, info.type, info.u)), info=True)
        for name, kind, address in links:
            at = (*path, name)
            refused = why_not(name, demo=path == (b"data",))
            if refused is not None:
                raise self._error(at, refused, _RENAME)
            if kind != h5l.TYPE_HARD:
                raise self._error(at, f"is {_ELSEWHERE.get(kind, 'a link of an unknown kind')}", _NO_LINKS)
            if path == (b"data",) and demos is not None and name not in demos:
                continue
            member = h5o.open(group, name)
            if isinstance(member, h5d.DatasetID):
                self._array(member, at)
                yield at, member
            elif not isinstance(member, h5g.GroupID):
                raise self._error(at, "is neither a group nor an array", _RECORD)
            elif address in self._seen:
                raise self._error(at, "is a group that also stands elsewhere in the file", _NO_LINKS)
            else:
                self._seen.add(address)
                yield from self._arrays(member, at, demos)

    def _array(self, array: h5d.DatasetID, path: _Path) -> None:
        self._attributes(array, path)
        creation: h5p.PropDCID = array.get_create_plist()
        layout = creation.get_layout()
        if layout == h5d.VIRTUAL or creation.get_external_count():
            raise self._error(path, "has its values in other files", "make one file of it (h5repack)")
        shape, width = array.shape, self._width(array, path)
        if shape is None:
            raise self._error(path, "is an array without a shape", _RECORD)
        frames = path[0] == b"data" and is_images("/".join(part.decode("utf-8", "replace") for part in path[2:]), shape)
        declared = width * math.prod(shape[1:] if frames else shape)
        if declared > LARGEST:
            raise self._error(path, f"declares shape {shape}, {declared} bytes at a time", f"at most {LARGEST} serve")
        if layout == h5d.CHUNKED and width * math.prod(creation.get_chunk()) > LARGEST_CHUNK:
            raise self._error(path, f"has chunks of shape {creation.get_chunk()}", "make smaller ones (h5repack -l)")

    def _attributes(self, owner: Any, path: _Path) -> None:
        for index in range(h5a.get_num_attrs(owner)):
            attribute = h5a.open(owner, index=index)
            size = self._width(attribute, path) * math.prod(attribute.shape or ())
            if size > LARGEST_ATTRIBUTE:
                name = attribute.name.decode("utf-8", "replace")
                raise self._error(path, f"has an attribute '{name}' of {size} bytes", _RECORD)

    def _width(self, values: h5d.DatasetID | h5a.AttrID, path: _Path) -> int:
        """Return the bytes of one value, and see that it is a number or a text."""
        dtype = values.dtype
        if dtype.kind not in _PLAIN and h5py.check_string_dtype(dtype) is None:
            raise self._error(path, f"has values of type {dtype}, which are neither numbers nor texts", _RECORD)
        return int(dtype.itemsize)

    def _error(self, path: _Path, problem: str, remedy: str) -> SourceError:
        name = "/".join(part[:LONGEST].decode("utf-8", "backslashreplace") for part in path[:6]) + (
            "/..." if path[6:] else ""
        )
        return SourceError(f"source '{self._file.filename}': '/{name}' {problem}; {remedy}")
