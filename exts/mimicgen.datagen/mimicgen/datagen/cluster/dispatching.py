"""Which shard is made next, by whom, and when a run in shards is over: a state machine that knows no network.

It is told what happens and asked what to do; time comes in as a number. Shards are handed out in the order of their
numbers and committed in that order, so which attempt ends the run does not depend on who is quick. Near the target only
as many are handed out as the success rate so far makes likely to be needed.
"""

from __future__ import annotations

import heapq
import itertools
import math
import statistics
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from mimicgen.datagen.attempts import Counts, wilson
from mimicgen.datagen.cluster.shards import Shard, shard_at
from mimicgen.datagen.cluster.tasks import Task, Told
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.session.committing import HOPELESS_AFTER, attempts_for

FAILURES = 3
"""Failures of a shard, on more than one worker if there are more, after which it is left out."""

LOSSES = 10
"""Workers that may be lost over a shard: machines come and go, but one that ends every process is itself to blame."""

BENCHED_AFTER = 3
"""Shards in a row that a worker fails at, after which it gets no more: its disk may be full."""

SLOW = 3.0
"""A shard that takes this many times the median is given to a second worker."""

STUCK = 10.0
"""A worker that takes this many times the median is taken for one that hangs."""

PATIENCE = 3600.0
"""Likewise one that takes this long, while no median is known [s]."""

HANDFUL, TIMES = 3, 101
"""Durations of which the median is taken: so many at least, and the latest ones."""


@dataclass
class _Worker:
    task: Task | None = None
    since: float = 0.0
    failed: set[int] = field(default_factory=set)
    """First attempts of the shards that it failed at since it last made one."""


class Dispatcher:
    """Hands out the shards of a run.

    Args:
        config: The run: target, guarantee, when to give up.
        size: Attempts in a shard.

    Attributes:
        counts: Of the committed attempts.
        last: Number of the attempt that ends the run, None while none does.
        left_out: Shards that could not be made, each with the reason.
        benched: Workers that get no more shards, each with the reason.
        coming: How many workers were hired that have not joined yet.
    """

    def __init__(self, config: Generate, size: int):
        self._config = config
        self._size = size
        self.counts = Counts(())
        self.last: int | None = None
        self.left_out: dict[Shard, str] = {}
        self.benched: dict[str, str] = {}
        self.coming = 0
        self._workers: dict[str, _Worker] = {}
        self._next = 0  # index of the shard whose turn it is to be committed
        self._fresh = 0  # index of the first shard that was never handed out
        self._waiting: dict[int, Told] = {}
        self._highest = -1  # index of the last shard that is whole
        self._again: list[int] = []
        self._running: dict[int, dict[str, Task]] = {}
        """Workers of each shard that is being made, the one that was begun first at the front."""
        self._known = [0, 0]
        """Successes and attempts in all shards that are whole."""
        self._failed: dict[int, Counter[str]] = {}
        self._lost: Counter[int] = Counter()
        self._times: deque[float] = deque(maxlen=TIMES)
        self._limit = math.inf
        """Seconds after which a shard takes long."""

    @property
    def running(self) -> int:
        """How many shards are being made."""
        return len(self._running)

    @property
    def over(self) -> bool:
        """Whether no more shards are wanted, or none can be made."""
        if self.last is not None or self.all_benched:
            return True
        return not self._running and not self._again and not self._waiting and self._at(self._fresh) is None

    @property
    def all_benched(self) -> bool:
        """Whether there is no worker that is given shards, and none is coming, though there are workers."""
        return not self.coming and bool(self._workers) and len(self.benched) == len(self._workers)

    def knows(self, worker: str) -> bool:
        """Return whether a worker was taken in."""
        return worker in self._workers

    def join(self, worker: str) -> None:
        """Take a worker in."""
        self._workers.setdefault(worker, _Worker())

    def ask(self, worker: str, now: float) -> Task | None:
        """Return what a worker that has nothing to do is to make, None for nothing.

        Args:
            worker: Who.
            now: Time [s].
        """
        own = self._workers[worker]
        assert own.task is None
        if self.last is not None or worker in self.benched:
            return None
        index = self._failed_elsewhere(worker)
        if index is None and self._wanted():
            index = self._fresh
            self._fresh += 1
        if index is None:
            index = self._slow(now)
        if index is None:
            return None
        shard = self._at(index)
        assert shard is not None
        copies = self._running.setdefault(index, {})
        own.task, own.since = Task(shard, self._copy(index)), now
        copies[worker] = own.task
        return own.task

    def made(self, worker: str, told: Told, now: float) -> list[str]:
        """Take a shard that a worker has made. The first of its copies counts.

        Returns:
            Other workers that make it, and need not any more; each is to `leave`.
        """
        own = self._workers[worker]
        assert own.task is not None
        self._times.append(now - own.since)
        if len(self._times) >= HANDFUL:
            self._limit = SLOW * statistics.median(self._times)
        own.failed.clear()
        index = self._index(own.task.shard)
        self._release(worker)
        others = list(self._running.get(index, {}))
        self.found(told)
        return others

    def fail(self, worker: str, reason: str) -> None:
        """Take note that a worker could not make its shard."""
        own = self._workers[worker]
        assert own.task is not None
        shard = own.task.shard
        index = self._index(shard)
        self._release(worker)
        own.failed.add(shard.first)
        self._failed.setdefault(index, Counter())[worker] += 1
        if len(own.failed) >= BENCHED_AFTER:
            self.benched[worker] = reason
        failed = self._failed[index]
        others = [name for name in self._workers if name not in self.benched and name not in failed]
        if failed.total() >= FAILURES and (len(failed) > 1 or not others):
            self._give_up(index, reason)
        else:
            self._make_again(index)

    def leave(self, worker: str, reason: str | None = None) -> None:
        """Take note that a worker is gone.

        Args:
            worker: Who.
            reason: What happened to it; None: it was told to.
        """
        own = self._workers.pop(worker)
        self.benched.pop(worker, None)
        if own.task is None:
            return
        index = self._index(own.task.shard)
        self._running.get(index, {}).pop(worker, None)
        if reason is not None:
            self._lost[index] += 1
        if reason is not None and self._lost[index] >= LOSSES:
            self._give_up(index, f"{LOSSES} workers were lost over it: {reason}")
        else:
            self._make_again(index)

    def stuck(self, now: float) -> list[str]:
        """Return the workers that hang: each is to `leave`, with a reason.

        Args:
            now: Time [s].
        """
        limit = PATIENCE if math.isinf(self._limit) else STUCK / SLOW * self._limit
        found: list[str] = []
        for copies in self._running.values():
            late = [worker for worker in copies if now - self._workers[worker].since >= limit]
            if not late:
                break  # those behind were begun later
            found += late
        return found

    def _release(self, worker: str) -> None:
        own = self._workers[worker]
        assert own.task is not None
        self._running.get(self._index(own.task.shard), {}).pop(worker, None)
        own.task = None

    def _make_again(self, index: int) -> None:
        """Have a shard made again, unless another worker makes it or nobody needs it any more."""
        if self._running.get(index):
            return
        self._running.pop(index, None)
        if not self._is_done(index):
            heapq.heappush(self._again, index)

    def _give_up(self, index: int, reason: str) -> None:
        """Leave a shard out; the run goes on without its attempts."""
        if self._running.get(index) or self._is_done(index):
            return
        self._running.pop(index, None)
        shard = self._at(index)
        assert shard is not None
        self.left_out[shard] = reason
        self._commit()

    def found(self, told: Told) -> None:
        """Take a shard that is whole, made by an earlier run."""
        index = self._index(told.shard)
        self._running.pop(index, None)
        if self._is_done(index):
            return
        self._waiting[index] = told
        self._highest = max(self._highest, index)
        self._known[0] += sum(told.outcomes)
        self._known[1] += len(told.outcomes)
        self._commit()

    def _is_done(self, index: int) -> bool:
        return index < self._next or index in self._waiting or self._at(index) in self.left_out

    def _commit(self) -> None:
        """Count the shards whose turn it is, up to the attempt that ends the run."""
        while self.last is None:
            told = self._waiting.pop(self._next, None)
            if told is None:
                if self._at(self._next) not in self.left_out:
                    return
            else:
                self._count(told)
            self._next += 1

    def _count(self, told: Told) -> None:
        outcomes = np.frombuffer(told.outcomes, np.uint8)
        end = self._end_in(outcomes)
        if end is not None:
            self.last = told.shard.first + end
            outcomes = outcomes[: end + 1]
        successes = int(outcomes.sum())
        self.counts.successes += successes
        self.counts.failures += len(outcomes) - successes
        for stage, count in told.reached.items():
            self.counts.reached[stage] = self.counts.reached.get(stage, 0) + count

    def _end_in(self, outcomes: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> int | None:
        """Return which of the attempts that come next ends the run, by the rule of `Committer`; None for none."""
        config = self._config
        successes = self.counts.successes + np.cumsum(outcomes, dtype=np.int64)
        attempts = self.counts.attempts + np.arange(1, len(outcomes) + 1)
        over = (successes if config.guarantee else attempts) >= config.num_trials
        if config.guarantee and config.max_failures is not None:
            over |= attempts - successes >= config.max_failures
        if config.guarantee and config.give_up_below > 0:
            hopeless = (attempts >= HOPELESS_AFTER) & (successes < config.give_up_below * attempts)
            # The whole interval lies below only where the rate does, which is rare: asked one by one.
            for place in np.nonzero(hopeless & ~over)[0]:
                over[place] = wilson(int(successes[place]), int(attempts[place]))[1] < config.give_up_below
                if over[place]:
                    break
        (found,) = np.nonzero(over)
        return int(found[0]) if len(found) else None

    def _wanted(self) -> bool:
        """Return whether a shard that was never handed out is likely to be needed."""
        while self._is_done(self._fresh) and self._at(self._fresh) is not None:
            self._fresh += 1
        if self._at(self._fresh) is None:
            return False
        if not self._config.guarantee or self._fresh < self._highest:  # those behind wait for it
            return True
        successes, attempts = self._known
        missing = self._config.num_trials - successes
        most = self._size * max(1, len(self._workers) - len(self.benched))
        likely = attempts_for(missing, wilson(successes, attempts), at_most=most)
        return len(self._running) + len(self._again) < math.ceil(likely / self._size)

    def _failed_elsewhere(self, worker: str) -> int | None:
        """Return a shard that is to be made again, if possible one that this worker has not failed at."""
        if not self._again:
            return None
        others = [name for name in self._workers if name not in self.benched and name != worker]
        later = []
        found = None
        while self._again and found is None:
            index = heapq.heappop(self._again)
            if self._is_done(index):
                continue
            failed = self._failed.get(index, Counter())
            if worker in failed and any(name not in failed for name in others):
                later.append(index)
            else:
                found = index
        for index in later:
            heapq.heappush(self._again, index)
        return found

    def _slow(self, now: float) -> int | None:
        """Return a shard that takes so long that a second worker is to make it, too."""
        for index, copies in self._running.items():
            begun = min(self._workers[worker].since for worker in copies)
            if now - begun < self._limit:
                return None  # those behind were begun later
            if len(copies) == 1:
                return index
        return None

    def _copy(self, index: int) -> int:
        """Return which copy of a shard is begun: one that nobody makes now, and after a failure one that is new."""
        taken = {task.copy for task in self._running[index].values()}
        first = 1 + self._failed.get(index, Counter()).total()
        return next(number for number in itertools.count(first) if number not in taken)

    def _index(self, shard: Shard) -> int:
        return (shard.first - 1) // self._size

    def _at(self, index: int) -> Shard | None:
        return shard_at(index, self._size, self._config)
