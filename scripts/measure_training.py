"""Measure what a gradient step takes on a CPU, in float32 and in bfloat16 by turns.

    ./scripts/python.sh -m scripts.measure_training datasets/generated_dataset.hdf5 --json found.json

The preset `diffusion` is trained with either precision for some seconds, round by round. As many trainings as there are
cores run at once, of one thread each: so they take more steps together than one training with all cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.measure_policies import PYTHON
from scripts.measured import PROJECT, provenance, write

PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0, help="of every training, from its first step on")
    parser.add_argument("--json", type=Path, help="file to write; without it, the terminal")
    options = parser.parse_args()
    told = provenance("scripts.measure_training")
    cores = len(os.sched_getaffinity(0))
    found: dict[int, dict[str, list[float]]] = {size: {own: [] for own in PRECISIONS} for size in options.batch_size}
    with ThreadPoolExecutor(cores) as at_once:
        for _ in range(options.rounds):
            for size, own in found.items():
                for precision in PRECISIONS:
                    begun = [
                        at_once.submit(milliseconds, options.dataset, size, precision, options.seconds)
                        for _ in range(cores)
                    ]
                    own[precision].append(round(statistics.mean(one.result() for one in begun), 1))
    rows = [
        {
            "batch_size": size,
            "milliseconds_a_step": own,
            "medians": {precision: statistics.median(values) for precision, values in own.items()},
        }
        for size, own in found.items()
    ]
    write(
        told | {"preset": "diffusion", "threads": 1, "at_once": cores, "rounds": options.rounds, "rows": rows},
        options.json,
    )


def milliseconds(dataset: Path, size: int, precision: str, seconds: float) -> float:
    """Train for some seconds in a process of its own, and return what a step takes [ms]."""
    with tempfile.TemporaryDirectory() as folder:
        settings = (f"batch_size={size}", f"precision={precision}", "steps=100000")
        command = [str(PYTHON), "-m", "mimicgen.datagen.policies.training.trainer", "--dataset", str(dataset)]
        command += [
            "--device",
            "cpu",
            "--preset",
            f"{PROJECT}/config/train/diffusion.toml",
            "--output",
            f"{folder}/policy",
        ]
        command += [part for one in settings for part in ("--set", f"training.{one}")]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        ) as training:
            try:
                return _watched(training, seconds)
            finally:
                training.terminate()


def _watched(training: subprocess.Popen[str], seconds: float) -> float:
    """Return what a step takes [ms], between the first line about steps and one that comes so many seconds later."""
    first: tuple[float, int] | None = None
    assert training.stdout is not None
    for line in training.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] != "step":
            continue
        now = time.monotonic(), int(event["step"])
        first = first or now
        if now[0] - first[0] >= seconds:
            return 1e3 * (now[0] - first[0]) / (now[1] - first[1])
    raise SystemExit(f"measure_training: the training ended with exit code {training.wait()}")


if __name__ == "__main__":
    main()
