"""Runs in which everything goes wrong that may: `python -m tests.cluster.chaos [50]` makes that many.

Workers are lost before, in the middle of and after a shard, one hangs, one has a full disk, and the run itself is
stopped and started again. Each has to end with exactly the target, and with the demonstrations that one process makes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from msgspec import structs

from mimicgen.datagen.cluster import dispatching
from mimicgen.datagen.cluster.shards import job_of_shard
from mimicgen.datagen.cluster.tasks import Task
from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.progress import Progress
from mimicgen.datagen.session import Session
from tests.cluster.alike import attempts, digests
from tests.cluster.workers import FATE, Here, run_in, spread
from tests.session.known import opening, run

TARGET = 24
BOUND = 12
"""Starts within which a run that is stopped again and again has to reach its target."""


def half(config: Generate, task: Task, count: int) -> None:
    """Make a part of a shard, as a worker does that is killed."""

    async def main() -> None:
        session = Session(lambda: asyncio.sleep(0), opening(FATE))

        def observe(progress: Progress) -> None:
            if progress.attempts >= count and session.active and session.stopped is None:
                session.stop("killed")

        session.subscribe(observe)
        session.start(job_of_shard(config, task.shard, task.copy))
        await session.finished()

    asyncio.run(main())


def chaotic(folder: Path, seed: int) -> int:
    """Make a run with faults that a seed gives. Returns how often it was started until it reached its target."""
    dispatching.PATIENCE = 2.0  # until a few shards have been made, nobody knows how long they take
    chance = random.Random(seed)
    config = run_in(folder, num_trials=TARGET, cluster__workers=chance.choice([2, 3, 5]))
    full, hangs = f"worker_{chance.randint(1, 4)}", f"worker_{chance.randint(1, 4)}"

    def fate(worker: str, task: Task) -> str:
        if worker == full:
            return "the disk is full"
        if worker == hangs and chance.random() < 0.5:
            return "stuck"
        drawn = chance.random()
        if drawn < 0.15:
            half(config, task, chance.randint(1, 4))
        return "lost" if drawn < 0.33 else "made"

    for started in range(1, BOUND + 1):
        stop_at = chance.randint(1, 2 * TARGET) if chance.random() < 0.7 else None
        stop = (lambda progress, at=stop_at: progress.attempts >= at) if stop_at is not None else None
        end, *_ = spread(config, lambda config: Here(config, fate), stop_when=stop)
        if end.exit_code == 0:
            assert end.reason.startswith(("target reached", "the target was reached before")), end
            return started
        assert end.exit_code == 130, end
    raise AssertionError(f"seed {seed}: not done after {BOUND} starts")


def plain(folder: Path) -> Path:
    """Make what one process makes."""
    end, _ = run(structs.replace(run_in(folder, num_trials=TARGET), cluster=ClusterConfig()), FATE)
    assert end.exit_code == 0
    return folder


def is_like(folder: Path, other: Path) -> bool:
    """Return whether two runs have kept the same, and counted the same attempts."""
    logs = [attempts(one / "o" / "attempts.jsonl") for one in (folder, other)]
    return digests(folder / "g.hdf5") == digests(other / "g.hdf5") and logs[0] == logs[1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        expected = plain(Path(place, "plain"))
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 50):
            begin = time.monotonic()
            folder = Path(place, str(seed))
            started = chaotic(folder, seed)
            assert is_like(folder, expected), seed
            print(f"{seed}: the same, started {started} times, {time.monotonic() - begin:.1f} s", flush=True)
