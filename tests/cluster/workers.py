"""Workers in this process and in Ray's, which make shards whose attempts are known beforehand."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimicgen.datagen.cluster.ray_workers import RayWorkers
from mimicgen.datagen.cluster.run import ClusterRun
from mimicgen.datagen.cluster.sending.inputs import Inputs, packed_inputs
from mimicgen.datagen.cluster.tasks import Failed, Task
from mimicgen.datagen.cluster.worker import Worker
from mimicgen.datagen.cluster.workers import Ended, Event, Lost, Ready, Workers
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.progress import End, Progress
from mimicgen.datagen.session import Session
from tests.session.known import config_in, early_failures, opening

FATE = early_failures(0.7)
VERSIONS: dict[str, object] = {"versions": {"known": "1"}, "runtime": "none"}


class KnownWorker(Worker):
    """A worker whose simulation is known."""

    def __init__(self, config: Generate, inputs: Inputs | None = None):
        super().__init__(config, inputs, opening(FATE, renderer=self.renderer()))

    def about(self) -> dict[str, object]:
        return VERSIONS | {"node": "here"}

    def renderer(self) -> Renderer | None:
        return None


class Here:
    """Implements `Workers`: a shard is made when somebody polls, one after the other.

    Args:
        config: The run.
        fate: What comes of a task: 'made', 'lost', 'cut off' (lost with half of it made), or a reason to fail.
        about: What a worker says of itself.
        worker: The class of what makes shards.
    """

    def __init__(
        self,
        config: Generate,
        fate: Callable[[str, Task], str] = lambda worker, task: "made",
        about: Callable[[str], dict[str, object]] = lambda worker: VERSIONS,
        worker: type[KnownWorker] = KnownWorker,
    ):
        self._class = worker
        self._config = config
        self._fate = fate
        self._about = about
        self._events: deque[Event] = deque()
        self._given: dict[str, Task] = {}
        self.hired = 0
        self.closed = 0
        self.made: list[Task] = []

    def start(self) -> list[str]:
        return [self.hire() for _ in range(self._config.cluster.workers)]

    def hire(self) -> str:
        self.hired += 1
        name = f"worker_{self.hired}"
        self._events.append(Ready(name, self._about(name) | {"node": "here"}))
        return name

    def give(self, worker: str, task: Task) -> None:
        self._given[worker] = task

    def dismiss(self, worker: str) -> None:
        self._given.pop(worker, None)

    def poll(self) -> list[Event]:
        if self._events:
            return [self._events.popleft()]
        for worker, task in [*self._given.items()]:
            fate = self._fate(worker, task)
            if fate == "stuck":
                continue
            del self._given[worker]
            if fate == "lost":
                return [Lost(worker, "the process was killed")]
            if fate != "made":
                return [Ended(worker, task, Failed(fate))]
            self.made.append(task)
            return [Ended(worker, task, asyncio.run(self._worker().make(task)))]
        time.sleep(0.001)
        return []

    def close(self) -> None:
        self.closed += 1

    def _worker(self) -> KnownWorker:
        return self._class(self._config, packed_inputs(self._config) if self._config.cluster.apart else None)


def spread(
    config: Generate,
    workers: Callable[[Generate], Workers] | None = None,
    *,
    stop_when: Callable[[Progress], bool] | None = None,
    renderer: Renderer | None = None,
) -> tuple[End, Progress, list[str]]:
    """Make a whole run in shards, on a plain loop. Returns its end, its last progress, and what it told on the way."""

    async def main() -> tuple[End, Progress, list[str]]:
        def make_run(config: Generate, host: Any, open_simulation: Any) -> ClusterRun:
            return ClusterRun(config, host, open_simulation, workers)

        session = Session(lambda: asyncio.sleep(0), opening(FATE, renderer=renderer), make_run=make_run)
        told: list[str] = []

        def observe(progress: Progress) -> None:
            if progress.told is not None:
                told.append(progress.told)
            if stop_when is not None and progress.end is None and session.stopped is None and stop_when(progress):
                session.stop("enough")

        session.subscribe(observe)
        session.start(config)
        return await session.finished(), session.progress, told

    return asyncio.run(main())


def run_in(folder: Path, **values: Any) -> Generate:
    folder.mkdir(exist_ok=True)
    told = {"cluster__address": "local", "cluster__workers": 3, "cluster__shard_attempts": 5, "num_envs": 2}
    return config_in(folder, **told | values)


class SteadyWorker(KnownWorker):
    """A worker that takes as long as somebody needs to see it."""

    async def make(self, task: Task) -> Any:
        await asyncio.sleep(0.5)
        return await super().make(task)


def steady(config: Generate) -> RayWorkers:
    """Return workers in Ray's processes that take their time."""
    return RayWorkers(config, SteadyWorker)
