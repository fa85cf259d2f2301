"""Images come out of a dataset as HDF5 reads them, whoever unpacks them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.images.unpacking import unpacked


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as threads:
        yield threads


@pytest.fixture
def file(tmp_path: Path) -> Iterator[h5py.File]:
    with h5py.File(tmp_path / "images.hdf5", "w") as opened:
        yield opened


def noise(count: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 6, 3), np.uint8)


@pytest.mark.parametrize(
    "layout",
    [
        {"chunks": (1, 8, 6, 3), "compression": "gzip"},
        {"chunks": (1, 8, 6, 3), "compression": "gzip", "shuffle": True},
        {"chunks": (5, 8, 6, 3), "compression": "lzf"},
        {"chunks": (1, 8, 6, 3)},
        {},
    ],
)
def test_all_images_whatever_the_layout(file: h5py.File, pool: Executor, layout: Any) -> None:
    expected = noise(70)
    np.testing.assert_array_equal(unpacked(file.create_dataset("a", data=expected, **layout), pool), expected)


def test_images_that_were_never_written_are_what_hdf5_says(file: h5py.File, pool: Executor) -> None:
    array = file.create_dataset("a", (40, 8, 6, 3), np.uint8, chunks=(1, 8, 6, 3), compression="gzip", fillvalue=7)
    array[3] = noise(1)[0]
    np.testing.assert_array_equal(unpacked(array, pool), array[()])


@pytest.mark.parametrize("packed", [b"no zlib", b"0"])
def test_damaged_images_are_told_by_number(file: h5py.File, pool: Executor, packed: bytes) -> None:
    array = file.create_dataset("a", data=noise(40), chunks=(1, 8, 6, 3), compression="gzip")
    array.id.write_direct_chunk((35, 0, 0, 0), packed)
    with pytest.raises(OSError, match="image 35 is damaged"):
        unpacked(array, pool)


def test_none(file: h5py.File, pool: Executor) -> None:
    assert unpacked(file.create_dataset("a", data=noise(0)), pool).shape == (0, 8, 6, 3)
