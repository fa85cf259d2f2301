"""Measure how fast policies are evaluated beside how fast demonstrations are generated: environment steps a second.

./scripts/python.sh -m scripts.measure_evaluation --num-envs 10 --json docs/measured/evaluation_cpu.json

Both run in turns in one process, as a session drives them, without writing anything. The policy is the recorded actions
of the source demonstrations (--policy takes another one), so that the same is grasped and stacked; the time that it
takes itself is counted and told, and left out of the rate. On a machine that has other things to do the rates of
processor time tell more: steps a second of the process's own time, the policy's included.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import torch
from scripts.measured import PROJECT, provenance, write

from mimicgen.datagen.config.jobs import Evaluate, Generate, Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.session.opening import open_simulation
from mimicgen.datagen.tasks.defaults import build

SOURCE = PROJECT / "datasets" / "source_demos.hdf5"


def main() -> None:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-envs", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--policy", default=f"replay:{SOURCE}")
    parser.add_argument("--steps", type=int, default=150, help="steps of a turn, of all environments")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file to write; without it, the terminal")
    parser.add_argument("--commit", default="", help="where the checkout has come without its history")
    options = parser.parse_args()
    rates: dict[str, list[float]] = {"generate": [], "evaluate": []}
    processor: dict[str, list[float]] = {"generate": [], "evaluate": []}
    own: list[float] = []
    for _ in range(options.turns):
        for kind in (Generate, Evaluate):
            rate, by_processor, share = asyncio.run(turn(kind, options))
            rates[kind.__name__.lower()].append(rate)
            processor[kind.__name__.lower()].append(by_processor)
            own.append(share)
    median = {name: statistics.median(told) for name, told in rates.items()}
    by_time = {name: statistics.median(told) for name, told in processor.items()}
    told = provenance("scripts.measure_evaluation", options.commit) | {
        "num_envs": options.num_envs,
        "steps_of_a_turn": options.steps,
        "env_steps_per_s": {name: [round(rate) for rate in turns] for name, turns in rates.items()},
        "median": {name: round(rate) for name, rate in median.items()},
        "ratio": round(median["evaluate"] / median["generate"], 4),
        "env_steps_per_processor_s": {name: [round(rate) for rate in turns] for name, turns in processor.items()},
        "processor_ratio": round(by_time["evaluate"] / by_time["generate"], 3),
        "load": round(os.getloadavg()[0], 1),
        "policys_own_share_of_the_time": round(statistics.median(own[1::2]), 3),
    }
    write(told, options.json)


async def turn(kind: type[Job], options: argparse.Namespace) -> tuple[float, float, float]:
    """Return environment steps a second without the policy's own time, by processor time, and the policy's share."""
    with tempfile.TemporaryDirectory() as folder:
        said = {
            "num_envs": options.num_envs,
            "num_trials": options.num_envs,
            "device": options.device,
            "policy": options.policy,
            "source": SOURCE,
        }
        where = {"output_dataset": Path(folder, "g.hdf5"), "output_dir": folder, "render.when": "never"}
        job = build(said | where, kind=kind)
        outputs = Outputs(job)
        try:
            async with open_simulation(job, outputs, stage) as simulation:
                return await steps(simulation, options.steps, options.num_envs)
        finally:
            outputs.close()


async def steps(generator: Any, count: int, num_envs: int) -> tuple[float, float, float]:
    """Take steps as a session does, and return what `turn` does. The first ones, which warm up, do not count."""
    effort = generator.facts.get("policy", {}).get("effort", {"seconds": 0.0})
    begin = processor = before = 0.0
    for number in range(count + 20):
        if number == 20:
            begin, processor, before = now(), time.process_time(), effort["seconds"]
        await generator.ended()
        generator.step(await generator.actions(num_envs))
    taken, own = now() - begin, effort["seconds"] - before
    steps = count * num_envs
    return steps / (taken - own), steps / (time.process_time() - processor), own / taken


def now() -> float:
    """Return the time, once the device has done everything [s]."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextlib.asynccontextmanager
async def stage(name: str) -> AsyncIterator[Callable[[str], None]]:
    """Announce nothing."""
    yield lambda note: None


if __name__ == "__main__":
    main()
