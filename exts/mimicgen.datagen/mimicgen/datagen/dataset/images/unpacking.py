"""Images of a dataset, unpacked by all cores: HDF5 unpacks one at a time, for minutes of a thousand demonstrations."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import Executor

import h5py
import numpy as np
from numpy.typing import NDArray

GZIP = h5py.h5z.FILTER_DEFLATE

_PART = 32
"""Images that a thread unpacks one after the other."""

Image = NDArray[np.uint8]


def unpacked(array: h5py.Dataset, pool: Executor) -> Image:
    """Return all images of a demonstration.

    Args:
        array: Shape (steps, height, width, channels), uint8.
        pool: What unpacks them.

    Raises:
        OSError: They are damaged.
    """
    count, *size = array.shape
    if not count or not _is_packed_one_by_one(array):
        whole: Image = np.asarray(array[()], np.uint8)
        return whole
    found = np.empty(array.shape, np.uint8)
    parts = [range(begin, min(begin + _PART, count)) for begin in range(0, count, _PART)]
    list(pool.map(lambda part: _unpack(array, part, found, size), parts))
    return found


def _is_packed_one_by_one(array: h5py.Dataset) -> bool:
    """Return whether every image is a chunk of its own that has been through gzip alone, as runs write them."""
    filters = array.id.get_create_plist()
    alone = filters.get_nfilters() == 1 and filters.get_filter(0)[0] == GZIP
    return bool(alone and array.chunks == (1, *array.shape[1:]) and array.dtype == np.uint8)


def _unpack(array: h5py.Dataset, part: Sequence[int], into: Image, size: Sequence[int]) -> None:
    rest, length = (0,) * len(size), into[0].nbytes
    for index in part:
        try:
            skipped, packed = array.id.read_direct_chunk((index, *rest))
        except (OSError, RuntimeError):  # never written, for which HDF5 has a value, or damaged, as it will say itself
            into[index] = array[index]
            continue
        try:
            plain = packed if skipped else zlib.decompressobj().decompress(packed, length)
        except zlib.error as error:
            raise OSError(f"image {index} is damaged: {error}") from error
        if len(plain) != length:
            raise OSError(f"image {index} is damaged: it has {len(plain)} bytes instead of {length}")
        into[index].reshape(-1)[...] = np.frombuffer(plain, np.uint8)
