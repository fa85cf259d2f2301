"""Upstream's loop against ours: kept demonstrations an hour, and where a step's time goes.

    ./scripts/datagen.sh benchmark --source SOURCE.hdf5 [--num-envs 1] [--device cpu] [--json FILE]

Measures, in one process and in turns, upstream's loop (`setup_async_generation` and `env_loop`, unmodified, with Isaac
Lab's recorder and Newton's Warp solver), ours on a plain event loop, and ours in a Kit application where there is one.
All have the same task, scene, Mimic settings and seed. A round opens the environment, lets it warm up, and then counts
steps, attempts and kept demonstrations; after ours it tells what the physics engine takes for a step alone. A last,
shorter round with a clock in every part tells what a step consists of.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.measured import PROJECT, provenance
from scripts.split import PARTS, Split, solver_alone
from scripts.stock import no_running_loop, run_stock

from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.session.generator import AnnounceStage, OpenSimulation
from mimicgen.datagen.tasks.defaults import build


@dataclasses.dataclass
class Measured:
    """What one side did in one round.

    Attributes:
        env_steps: Steps of single environments.
        seconds: How long they took.
        attempts: Attempts that ended meanwhile.
        kept: Demonstrations that were kept meanwhile.
        parts: Milliseconds of an environment step, by part.
        solver_alone: Milliseconds that the physics engine takes for an environment step when nothing else is done,
            afterwards; 0 where it was not asked.
    """

    env_steps: int
    seconds: float
    attempts: int
    kept: int
    parts: dict[str, float] = dataclasses.field(default_factory=dict)
    solver_alone: float = 0.0


def instrumented(split: Split | None, opened: Callable[[Any], None]) -> OpenSimulation:
    """Return what opens the simulation, with clocks in the generator's parts, and is told of the generator."""

    @contextlib.asynccontextmanager
    async def open_simulation(config: Job, outputs: Any, stage: AnnounceStage) -> AsyncIterator[Any]:
        async with opening.open_simulation(config, outputs, stage) as generator:
            if split is not None:
                split.watch_ours(generator, outputs)
            opened(generator)
            yield generator

    return open_simulation


class Ours:
    """Our session over a number of steps, on whatever loop.

    Args:
        config: The run's configuration.
        warmup: Steps that are not counted.
        steps: Steps that are.
        split: The clocks, if parts are to be told.
    """

    def __init__(self, config: Generate, warmup: int, steps: int, split: Split | None):
        self._config, self._warmup, self._steps, self._split = config, warmup, steps, split
        self._begin = self._end = (0.0, 0, 0)
        self._generator: Any = None
        self._solver_alone = 0.0

    def _opened(self, generator: Any) -> None:
        self._generator = generator

    def session(self, next_frame: Callable[[], Awaitable[None]], spawn: Any = asyncio.ensure_future) -> Session:
        """Return the session, which stops itself; it has to be started."""
        session = Session(next_frame, instrumented(self._split, self._opened), spawn)

        def watch(progress: Progress) -> None:
            now = time.perf_counter(), progress.successes + progress.failures, progress.successes
            if progress.state is not State.RUNNING or progress.last_attempt is not None:
                return
            if progress.steps == self._warmup and not self._begin[0]:
                self._begin = now
                if self._split is not None:
                    self._split.start()
            elif progress.steps == self._warmup + self._steps:
                self._end = now
                if self._split is not None:
                    self._split.stop()
                else:
                    self._solver_alone = solver_alone(self._generator._env, max(self._steps // 10, 10))
                session.stop("measured")

        session.subscribe(watch)
        return session

    def measured(self) -> Measured:
        """Return what was counted."""
        seconds, attempts, kept = (after - before for before, after in zip(self._begin, self._end, strict=True))
        parts = self._split.parts(self._steps, seconds) if self._split is not None else {}
        steps = self._config.num_envs * self._steps
        return Measured(steps, seconds, int(attempts), int(kept), parts, self._solver_alone)


def on_upstreams_loop(config: Generate, warmup: int, steps: int, split: Split | None) -> Measured:
    """Run upstream's loop."""
    with no_running_loop():
        return Measured(**run_stock(config, warmup, steps, split))


def on_a_plain_loop(config: Generate, warmup: int, steps: int, split: Split | None) -> Measured:
    """Run ours without Kit."""
    ours = Ours(config, warmup, steps, split)

    async def run() -> None:
        session = ours.session(lambda: asyncio.sleep(0))
        session.start(config)
        end = await session.finished()
        if end.reason != "measured":
            raise SystemExit(f"benchmark: {end.reason}")

    with no_running_loop():
        asyncio.run(run())
    return ours.measured()


class InKit:
    """A Kit application in this process, to run ours in. No other event loop runs in it afterwards."""

    def __init__(self) -> None:
        os.environ |= {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
        from mimicgen.datagen.cli.launch import kit_app

        self._kit = kit_app()()
        app = PROJECT / "config" / "mimicgen.datagen.headless.kit"
        quiet = ("--/exts/mimicgen.datagen/console=false", "--/exts/mimicgen.datagen/quit_when_done=false")
        whole = "--/app/python/interceptSysStdOutput=false"
        self._kit.startup([str(app), *quiet, whole, "--/log/outputStreamLevel=Error"])

    def __call__(self, config: Generate, warmup: int, steps: int, split: Split | None) -> Measured:
        """Run ours in the application."""
        import omni.kit.app
        from omni.kit.async_engine import run_coroutine

        ours = Ours(config, warmup, steps, split)
        session = ours.session(omni.kit.app.get_app().next_update_async, run_coroutine)
        session.start(config)
        while session.active:
            self._kit.update()
        return ours.measured()

    def close(self) -> None:
        """Shut the application down, and with it the process."""
        self._kit.shutdown()


def in_a_kit_process(
    settings: Sequence[str], config: Generate, warmup: int, steps: int, split: Split | None
) -> Measured:
    """Run ours in a Kit application in a process of its own, with the settings that the command line has."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        counts = {"--warmup": warmup, "--steps": steps, "--split-steps": steps if split else 0}
        counts["--rounds"] = 0 if split else 1
        options = [str(part) for pair in counts.items() for part in pair]
        flat = {"source": config.source, "num_envs": config.num_envs, "device": config.device, "seed": config.seed}
        options += [f"--{name.replace('_', '-')}={value}" for name, value in flat.items()]
        options += [f"--set={setting}" for setting in settings]
        command = [sys.executable, "-m", "scripts.benchmark", "--only", "kit", "--json", str(report), *options]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"benchmark: the Kit application failed:\n{ran.stderr[-2000:]}")
        told = json.loads(report.read_text(encoding="utf-8"))
    if split:
        return Measured(0, 0.0, 0, 0, told["ms_a_step_by_part"]["kit"])
    return Measured(**told["rounds"]["kit"][0])


def main() -> None:
    """Measure and print a table, and write it as JSON on request."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=PROJECT / "datasets" / "source_demos.hdf5")
    parser.add_argument("--num-envs", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are shown (default: 3)")
    parser.add_argument("--steps", type=int, default=1500, help="steps of ours in a round (default: 1500)")
    parser.add_argument("--stock-steps", type=int, default=300, help="steps of upstream's in a round (default: 300)")
    parser.add_argument("--warmup", type=int, default=20, help="steps before a round counts (default: 20)")
    parser.add_argument(
        "--split-steps", type=int, default=100, help="steps of the round with clocks, 0: none (default: 100)"
    )
    parser.add_argument("--only", choices=("stock", "ours", "kit"), action="append", help="measure only this side")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the configuration")
    parser.add_argument("--commit", default="", help="commit of this checkout, where it has no history")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sides: dict[str, Callable[[Generate, int, int, Split | None], Measured]] = {
        "stock": on_upstreams_loop,
        "ours": on_a_plain_loop,
    }
    application = InKit() if options.only == ["kit"] else None
    if application is not None:
        sides = {"kit": application}
    elif importlib.util.find_spec("omni") is not None:
        sides["kit"] = functools.partial(in_a_kit_process, options.set)
    else:
        print("benchmark: no Kit kernel here; ours is measured on a plain loop only", file=sys.stderr)
    sides = {name: side for name, side in sides.items() if not options.only or name in options.only}
    found: dict[str, list[Measured]] = {name: [] for name in sides}
    parts: dict[str, dict[str, float]] = {}
    for number in range(options.rounds + (options.split_steps > 0)):
        for name, side in sides.items():
            with tempfile.TemporaryDirectory() as scratch:
                config = build(
                    {
                        "source": options.source,
                        "output_dataset": f"{scratch}/generated.hdf5",
                        "output_dir": scratch,
                        "num_trials": 10_000_000,
                        "guarantee": False,
                        "num_envs": options.num_envs,
                        "device": options.device,
                        "seed": options.seed,
                        "render.when": "never",
                        "mimic.keep_clear": False,  # Isaac Lab's loop cannot
                    },
                    dict(item.split("=", 1) for item in options.set),
                )
                if number < options.rounds:
                    steps = options.stock_steps if name == "stock" else options.steps
                    found[name].append(side(config, options.warmup, steps, None))
                    print(f"round {number + 1}, {name}: {found[name][-1]}", file=sys.stderr, flush=True)
                else:
                    split = Split(options.device)
                    parts[name] = side(config, options.warmup, options.split_steps, split).parts
    rows = {name: summary(rounds, options.num_envs) for name, rounds in found.items() if rounds}
    report = provenance("scripts.benchmark", options.commit) | {
        "num_envs": options.num_envs,
        "device": options.device,
        "sides": rows,
        "ms_a_step_by_part": parts,
        "rounds": {name: [dataclasses.asdict(one) for one in rounds] for name, rounds in found.items()},
    }
    print(table(rows, parts))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if application is not None:
        application.close()


def summary(rounds: list[Measured], num_envs: int) -> dict[str, float]:
    """Return a side's figures: medians over the rounds, sums of attempts."""
    attempts, kept = sum(one.attempts for one in rounds), sum(one.kept for one in rounds)
    rate = statistics.median(one.env_steps / one.seconds for one in rounds)
    alone = statistics.median(one.solver_alone for one in rounds)
    return {
        "env_steps_a_second": rate,
        "ms_a_step": 1000 * num_envs / rate,
        "solver_alone_ms_a_step": alone,
        "solver_alone_env_steps_a_second": 1000 * num_envs / alone if alone else 0.0,
        "attempts": attempts,
        "kept": kept,
        "attempts_an_hour": 3600 * attempts / sum(one.seconds for one in rounds),
        "kept_an_hour": 3600 * kept / sum(one.seconds for one in rounds),
    }


def table(rows: dict[str, dict[str, float]], parts: dict[str, dict[str, float]]) -> str:
    """Return the figures as text: a column a side."""
    lines = ["".ljust(36) + "".join(name.rjust(12) for name in rows)]
    for key in next(iter(rows.values()), ()):
        cells = "".join(f"{row[key]:12.0f}" if row[key] >= 100 else f"{row[key]:12.2f}" for row in rows.values())
        lines.append(key.replace("_", " ").ljust(36) + cells)
    if parts:
        lines.append("of a step [ms], with clocks")
    for part in (*PARTS, "all") if parts else ():
        lines.append(f"  {part}".ljust(36) + "".join(f"{told.get(part, 0.0):12.2f}" for told in parts.values()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
