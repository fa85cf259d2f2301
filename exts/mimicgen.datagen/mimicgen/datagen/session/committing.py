"""Attempts are committed in the order of their numbers, whoever finishes first.

Counted as they finish, short attempts count before long ones: where failures end early, a run of many environments
would report a rate that is too low, and keep demonstrations that are too short. In the order of the numbers every
attempt counts that began before the one that ends the run, so neither the rate nor what is kept depends on how many
environments there are.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections import Counter
from collections.abc import Collection, Sequence

from mimicgen.datagen.attempts import Attempt, Counts, Outcome, kind_of_reason
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.progress import End

HOPELESS_AFTER = 50
"""Attempts before which no run is called hopeless."""

REASONS = 3
"""Reasons for failures that are told when a run gives up, the most frequent ones."""


def attempts_for(missing: int, interval: tuple[float, float], *, at_most: int) -> int:
    """Return how many attempts are likely to be needed, by the lower end of the success rate's interval.

    Args:
        missing: Demonstrations that are still wanted.
        interval: That of the success rate so far.
        at_most: How many can be made side by side.
    """
    low, _ = interval
    return min(math.ceil(missing / low), at_most) if low > 0 and missing > 0 else at_most * (missing > 0)


class Committer:
    """Puts ended attempts into the order of their numbers, says when the run is over, and which attempts may begin.

    Args:
        config: The run's configuration: target, guarantee, when to give up, number of environments.
        stages: Subtask signals in order, then 'success'.
        earlier: Attempts that an earlier run on the same outputs has committed.
        skipped: Numbers of attempts that are not made.

    Attributes:
        counts: Of the committed attempts.
        end: Why the run is over, None while it is not.
    """

    def __init__(
        self,
        config: Job,
        stages: Sequence[str],
        earlier: Sequence[Attempt] = (),
        *,
        skipped: Collection[int] = (),
    ):
        self._config = config
        self.counts = Counts(stages)
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._made = frozenset(skipped).union(attempt.number for attempt in earlier)
        self._waiting: dict[int, Attempt] = {}
        self._successes: list[int] = []  # numbers of those that wait, in order
        self._last = config.first_attempt - 1
        self._next = self._after(self._last)
        self._under_way = 0
        for attempt in earlier:
            self._count(attempt)
        self.end = self._why_end()
        if not config.guarantee:
            self._allow(config.num_trials - self.counts.attempts)

    def last(self) -> int:
        """Return the highest number of an attempt that may begin.

        With a guarantee, nobody knows how many attempts it takes. As many are under way as are likely to be needed:
        more would only cost their resets and plans.
        """
        if self._config.guarantee and self.end is None:
            missing = self._config.num_trials - self.counts.successes - len(self._successes)
            likely = attempts_for(missing, self.counts.interval, at_most=self._config.num_envs)
            self._allow(likely - self._under_way)
        return self._last

    def add(self, attempt: Attempt) -> None:
        """Take an attempt that has ended."""
        self._waiting[attempt.number] = attempt
        self._under_way -= 1
        if attempt.outcome is Outcome.SUCCESS:
            bisect.insort(self._successes, attempt.number)

    def may_count(self, attempt: Attempt) -> bool:
        """Return whether an attempt that has ended is committed or may come to be: not beyond the target."""
        if self.end is not None:
            return False
        missing = self._config.num_trials - self.counts.successes
        beyond = self._config.guarantee and len(self._successes) >= missing
        return not beyond or attempt.number <= self._successes[missing - 1]

    def commit(self) -> list[Attempt]:
        """Return the attempts whose turn it is, in order, up to the one that ends the run."""
        committed = []
        while self.end is None and self._next in self._waiting:
            attempt = self._waiting.pop(self._next)
            if attempt.outcome is Outcome.SUCCESS:
                del self._successes[0]  # the lowest number, as those that wait have higher ones
            self._next = self._after(self._next)
            self._count(attempt)
            committed.append(attempt)
            self.end = self._why_end()
        return committed

    def left(self) -> list[Attempt]:
        """Return the attempts that ended and whose turn never came, abandoned."""
        reason = "the run ended before it was this attempt's turn"
        return [
            dataclasses.replace(attempt, outcome=Outcome.ABANDONED, reason=f"{reason}; it was a {attempt.outcome}")
            for _, attempt in sorted(self._waiting.items())
        ]

    def _after(self, number: int) -> int:
        """Return the next number that no earlier run has made."""
        number += 1
        while number in self._made:
            number += 1
        return number

    def _allow(self, count: int) -> None:
        for _ in range(count):
            self._last = self._after(self._last)
            self._under_way += 1

    def _count(self, attempt: Attempt) -> None:
        self.counts.add(attempt)
        if attempt.outcome is Outcome.FAILURE:
            kind = kind_of_reason(attempt.reason)
            self._reasons[kind] += 1
            self._examples.setdefault(kind, attempt.reason)

    def _why_end(self) -> End | None:
        counts, config = self.counts, self._config
        if (counts.successes if config.guarantee else counts.attempts) >= config.num_trials:
            return End(reason="target reached", exit_code=0)
        if not config.guarantee:
            return None
        if config.max_failures is not None and counts.failures >= config.max_failures:
            return self._giving_up(f"max_failures = {config.max_failures} attempts failed")
        low, high = counts.interval
        if counts.attempts >= HOPELESS_AFTER and high < config.give_up_below:
            return self._giving_up(
                f"{counts.successes} of {counts.attempts} attempts succeeded, so the success rate is {100 * low:.1f} "
                f"to {100 * high:.1f}% (95% interval), below give_up_below = {config.give_up_below}"
            )
        return None

    def _giving_up(self, why: str) -> End:
        most = self._reasons.most_common(REASONS)
        reasons = "; ".join(f"{count} times, for instance: {self._examples[kind]}" for kind, count in most)
        return End(
            reason=f"gave up: {why}; attempts that reached each subtask: {self.counts.funnel()}; "
            f"why they failed: {reasons}; check the source demonstrations and the mimic settings",
            exit_code=3,
        )
