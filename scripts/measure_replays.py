"""Demonstrations that were made on one engine, replayed from their actions on every engine: how many succeed again.

    ./scripts/python.sh -m scripts.measure_replays [--attempts 100] [--num-envs 16] [--json FILE]

Made with the shipped demonstrations and the default settings, from a seed that nothing was tuned on.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from scripts.measure_success import SEED
from scripts.measured import PROJECT, provenance, write

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.config.jobs import Generate, Job, Replay
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.tasks.defaults import build

ENGINES = ("mujoco", "physx")


def run(folder: str, kind: type[Job] = Generate, **values: Any) -> Progress:
    """Make a run of states only."""
    small = {"output_dir": folder, "guarantee": False, "render.when": "never", "report": False}
    config = build(small | values, kind=kind)

    async def make() -> tuple[End, Progress]:
        session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
        session.start(config)
        return await session.finished(), session.progress

    end, progress = asyncio.run(make())
    if end.exit_code:
        raise SystemExit(f"measure_replays: {end.reason}")
    return progress


def counted(progress: Progress) -> dict[str, Any]:
    """Return a row: successes, attempts and the interval of the rate."""
    low, high = wilson(progress.successes, progress.attempts)
    return {"successes": progress.successes, "attempts": progress.attempts, "interval": [round(low, 4), round(high, 4)]}


def main() -> None:
    """Measure, print a line a row, and write JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=100)
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--commit", default="", help="commit of this checkout, where it has no history")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    told = provenance("scripts.measure_replays", options.commit)
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for made_on in ENGINES:
            dataset = Path(scratch, made_on, "made.hdf5")
            values: dict[str, Any] = {"physics": made_on, "num_envs": options.num_envs, "output_dataset": dataset}
            source: dict[str, Any] = {"source": PROJECT / "datasets" / "source_demos.hdf5", "seed": SEED}
            made = run(f"{scratch}/{made_on}", num_trials=options.attempts, **values, **source)
            for on in ENGINES:
                folder = f"{scratch}/{made_on}-{on}"
                values |= {"physics": on, "output_dataset": f"{folder}/replayed.hdf5", "source": dataset}
                again = run(folder, Replay, num_trials=made.successes, **values)
                rows[f"made_on_{made_on}_replayed_on_{on}"] = counted(again)
                print(f"made on {made_on}, replayed on {on}: {again.successes} of {again.attempts}", flush=True)
    told["rows"] = rows
    write(told, options.json)


if __name__ == "__main__":
    main()
