"""Time `validate` on 1000 demonstrations, and `merge` of ten files of 1 GB against a plain copy of them.

    ./scripts/python.sh scripts/bench_datasets.py FOLDER [--rounds 3] [--only validate|merge]

FOLDER takes up to 21 GB and is left as it was. Copy and merge take turns; both end when their bytes are on the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from mimicgen.datagen.dataset.files import datasets_in, demo_names

SHIPPED = Path(__file__).resolve().parents[1] / "tests" / "data" / "source_demos.hdf5"

DEMOS, STEPS = 1000, 250
"""What is validated."""

FILES, FRAMES, SIZE = 10, 200, (256, 256, 3)
"""What is merged: per file, demonstrations of so many frames of one camera, 1 GB together."""


def main() -> None:
    """Make the files, time the tools, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("validate", "merge"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        if options.only != "merge":
            time_validate(Path(scratch), options.rounds)
        if options.only != "validate":
            time_merge(Path(scratch), options.rounds)


def time_validate(folder: Path, rounds: int) -> None:
    """Validate many demonstrations of the usual length, all different, without images."""
    path = folder / "many.hdf5"
    random = np.random.default_rng(1)
    with h5py.File(SHIPPED) as shipped, h5py.File(path, "w") as file:
        data = _begin(shipped, file, DEMOS * STEPS)
        sources = [shipped["data"][name] for name in demo_names(shipped)]
        for index in range(DEMOS):
            source = sources[index % len(sources)]
            demo = data.create_group(f"demo_{index}")
            demo.attrs.update(source.attrs)
            demo.attrs["num_samples"] = STEPS
            for key, dataset in datasets_in(source):
                values = dataset[:]
                if not key.startswith("initial_state"):  # the last row is held until the length is reached
                    values = values[np.minimum(np.arange(STEPS), len(values) - 1)]
                if key.endswith("actions"):
                    values = np.clip(values + random.normal(0, 1e-3, values.shape), -1, 1).astype(values.dtype)
                demo.create_dataset(key, data=values, compression="gzip")
    seconds = [_timed(lambda: _datagen("validate", path)) for _ in range(rounds)]
    print(f"validate: {DEMOS} demonstrations of {STEPS} steps, {path.stat().st_size / 1e6:.0f} MB: {_spread(seconds)}")
    path.unlink()


def time_merge(folder: Path, rounds: int) -> None:
    """Merge files with images, and copy the same files, by turns."""
    paths = [folder / f"part_{index}.hdf5" for index in range(FILES)]
    for index, path in enumerate(paths):
        _images(path, index)
    copied, merged = [], []
    for _ in range(rounds):
        copied.append(_timed(lambda: _copy(paths, folder / "copies")))
        shutil.rmtree(folder / "copies")
        merged.append(_timed(lambda: _datagen("merge", *paths, "--output", folder / "merged.hdf5")))
        (folder / "merged.hdf5").unlink()
    size = sum(path.stat().st_size for path in paths) / 1e9
    print(f"copy: {FILES} files, {size:.1f} GB: {_spread(copied)}")
    ratio = statistics.median(merged) / statistics.median(copied)
    print(f"merge: the same: {_spread(merged)}; {ratio:.2f} times the copy")


def _begin(shipped: h5py.File, file: h5py.File, total: int) -> h5py.Group:
    file.attrs.update(shipped.attrs)
    data = file.create_group("data")
    data.attrs.update(shipped["data"].attrs)
    data.attrs["total"] = total
    return data


def _images(path: Path, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(0, 256, (FRAMES, *SIZE), dtype=np.uint8)
    count = round(1e9 / frames.nbytes)
    with h5py.File(SHIPPED) as shipped, h5py.File(path, "w") as file:
        data = _begin(shipped, file, 0)
        for index in range(count):
            shipped.copy(shipped["data/demo_3"], data, name=f"demo_{index}")
            chunks = (1, *SIZE)
            data[f"demo_{index}"].create_dataset("obs/table_rgb", data=frames, chunks=chunks)


def _copy(paths: list[Path], folder: Path) -> None:
    folder.mkdir()
    for path in paths:
        shutil.copyfile(path, folder / path.name)
        descriptor = os.open(folder / path.name, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _datagen(*arguments: object) -> None:
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "dataset", *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SystemExit(process.stdout[-2000:] + process.stderr)


def _timed(call: Callable[[], None]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.1f} s of {len(seconds)} ({min(seconds):.1f} to {max(seconds):.1f})"


if __name__ == "__main__":
    main()
