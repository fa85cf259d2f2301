"""Train policies, several at a time, evaluate each, and tell how often they succeed: rows of `policies.json`.

    ./scripts/python.sh -m scripts.measure_policies trainings.json --device cuda --at-once 6 --json found.json

`trainings.json` is a list of what is trained, by the keys of a row in `docs/measured/policies.json` and the dataset:

    [{"task": "stack_three", "data": "shipped", "dataset": "datasets/200.hdf5", "preset": "diffusion",
      "set": ["training.turn=180", "training.move=0.07"], "training_seed": 1}]

Without `task` it is the registered stack of three cubes; `observe` has settings of the evaluation, for instance the
cameras of a policy that sees. A training is a process of its own, in the Python of `setup.sh --with train`, and so is
an evaluation, a session on a plain event loop; CUDA's MPS shares a GPU between them. Rows are written as they come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from scripts.measured import PROJECT, provenance, write

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.config.jobs import Evaluate
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.tasks.defaults import build

SEED = 250901
"""Of the evaluations' starts."""

PYTHON = PROJECT / ".cache" / "train" / "bin" / "python"


def main() -> None:
    """Measure, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainings", type=Path, help="JSON file that lists them")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-once", type=int, default=1, help="trainings at a time (default: 1)")
    parser.add_argument("--evaluations", type=int, default=1, help="evaluations at a time (default: 1)")
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--num-envs", type=int, default=200, help="environments of an evaluation (default: 200)")
    parser.add_argument("--python", type=Path, default=PYTHON, help="Python that trains (default: that of set-up)")
    parser.add_argument("--output", type=Path, default=PROJECT / "output" / "policies")
    parser.add_argument("--json", type=Path, help="file to write; without it, the terminal")
    parser.add_argument("--commit", default="", help="where the checkout has come without its history")
    options = parser.parse_args()
    trainings: list[dict[str, Any]] = json.loads(options.trainings.read_text(encoding="utf-8"))
    told = provenance("scripts.measure_policies", options.commit)
    rows: list[dict[str, Any]] = []
    lock = Lock()

    def evaluated(training: dict[str, Any], trained: dict[str, Any]) -> None:
        row = trained | evaluation(training, trained["checkpoint"], options)
        del row["checkpoint"]
        with lock:
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
            if options.json is not None:
                write(told | {"rows": rows}, options.json)

    with ThreadPoolExecutor(options.evaluations) as evaluating, ThreadPoolExecutor(options.at_once) as training:

        def both(one: dict[str, Any]) -> Future[None]:
            return evaluating.submit(evaluated, one, trained(one, options))

        try:
            for begun in [training.submit(both, one) for one in trainings]:
                begun.result().result()
        except BaseException:
            training.shutdown(cancel_futures=True)
            raise
    if options.json is None:
        write(told | {"rows": rows}, None)


def trained(training: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Train a policy to its end, and return its row so far, with the last checkpoint."""
    parts = (training.get("task", "registered"), Path(training["dataset"]).stem, training["preset"])
    name = "_".join([*parts, *training.get("set", ()), f"seed={training['training_seed']}"])
    folder = options.output / name
    if folder.exists():
        raise SystemExit(f"measure_policies: '{folder}' is there already; move it away, or choose another --output")
    command = [options.python, "-m", "mimicgen.datagen.policies.training.trainer", "--device", options.device]
    command += ["--preset", PROJECT / "config" / "train" / f"{training['preset']}.toml", "--output", folder]
    command += ["--dataset", training["dataset"], "--seed", str(training["training_seed"])]
    command += [part for one in training.get("set", ()) for part in ("--set", one)]
    begin = time.monotonic()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode != 0:
        raise SystemExit(f"measure_policies: training {name} failed: {events[-1:]} {ran.stderr[-2000:]}")
    begun = next(event for event in events if event["event"] == "begin")
    return {
        "task": training.get("task", "stack_three (registered)"),
        "data": training["data"],
        "demonstrations": begun["demonstrations"],
        "preset": training["preset"],
        "set": training.get("set", []),
        "gradient_steps": begun["steps"],
        "training_seed": training["training_seed"],
        "seconds_of_the_training": round(time.monotonic() - begin),
        "checkpoint": str(max((folder / "checkpoints").glob("step_*"))),
    }


def evaluation(training: dict[str, Any], checkpoint: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what an evaluation in a process of its own says of a checkpoint."""
    said = {
        "policy": checkpoint,
        "num_envs": options.num_envs,
        "num_trials": options.episodes,
        "device": options.device,
        "seed": SEED,
        "output_dir": str(Path(checkpoint).parents[1] / "evaluation"),
        "report": False,
    }
    said |= {"policy_python": str(options.python)} if Path(checkpoint).is_dir() else {}
    said |= {"task": training["task"]} if training.get("task") else {}
    said |= dict(one.split("=", 1) for one in training.get("observe", ()))
    code = f"from scripts.measure_policies import evaluate; evaluate({json.dumps(json.dumps(said))})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"measure_policies: evaluating {checkpoint} failed: {ran.stderr[-2000:]}")
    counts = json.loads(Path(said["output_dir"], "run.json").read_text(encoding="utf-8"))["counts"]
    attempts, successes = counts["attempts"], counts["successes"]
    return {
        "evaluation_seed": SEED,
        "evaluated_on": options.device,
        "attempts": attempts,
        "successes": successes,
        "rate": successes / attempts,
        "interval": [round(value, 4) for value in wilson(successes, attempts)],
        "reached": counts["reached"],
    }


def evaluate(said: str) -> None:
    """Evaluate a policy on a plain event loop, and end the process with the run's exit code."""
    job = build(json.loads(said), kind=Evaluate)

    async def run() -> int:
        session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
        session.start(job)
        end = await session.finished()
        print(end.reason, file=sys.stderr)
        return end.exit_code

    raise SystemExit(asyncio.run(run()))


if __name__ == "__main__":
    main()
