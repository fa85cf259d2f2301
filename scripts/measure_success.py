"""How many attempts succeed, counted in the order of their numbers, with 95% intervals, and what the order costs.

    ./scripts/python.sh -m scripts.measure_success --human HUMAN.hdf5 [--attempts 300] [--num-envs 16] [--json FILE]
    ./scripts/python.sh -m scripts.measure_success --device cuda --num-envs 1024 --keep 1000 --only shipped_default

Each row is a run of the shipped session on a plain event loop: the ten shipped demonstrations and ten human ones, with
the default settings and with Isaac Lab's own (`config/upstream.toml`); with `--tasks`, every task that comes as a file
from its expert's demonstrations instead. The seed is one that nothing was tuned on. With
`--keep` a row goes on until so many demonstrations are kept, and tells how much sooner they would have been complete if
attempts counted as they finish.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scripts.measured import PROJECT, provenance, write

from mimicgen.datagen.attempts import Attempt, Outcome, wilson
from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.config.layers import from_assignments, read_toml
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.progress import End, Progress, State
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.session.generator import AnnounceStage
from mimicgen.datagen.tasks import catalogue
from mimicgen.datagen.tasks.defaults import build

SEED = 20261201
"""Nothing was tuned on it."""

SETTINGS = {"default": "default.toml", "upstream": "upstream.toml"}


class Watch:
    """Notes when a run begins, when attempts finish, in whatever order, are committed, and all is drawn."""

    def __init__(self) -> None:
        self.begin = self.committed = self.done = 0.0
        self.steps: list[float] = []
        self.finished: list[float] = []

    def __call__(self, progress: Progress) -> None:
        """Observe the session."""
        now = time.perf_counter()
        if progress.state is State.RUNNING and not self.begin:
            self.begin = now
        if progress.steps > len(self.steps):
            self.steps.append(now)
        if progress.last_attempt is not None:
            self.committed = now
        if progress.last_attempt is not None or progress.last_rendered is not None:
            self.done = now

    @contextlib.asynccontextmanager
    async def open_simulation(self, config: Job, outputs: Outputs, stage: AnnounceStage) -> AsyncIterator[Any]:
        """Open the simulation, and listen to what ends."""
        async with opening.open_simulation(config, outputs, stage) as opened:
            generator: Any = opened
            ended = generator.ended

            async def listening() -> list[Attempt]:
                attempts: list[Attempt] = await ended()
                self.finished += [time.perf_counter() for one in attempts if one.outcome is Outcome.SUCCESS]
                return attempts

            generator.ended = listening
            yield generator


def measure(config: Generate) -> dict[str, Any]:
    """Make a run, and return its row."""
    watch = Watch()

    async def run() -> tuple[End, Progress]:
        # The update of an application that has nothing else to do.
        session = Session(lambda: asyncio.sleep(0.0005), watch.open_simulation)
        session.subscribe(watch)
        session.start(config)
        return await session.finished(), session.progress

    end, progress = asyncio.run(run())
    if end.exit_code:
        raise SystemExit(f"measure_success: {end.reason}")
    seconds = watch.done - watch.begin
    between = [after - before for before, after in itertools.pairwise(watch.steps)]
    low, high = wilson(progress.successes, progress.attempts)
    row: dict[str, Any] = {
        "attempts": progress.attempts,
        "successes": progress.successes,
        "rate": round(progress.successes / progress.attempts, 4),
        "interval": [round(low, 4), round(high, 4)],
        "reached": progress.reached,
        "seed": config.seed,
        "num_envs": config.num_envs,
        "device": config.device,
        "physics": config.physics,
        "early_abort": config.early_abort,
        "steps": progress.steps,
        "ms_a_step_median": round(1000 * statistics.median(between), 1),
        "seconds": round(seconds, 2),
        "kept_an_hour": round(3600 * progress.successes / seconds),
    }
    if progress.rendered:
        row |= {
            "images": ", ".join([f"{len(config.render.used())} cameras", *config.render.drawn(), config.render.format]),
            "drawing_seconds": round(progress.drawing_seconds, 2),
        }
    if config.guarantee and not progress.rendered:
        as_they_finish = watch.finished[config.num_trials - 1] - watch.begin
        row |= {
            "seconds_as_they_finish": round(as_they_finish, 2),
            "order_costs": round((watch.committed - watch.begin) / as_they_finish - 1, 4),
        }
    return row


def plans(human: Path | None, *, tasks: bool) -> dict[str, dict[str, Any]]:
    """Return what each row's run is told: the task, its source and its settings."""
    folder = PROJECT / "datasets"
    if tasks:
        return {name: {"task": name, "source": folder / f"{name}_demos.hdf5"} for name in catalogue.names()}
    sources = {"shipped": folder / "source_demos.hdf5", "human": human}
    return {
        f"{name}_{settings}": read_toml(PROJECT / "config" / file) | {"source": source}
        for name, source in sources.items()
        for settings, file in SETTINGS.items()
        if source is not None
    }


def main() -> None:
    """Measure, print a line a row, and write JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", type=Path, help="HDF5 file of the ten human demonstrations")
    parser.add_argument("--tasks", action="store_true", help="the tasks that come as files, with their own sources")
    parser.add_argument("--attempts", type=int, default=300)
    parser.add_argument("--keep", type=int, help="keep so many demonstrations instead")
    parser.add_argument("--num-envs", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--physics", default="mujoco", choices=("mujoco", "physx"), help="engine (default: mujoco)")
    parser.add_argument("--images", action="store_true", help="draw what is kept, with the default cameras, too")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the configuration")
    parser.add_argument("--leave", type=Path, help="folder in which what is generated stays, by row")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", action="append", help="a row, for instance human_default; repeatable")
    parser.add_argument("--commit", default="", help="commit of this checkout, where it has no history")
    parser.add_argument("--json", type=Path, help="where to write; with --only, other rows of that file stay")
    options = parser.parse_args()
    told = provenance("scripts.measure_success", options.commit)
    rows: dict[str, dict[str, Any]] = {}
    for row, said in plans(options.human, tasks=options.tasks).items():
        if options.only and row not in options.only:
            continue
        with contextlib.ExitStack() as stack:
            scratch = options.leave / row if options.leave else stack.enter_context(tempfile.TemporaryDirectory())
            own = {
                "output_dataset": f"{scratch}/generated.hdf5",
                "output_dir": scratch,
                "num_trials": options.keep or options.attempts,
                "guarantee": options.keep is not None,
                "num_envs": options.num_envs,
                "device": options.device,
                "physics": options.physics,
                "seed": options.seed,
                "render.when": "after_each" if options.images else "never",
                "report": False,
            }
            rows[row] = measure(build(said, own, from_assignments(options.set))) | {"commit": told["commit"]}
        print(f"{row}: {json.dumps(rows[row])}", flush=True)
    if not rows:
        raise SystemExit("measure_success: nothing to measure; pass --human, or another --only")
    if options.only and options.json and options.json.exists():
        earlier = json.loads(options.json.read_text(encoding="utf-8"))
        told, rows = earlier, earlier["rows"] | rows
    told["rows"] = rows
    write(told, options.json)


if __name__ == "__main__":
    main()
