"""What merging in several processes could save: HDF5 takes one writer a file, so their parts are copied once more.

    ./scripts/python.sh -m scripts.measure_parallel_merging SHARD [--times 300] [--json FILE]

SHARD is as for `measure_merging`. Processor time is compared: in wall time there is other work of the machine, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
from h5py import h5o
from scripts.measure_merging import config_of, copy
from scripts.measured import provenance, write

from mimicgen.datagen.cluster.concluding import conclude
from mimicgen.datagen.cluster.results import whole_shards
from mimicgen.datagen.dataset.outputs.outputs import Outputs

PROCESSES = 2


def copied(output: Path, datasets: Sequence[Path]) -> None:
    """Copy all demonstrations, without a look at them: the least that merging can take."""
    count = 0
    with h5py.File(output, "w") as file:
        data = file.create_group("data")
        for dataset in datasets:
            with h5py.File(dataset) as source:
                for name in source["data"]:
                    h5o.copy(source["data"].id, name.encode(), data.id, f"demo_{count}".encode())
                    count += 1


def in_parts(folder: Path, datasets: Sequence[Path]) -> list[Path]:
    """Copy a share each in processes of their own. Returns what they have written."""
    size = -(-len(datasets) // PROCESSES)
    parts = [folder / f"part_{number}.hdf5" for number in range(PROCESSES)]
    shares = [datasets[number * size : (number + 1) * size] for number in range(PROCESSES)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.starmap(copied, zip(parts, shares, strict=True))
    return parts


def measured(work: Callable[[], object]) -> float:
    """Return the processor time that something takes, in this process and in those that it starts [s]."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    begin = used()
    work()
    return round(used() - begin, 2)


def main() -> None:
    """Make the shards, merge them in each of the ways, and write what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shard", type=Path)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--json", type=Path, help="file to write (default: the terminal)")
    options = parser.parse_args()
    original: Path = options.shard.absolute()
    with tempfile.TemporaryDirectory(dir=original.parent.parent) as folder:
        place = Path(folder)
        size, config = config_of(original, options.times, place)
        copy(original, size, options.times, config)
        shards = whole_shards(config)
        datasets = [made.dataset for made in shards.values()]
        outputs = Outputs(config)
        outputs.open()
        merging = measured(lambda: conclude(config, outputs, shards))
        outputs.close()
        found = {
            "shards": options.times,
            "processes": PROCESSES,
            "merging_processor_seconds": merging,
            "copying_alone_processor_seconds": measured(lambda: copied(place / "alone.hdf5", datasets)),
            "parts_processor_seconds": measured(lambda: in_parts(place, datasets)),
            "joining_parts_processor_seconds": measured(
                lambda: copied(place / "joined.hdf5", [place / f"part_{number}.hdf5" for number in range(PROCESSES)])
            ),
        }
    write(provenance("scripts.measure_parallel_merging") | found, options.json)


if __name__ == "__main__":
    main()
