"""Writes recorded episodes as a run does, attempt after attempt, and tells what is reported: to be killed.

python -m tests.dataset.writing FOLDER TARGET
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.config.jobs import JOBS
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
FAILS_EVERY = 4


def config_in(folder: Path, **values: Any) -> Any:
    """Return a job, what `mode` says."""
    kind = JOBS[values.pop("mode", "generate")]
    quiet = {"output_dataset": folder / "d.hdf5", "output_dir": folder / "o", "render.when": "never"}
    return build(quiet | values, kind=kind)


def recorded_episodes() -> list[dict[str, Any]]:
    def read(group: h5py.Group) -> dict[str, Any]:
        return {name: read(value) if isinstance(value, h5py.Group) else value[:] for name, value in group.items()}

    with h5py.File(SHIPPED) as file:
        return [read(file["data"][f"demo_{index}"]) for index in range(3)]


def attempt_of(number: int) -> Attempt:
    """Every fourth attempt fails."""
    success = number % FAILS_EVERY != 0
    return Attempt(
        number=number,
        env=0,
        seed=1000 + number,
        segments=(),
        signals={"grasp_1": 20, "stack_1": 50, "grasp_2": None},
        outcome=Outcome.SUCCESS if success else Outcome.FAILURE,
        reason="told so",
        steps=100,
        seconds=0.1,
        starts={"cube_1": [0.5, 0.01 * number], "cube_2": [0.45, -0.01 * number]},
    )


def keep(outputs: Outputs, attempt: Attempt, episode: dict[str, Any] | None = None) -> None:
    """Commit an attempt as a run does when it is its turn at once."""
    if episode is not None:
        outputs.hold(attempt, episode)
    outputs.commit([attempt])


async def write(outputs: Outputs, target: int, episodes: list[dict[str, Any]]) -> None:
    """Make attempts until the target is reached, and fold."""

    def report() -> int:
        count = 0
        for attempt in outputs.settled():
            if attempt.demo:
                print(attempt.number, attempt.demo, flush=True)
                count += 1
        return count

    kept = decided = len(outputs.earlier.demos)
    number = 0
    while decided < target:
        number += 1
        if number in outputs.earlier.numbers:
            continue
        attempt = attempt_of(number)
        if attempt.outcome is Outcome.SUCCESS:
            episode = dict(episodes[number % len(episodes)])
            episode["actions"] = np.full_like(episode["actions"], number)
            keep(outputs, attempt, episode)
            decided += 1
        else:
            keep(outputs, attempt)
        while decided - kept > 3:
            kept += report()
            await asyncio.sleep(0.0005)
    while outputs.writing:
        report()
        await asyncio.sleep(0.0005)

    await outputs.fold({"env_name": "test"}, {"config": {}}, lambda: asyncio.sleep(0.0005))


def main(folder: Path, target: int) -> None:
    outputs = Outputs(config_in(folder))
    outputs.open()
    try:
        asyncio.run(write(outputs, target, recorded_episodes()))
        print("folded", flush=True)
    finally:
        outputs.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
