"""Workers that take a while and tell outcomes, in a time of their own: what the dispatcher is told in a real run."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mimicgen.datagen.cluster.dispatching import Dispatcher
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.cluster.tasks import Task, Told


def outcomes(shard: Shard, rate: float) -> bytes:
    """Whether each attempt succeeds, a function of its number alone."""
    numbers = np.arange(shard.first, shard.last + 1, dtype=np.uint64)
    mixed = (numbers * np.uint64(0x9E3779B97F4A7C15)) ^ (numbers >> np.uint64(3))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(11)) / 2.0**53 < rate).astype(np.uint8).tobytes()


@dataclass
class Fleet:
    """Workers around a dispatcher.

    Attributes:
        dispatcher: The dispatcher.
        rate: Success rate of attempts.
        takes: How long a worker takes for a task [s].
        fate: What comes of it: 'made', 'lost', or a reason to fail.
        made: Tasks that were made, in order.
    """

    dispatcher: Dispatcher
    rate: float
    takes: Callable[[str, Task], float]
    fate: Callable[[str, Task], str] = lambda worker, task: "made"
    made: list[tuple[str, Task]] = field(default_factory=list)
    now: float = 0.0
    born: int = 0
    events: list[tuple[float, int, str, Task]] = field(default_factory=list)
    count: int = 0
    idle: set[str] = field(default_factory=set)

    def hire(self) -> None:
        self.born += 1
        worker = f"worker_{self.born}"
        self.dispatcher.join(worker)
        self.idle.add(worker)

    def run(self, workers: int) -> None:
        """Go on until the run is over."""
        for _ in range(workers):
            self.hire()
        while not self.dispatcher.over:
            self.hand_out()
            if not self.events:
                assert self.dispatcher.over, "nobody has anything to do, and the run is not over"
                return
            self.now, _, worker, task = heapq.heappop(self.events)
            if worker in self.dispatcher._workers:
                self.end(worker, task)

    def hand_out(self) -> None:
        for worker in sorted(self.idle):
            task = self.dispatcher.ask(worker, self.now)
            if task is not None:
                self.idle.discard(worker)
                self.count += 1
                heapq.heappush(self.events, (self.now + self.takes(worker, task), self.count, worker, task))

    def end(self, worker: str, task: Task) -> None:
        fate = self.fate(worker, task)
        if fate == "lost":
            self.dispatcher.leave(worker, "the process was killed")
            self.hire()
            return
        self.idle.add(worker)
        if fate != "made":
            self.dispatcher.fail(worker, fate)
            return
        self.made.append((worker, task))
        for other in self.dispatcher.made(worker, Told(task.shard, outcomes(task.shard, self.rate)), self.now):
            self.dispatcher.leave(other)
            self.hire()


def steady(seed: int) -> Callable[[str, Task], float]:
    """Shards that take a minute, more or less."""
    chance = random.Random(seed)
    return lambda worker, task: chance.uniform(45, 75)
