"""How many attempts succeed when a share of them is disturbed, and when those that fail are tried again.

    ./scripts/python.sh -m scripts.measure_recovery [--human HUMAN.hdf5] [--attempts 64] [--num-envs 16] [--json FILE]

Each row is a run of the shipped session, as in `measure_success`, from the ten shipped demonstrations and from ten
human ones: as it is, with `mimic.perturb`, with `mimic.retry_start`, and without the segments of the human ones that a
report says are kept less often. A row also has the run record's counts of the disturbed attempts and of the tries, and
in how many parts of the start ranges something was kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from scripts.measure_success import SEED, measure, plans
from scripts.measured import provenance, write

from mimicgen.datagen.tasks.defaults import build

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "perturb": {"mimic.perturb": 0.3},
    "retry": {"mimic.retry_start": 2},
}

LEFT_OUT = {
    "mimic.subtasks.grasp_1.leave_out": "demo_1,demo_9",
    "mimic.subtasks.stack_1.leave_out": "demo_0,demo_9",
    "mimic.subtasks.grasp_2.leave_out": "demo_0,demo_2,demo_4",
    "mimic.subtasks.final.leave_out": "demo_1,demo_5,demo_9",
}
"""Told by reports of 2341 and 3216 attempts from the human demonstrations with other seeds (docs/recovery.md)."""

TIMES = {"ms_a_step_median", "seconds", "kept_an_hour"}
"""What is left out of a row: it is of no concern here, and the machine may have other work."""


def row_of(said: dict[str, Any]) -> dict[str, Any]:
    """Make a run, and return its row."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"output_dataset": f"{folder}/g.hdf5", "output_dir": folder, "render.when": "never", "report": False}
        row = measure(build(said, own))
        told = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
    parts = told["coverage"]["objects"].values()
    covered = {key: sum(own[key] for own in parts) for key in ("parts", "parts_attempted", "parts_kept")}
    timeless = {key: value for key, value in row.items() if key not in TIMES}
    return timeless | {key: told["counts"][key] for key in ("tries", "perturbed")} | covered


def main() -> None:
    """Measure, print a line a row, and write JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", type=Path, help="HDF5 file of the ten human demonstrations")
    parser.add_argument("--attempts", type=int, default=64)
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--json", type=Path, help="where to write")
    options = parser.parse_args()
    told = provenance("scripts.measure_recovery")
    told["rows"] = {}
    made = {"num_trials": options.attempts, "guarantee": False, "num_envs": options.num_envs, "seed": SEED}
    for source, plan in plans(options.human, tasks=False).items():
        if not source.endswith("_default"):
            continue
        for name, settings in (SETTINGS | ({"left_out": LEFT_OUT} if source.startswith("human") else {})).items():
            row = f"{source.removesuffix('_default')}_{name}"
            told["rows"][row] = row_of(plan | made | settings)
            print(f"{row}: {json.dumps(told['rows'][row])}", flush=True)
    write(told, options.json)


if __name__ == "__main__":
    main()
