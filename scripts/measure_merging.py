"""How fast the shards of a run are put together: one that is there, copied under other numbers as often as is wanted.

    ./scripts/python.sh -m scripts.measure_merging SHARD [--times 100] [--json FILE]

SHARD is the folder of a shard, `<dataset>_shards/attempts_.../`, made with the default configuration but for its task.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import tempfile
import time
from pathlib import Path

import h5py
from scripts.measured import provenance, write

from mimicgen.datagen.cluster.concluding import conclude
from mimicgen.datagen.cluster.results import whole_shards
from mimicgen.datagen.cluster.shards import DATASET, Shard, folder_of
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.tasks.defaults import build


def copy(original: Path, size: int, times: int, config: Generate) -> int:
    """Copy a shard under the numbers of those that would follow it. Returns the bytes of all datasets."""
    total = 0
    record = json.loads((original / "run.json").read_text())
    lines = [json.loads(line) for line in (original / "attempts.jsonl").read_text().splitlines()]
    lines.sort(key=lambda one: one["number"])
    for time_ in range(times):
        shift = time_ * size - (lines[0]["number"] - 1)
        shard = Shard(time_ * size + 1, (time_ + 1) * size)
        folder = folder_of(config.output_dataset, shard)
        folder.mkdir(parents=True)
        told = {"first_attempt": shard.first, "output_dataset": str(folder / DATASET), "output_dir": str(folder)}
        (folder / "run.json").write_text(json.dumps(record | {"config": record["config"] | told}))
        numbered = [one | {"number": one["number"] + shift} for one in lines]
        (folder / "attempts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in numbered))
        shutil.copyfile(original / DATASET, folder / DATASET)
        with h5py.File(folder / DATASET, "r+") as file:
            for demo in file["data"].values():
                demo.attrs["attempt"] = int(demo.attrs["attempt"]) + shift
        total += (folder / DATASET).stat().st_size
    return total


def config_of(original: Path, times: int, place: Path) -> tuple[int, Generate]:
    """Return how many attempts a shard has, and the run of so many of them, with its outputs in a folder."""
    size = len((original / "attempts.jsonl").read_text().splitlines())
    own = read_toml(original / "job.toml") if (original / "job.toml").exists() else {}
    told = {key: value for key, value in own.items() if key not in ("mode", "first_attempt")}
    told |= {"output_dataset": place / "all.hdf5", "output_dir": place / "o"}
    return size, build(told | {"num_trials": size * times, "guarantee": False})


def main() -> None:
    """Make the shards, merge them, and write what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shard", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--json", type=Path, help="file to write (default: the terminal)")
    options = parser.parse_args()
    original: Path = options.shard.absolute()
    with tempfile.TemporaryDirectory(dir=original.parent.parent) as place:
        size, config = config_of(original, options.times, Path(place))
        stored = copy(original, size, options.times, config)
        begin = time.perf_counter()
        shards = whole_shards(config)
        read = time.perf_counter() - begin
        outputs = Outputs(config)
        outputs.open()
        begin, used = time.perf_counter(), time.process_time()
        merged = conclude(config, outputs, shards)
        took, used = time.perf_counter() - begin, time.process_time() - used
        outputs.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = merged.counts.successes
    measured = {
        "shards": options.times,
        "demonstrations": kept,
        "stored_mb": round(stored / 1e6, 1),
        "checking_seconds": round(read, 2),
        "merging_seconds": round(took, 2),
        "merging_processor_seconds": round(used, 2),
        "demonstrations_a_second": round(kept / took),
        "demonstrations_a_processor_second": round(kept / used),
        "peak_memory_mb": round(memory / 1024),
    }
    write(provenance("scripts.measure_merging") | measured, options.json)


if __name__ == "__main__":
    main()
