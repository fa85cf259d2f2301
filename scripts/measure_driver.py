"""What handing out and committing shards costs: many workers, in a time of their own, that tell outcomes alone.

    ./scripts/python.sh -m scripts.measure_driver [--workers 1000] [--attempts 10000000] [--size 1000] [--json FILE]

Shards take a minute, a hundredth of them five; a hundredth of the workers is lost.
"""

from __future__ import annotations

import argparse
import heapq
import random
import resource
import time
from pathlib import Path

import numpy as np
from scripts.measured import provenance, write

from mimicgen.datagen.cluster.dispatching import Dispatcher
from mimicgen.datagen.cluster.tasks import Task, Told
from mimicgen.datagen.tasks.defaults import build

SUCCESS, LOST = 0.8, 0.01
"""Share of attempts that succeed, and of tasks whose worker is lost."""


def main() -> None:
    """Simulate the run, and write what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--attempts", type=int, default=10_000_000)
    parser.add_argument("--size", type=int, default=1000, help="attempts in a shard")
    parser.add_argument("--json", type=Path, help="file to write (default: the terminal)")
    options = parser.parse_args()
    config = build({"num_trials": int(options.attempts * SUCCESS)})
    dispatcher = Dispatcher(config, options.size)
    chance, outcomes = random.Random(1), np.random.default_rng(1)
    events: list[tuple[float, int, str, Task]] = []
    idle = [f"worker_{number}" for number in range(options.workers)]
    for worker in idle:
        dispatcher.join(worker)
    now, count, born = 0.0, 0, options.workers
    seconds = {"handing out": 0.0, "committing": 0.0}
    slowest, made, lost = 0.0, 0, 0
    begin = time.process_time()
    while not dispatcher.over:
        start = time.process_time()
        waiting = []
        for worker in idle:
            task = dispatcher.ask(worker, now)
            if task is None:
                waiting.append(worker)
            else:
                count += 1
                # Shards take a minute, and a hundredth of them five.
                takes = chance.uniform(45, 75) * (5 if chance.random() < 0.01 else 1)
                heapq.heappush(events, (now + takes, count, worker, task))
        idle = waiting
        seconds["handing out"] += time.process_time() - start
        now, _, worker, task = heapq.heappop(events)
        if not dispatcher.knows(worker):  # it was ended, as another one was quicker
            continue
        if chance.random() < LOST:
            dispatcher.leave(worker, "lost")
            born += 1
            lost += 1
            idle.append(f"worker_{born}")
            dispatcher.join(idle[-1])
            continue
        answer = Told(
            task.shard, (outcomes.random(task.shard.size) < SUCCESS).astype(np.uint8).tobytes(), {"success": 1}
        )
        start = time.process_time()
        others = dispatcher.made(worker, answer, now)
        took = time.process_time() - start
        seconds["committing"] += took
        slowest = max(slowest, took)
        made += 1
        idle.append(worker)
        for other in others:
            dispatcher.leave(other)
            born += 1
            idle.append(f"worker_{born}")
            dispatcher.join(idle[-1])
    elapsed = time.process_time() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # before torch, which tells the machine's GPU
    told = {
        "workers": options.workers,
        "attempts_in_a_shard": options.size,
        "attempts_committed": dispatcher.counts.attempts,
        "shards": made,
        "workers_lost": lost,
        "simulated_minutes": round(now / 60, 1),
        "shards_a_simulated_minute": round(made / now * 60),
        "seconds": {name: round(value, 3) for name, value in seconds.items()} | {"all": round(elapsed, 2)},
        "share_of_a_core": round(sum(seconds.values()) / now, 5),
        "slowest_commit_ms": round(1000 * slowest, 2),
        "shards_a_second_at_most": round(made / sum(seconds.values())),
        "peak_memory_mb": round(memory / 1024),
        "made_beyond_the_target": made * options.size - dispatcher.counts.attempts,
    }
    write(provenance("scripts.measure_driver") | told, options.json)


if __name__ == "__main__":
    main()
