"""A run whose attempts are made elsewhere: the session's coroutine hands out shards, and puts them together.

The loop is never blocked: whatever asks the cluster or reads and writes files is done in one thread, and awaited.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mimicgen.datagen.cluster.concluding import conclude, refuse_parts
from mimicgen.datagen.cluster.dispatching import Dispatcher
from mimicgen.datagen.cluster.merging import Merged
from mimicgen.datagen.cluster.results import refuse_unlike
from mimicgen.datagen.cluster.roster import Roster
from mimicgen.datagen.cluster.sending.gathering import There, gathered, shards_there
from mimicgen.datagen.cluster.shards import Shard, shard_at, shards_folder, size_of
from mimicgen.datagen.cluster.tasks import Told
from mimicgen.datagen.cluster.workers import Ended, Event, Lost, Ready, Workers
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import OutputError, RunError
from mimicgen.datagen.progress import End, State
from mimicgen.datagen.session.generator import OpenSimulation
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.run import Run
from mimicgen.datagen.text import counted

WAITS = 10
"""Workers in a row that may be lost before any was ready: then none will be."""

NEWS = 20
"""Lines that are told in a frame at most: a thousand workers may tell theirs at once."""


class ClusterRun(Run):
    """One run in shards.

    Args:
        config: Its configuration.
        host: The session.
        open_simulation: Opens the simulation that draws what was kept, when the shards are together.
        workers: Starts workers; None: in the Ray cluster that the configuration says.
    """

    def __init__(
        self,
        config: Generate,
        host: Host,
        open_simulation: OpenSimulation,
        workers: Callable[[Generate], Workers] | None = None,
    ):
        super().__init__(config, host, open_simulation)
        self._job = config
        self._make_workers = workers or _ray_workers
        self._merged: Merged | None = None
        self._draws_now = False
        self._first: dict[str, Any] | None = None
        """What the first worker said of itself: all others have to say the same."""
        self._idle: set[str] = set()
        self._copies: dict[Shard, int] = {}
        self._refused = 0
        self._roster = Roster()
        self._news: list[str] = []
        """What is to be told of workers, in words."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mimicgen.datagen cluster")

    async def go(self) -> None:
        """See `Run.go`."""
        try:
            await super().go()
        finally:
            self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        outputs = self._outputs = Outputs(self._config)
        if self._is_done_already(outputs):
            return
        self._host.publish(elsewhere=True)
        refuse_parts(outputs)
        outputs.open()
        dispatcher = await self._in_thread(self._begin)
        if not dispatcher.over:
            workers = self._make_workers(self._job)
            try:
                dispatcher.coming = await self._start(workers)
                await self._make(dispatcher, workers)
            finally:
                await self._in_thread(workers.close)
                self._roster.close()
                self._host.publish(workers=self._roster.rows)
        self._merged = await self._in_thread(self._conclude, set(dispatcher.left_out))
        self._facts = self._merged.facts
        self._tally = self._merged.tally
        self._tell_counts()
        self._end = self._ended(dispatcher)
        self._rendered = self._merged.rendered
        if self._rendered is not None:
            self._host.publish(rendered=len(self._rendered.complete))
        elif self._config.draws and self._host.stopped is None and self._end.exit_code == 0:
            outputs.close()
            self._draws_now = True
            await super()._work()

    async def _fold(self) -> None:
        """See `Run._fold`: the dataset is there, but for its images."""
        if self._draws_now or self._rendered is not None:
            await super()._fold()

    def _begin(self) -> Dispatcher:
        """Return the dispatcher, which knows what an earlier run has made.

        Raises:
            OutputError: Shards are there that were cut in another way.
        """
        there = shards_there(self._job)
        size = self._size(there)
        dispatcher = Dispatcher(self._job, size)
        for shard, found in there.items():
            if shard_at((shard.first - 1) // size, size, self._job) != shard:
                raise OutputError(
                    f"'{found.place}' is no shard of a run that is cut into shards of {size}; continue with "
                    "the same cluster.shard_attempts and num_trials, or move the shards away"
                )
            dispatcher.found(found.told)
            self._first = self._first or {key: found.record.get(key) for key in ("versions", "runtime")}
        return dispatcher

    def _size(self, there: dict[Shard, There]) -> int:
        """Return how many attempts a shard has: as many as in the run that is continued, where nothing is said."""
        first = next(iter(there), None)
        if self._job.cluster.shard_attempts == 0 and first is not None and first.first == 1:
            return first.size
        return size_of(self._job, max(1, self._job.cluster.workers))

    async def _start(self, workers: Workers) -> int:
        """Hire workers. Returns how many."""
        async with self._stage("Workers") as note:
            names = await self._in_thread(workers.start)
            for name in names:
                self._roster.hired(name)
            where = shards_folder(self._job.output_dataset)
            note(f"{counted(len(names), 'worker')}, {self._job.cluster.address}; shards in {where}")
        if self._host.stopped is None:
            self._host.clock.start()
            self._host.publish(state=State.RUNNING)
        return len(names)

    async def _make(self, dispatcher: Dispatcher, workers: Workers) -> None:
        """Hand out shards until the run is over, or somebody stops it."""
        before = dispatcher.counts
        self._count(dispatcher, before=before.attempts, kept_before=before.successes)
        while not dispatcher.over and self._host.stopped is None:
            await self._in_thread(self._round, dispatcher, workers)
            await self._tell(dispatcher)
            await self._host.next_frame()

    async def _tell(self, dispatcher: Dispatcher) -> None:
        """Publish what a round has brought; what many workers tell at once, over several frames."""
        if self._news or self._roster.rows != self._host.progress.workers:
            self._count(dispatcher)
        for number, text in enumerate(self._news):
            if number and number % NEWS == 0:
                await self._host.next_frame()
            self._host.publish(told=text)
        self._news.clear()

    def _round(self, dispatcher: Dispatcher, workers: Workers) -> None:
        """Wait a moment for what workers tell, take it, and hand out shards. Blocks: it is called in the thread.

        Raises:
            SetupError: A worker has other versions than the others.
            RunError: Workers are lost before they are ready, again and again.
        """
        gone: set[str] = set()
        for event in workers.poll():
            if event.worker in gone:  # it was told to leave since
                continue
            for worker in self._told(event, dispatcher):
                self._roster.left(worker)
                self._replace(worker, dispatcher, workers)
                gone.add(worker)
            if isinstance(event, Lost):
                self._hire(dispatcher, workers)
        now = time.monotonic()
        for worker in dispatcher.stuck(now):
            reason = "it did not answer any more"
            self._news.append(f"{worker} has not answered for long, and is replaced")
            self._roster.lost(worker, reason)
            self._replace(worker, dispatcher, workers, reason)
        for worker in sorted(self._idle):
            if self._host.state is State.PAUSED or self._host.stopped is not None:
                return
            task = dispatcher.ask(worker, now)
            if task is not None:
                self._idle.discard(worker)
                workers.give(worker, task)
                self._roster.given(worker, task.shard, now)

    def _replace(self, worker: str, dispatcher: Dispatcher, workers: Workers, reason: str | None = None) -> None:
        """End a worker, whatever it does, and hire another one."""
        self._idle.discard(worker)
        workers.dismiss(worker)
        dispatcher.leave(worker, reason)
        self._hire(dispatcher, workers)

    def _hire(self, dispatcher: Dispatcher, workers: Workers) -> None:
        self._roster.hired(workers.hire())
        dispatcher.coming += 1

    def _told(self, event: Event, dispatcher: Dispatcher) -> list[str]:
        """Take an event. Returns the workers whose work is not needed any more.

        Raises:
            SetupError: A worker has other versions than the others.
            RunError: Workers are lost before they are ready, again and again.
        """
        now = time.monotonic()
        match event:
            case Ready(worker, about):
                told = {key: about[key] for key in ("versions", "runtime")}
                if self._first is not None:
                    refuse_unlike(self._first, told, "the first shard", f"{worker} on {about['node']}")
                self._first = self._first or told
                self._refused = 0
                dispatcher.coming -= 1
                dispatcher.join(worker)
                self._idle.add(worker)
                self._roster.ready(worker, about["node"])
            case Ended(worker, task, Told() as made):
                self._idle.add(worker)
                self._copies.setdefault(task.shard, task.copy)
                self._roster.made(worker, made, now)
                kept = sum(made.outcomes)
                self._news.append(f"{task.shard}: {kept} of {task.shard.size} succeeded, {worker}")
                return dispatcher.made(worker, made, now)
            case Ended(worker, task, answer):
                self._idle.add(worker)
                reason = getattr(answer, "reason", "")
                dispatcher.fail(worker, reason)
                self._roster.failed(worker, f"{task.shard}: {reason}", benched=worker in dispatcher.benched)
                self._news.append(f"{task.shard}: failed, {worker}: {reason}")
                if worker in dispatcher.benched:
                    self._news.append(f"{worker} fails again and again, and gets no more shards")
                if task.shard in dispatcher.left_out:
                    self._news.append(f"{task.shard} are left out of the run")
            case Lost(worker, reason):
                self._idle.discard(worker)
                self._news.append(f"{worker} is lost: {reason}")
                self._roster.lost(worker, reason)
                if dispatcher.knows(worker):
                    dispatcher.leave(worker, reason)
                else:
                    dispatcher.coming -= 1
                    self._refused += 1
                if self._refused >= WAITS:
                    raise RunError(f"{WAITS} workers in a row were lost before they were ready: {reason}")
        return []

    def _conclude(self, without: set[Shard]) -> Merged:
        assert self._outputs is not None
        return conclude(self._job, self._outputs, gathered(self._job, self._copies), without=without)

    def _ended(self, dispatcher: Dispatcher) -> End:
        """Return the end of the run, which says what was left out and why."""
        assert self._merged is not None
        end = self._host.stopped or self._merged.end
        reasons = [f"{shard} are left out: {reason}" for shard, reason in dispatcher.left_out.items()]
        if dispatcher.all_benched and self._host.stopped is None:
            worker, reason = next(iter(dispatcher.benched.items()))
            reasons.append(f"every worker failed again and again ({worker}: {reason})")
            end = End(reason=end.reason, exit_code=end.exit_code or 1)
        return End(reason="; ".join([end.reason, *reasons]), exit_code=end.exit_code)

    def _count(self, dispatcher: Dispatcher, **changes: Any) -> None:
        self._tally.counts = dispatcher.counts
        self._tell_counts(workers=self._roster.rows, **changes)

    async def _in_thread[T](self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _ray_workers(config: Generate) -> Workers:
    from mimicgen.datagen.cluster.ray_workers import RayWorkers

    return RayWorkers(config)
