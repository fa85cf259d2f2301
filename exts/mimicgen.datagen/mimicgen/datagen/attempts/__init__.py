"""What happened in one attempt, and the counts over a run's attempts."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FINAL = "success"
"""Name of the last stage of the funnel, for the subtask that has no signal of its own."""

WHOLE = "*"
"""End effector of a segment that is a whole demonstration, with all its end effectors."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    ABANDONED = "abandoned"
    """The run ended before it was this attempt's turn. Counts neither as a success nor as a failure."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The source segment chosen for a subtask.

    Attributes:
        eef: End effector.
        subtask: Index of the subtask.
        demo: Name of the source demonstration.
        start: First source step.
        end: One past the last source step.
        begun: Steps of the attempt before the subtask's first; None in older records.
        over: Steps of the attempt when the subtask was over; None where the attempt ended first, and in older records.
    """

    eef: str
    subtask: int
    demo: str
    start: int
    end: int
    begun: int | None = None
    over: int | None = None


@dataclass(frozen=True, kw_only=True)
class Try:
    """A try of an attempt that failed, and after which the attempt began again, from the same start.

    Attributes:
        segments: As in `Attempt`.
        reason: As in `Attempt`.
        steps: As in `Attempt`.
    """

    segments: tuple[Segment, ...]
    reason: str
    steps: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One finished attempt; of several tries what is said of it is said of the last one.

    Attributes:
        number: Counts from 1 over the run, in the order in which attempts start; with the run's seed it says all of
            what is random in the attempt.
        env: Environment index.
        seed: Seed of everything random in the attempt.
        segments: Source segments in the order in which they were chosen.
        signals: Step at which each subtask signal first came, in the order of the subtasks; None when it never did.
        outcome: How it ended.
        reason: Why, in words.
        steps: Environment steps.
        seconds: Wall-clock duration [s].
        demo: Name of the written demonstration, when it was kept.
        overdue: First signal that had not come when its subtask was over; None when all came in time.
        overdue_eef: End effector of that subtask; None in older records, too.
        starts: Where each object starts: x and y in the environment's frame [m] and its turn about the vertical [rad],
            which older records lack; None in still older ones.
        eefs: End effector that each signal is of, where there are several; None otherwise.
        earlier_tries: The tries that failed before the last one.
        perturbed: What disturbed it, see `docs/recovery.md`; None where nothing did.
    """

    number: int
    env: int
    seed: int
    segments: tuple[Segment, ...]
    signals: dict[str, int | None]
    outcome: Outcome
    reason: str
    steps: int
    seconds: float
    demo: str | None = None
    overdue: str | None = None
    overdue_eef: str | None = None
    starts: dict[str, list[float]] | None = None
    eefs: dict[str, str] | None = None
    earlier_tries: tuple[Try, ...] = ()
    perturbed: dict[str, Any] | None = None

    @property
    def reached(self) -> tuple[str, ...]:
        """The signals that came, up to the first missing one of the same end effector."""
        stuck: set[str | None] = set()
        found = []
        for name, step in self.signals.items():
            eef = (self.eefs or {}).get(name)
            if step is None:
                stuck.add(eef)
            elif eef not in stuck:
                found.append(name)
        return tuple(found)

    @property
    def missing_signal(self) -> str | None:
        """The first subtask signal that never came."""
        return next((name for name, step in self.signals.items() if step is None), None)

    @property
    def missing_part(self) -> str | None:
        """What a failed attempt lacked most, with N for the numbers: 'the mug is N mm beside the shelf'.

        None where the reason does not say it.
        """
        *_, lacking = self.reason.split(": ")
        if self.outcome is not Outcome.FAILURE or lacking == self.reason:
            return None
        return kind_of_reason(lacking.split(", ")[0])

    @property
    def replayed(self) -> str | None:
        """The recorded demonstration that was replayed from its beginning to its end, if one was."""
        whole = len(self.segments) == 1 and self.segments[0].eef == WHOLE
        return self.segments[0].demo if whole else None

    @property
    def unusual(self) -> str:
        """What was unusual about it, in words that follow others: ', in try 2, disturbed (push)'; mostly ''."""
        tries = f", in try {1 + len(self.earlier_tries)}" if self.earlier_tries else ""
        return tries + (f", disturbed ({self.perturbed.get('kind')})" if self.perturbed else "")

    @property
    def furthest_subtask(self) -> str:
        """The last signal that came before the first missing one, 'success' for a success, 'none' at worst.

        Of several end effectors, each one's: 'left none, right grasped'.
        """
        if self.outcome is Outcome.SUCCESS:
            return FINAL
        if self.eefs:
            furthest = dict.fromkeys(self.eefs.values(), "none") | {
                self.eefs[name]: name for name in self.reached if name in self.eefs
            }
            return ", ".join(f"{eef} {name}" for eef, name in furthest.items())
        return next(reversed(self.reached), "none")

    @classmethod
    def from_json(cls, line: str | bytes) -> Attempt:
        """Return the attempt of a record.

        Raises:
            ValueError, KeyError, TypeError: It is not one, or not a whole one.
        """
        told = json.loads(line)
        values = {
            member.name: told[member.name]
            for member in dataclasses.fields(cls)
            if member.default is dataclasses.MISSING or member.name in told
        }
        values["segments"] = _segments(values)
        values["earlier_tries"] = tuple(
            Try(**{**one, "segments": _segments(one)}) for one in values.get("earlier_tries", ())
        )
        values["outcome"] = Outcome(values["outcome"])
        return cls(**values)

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        record: dict[str, Any] = dataclasses.asdict(self)
        record |= {
            "furthest_subtask": self.furthest_subtask,
            "missing_signal": self.missing_signal,
            "missing_part": self.missing_part,
        }
        record["seconds"] = round(self.seconds, 3)
        for rare in ("earlier_tries", "perturbed"):
            if not record[rare]:
                del record[rare]
        return json.dumps(record)


@dataclass
class Counts:
    """Running totals over attempts.

    Attributes:
        stages: Subtask signals in order, then 'success'.
        successes: Kept demonstrations.
        failures: Failed attempts.
        tries: Of all attempts; as many as those unless attempts were tried again.
        perturbed: Attempts that were disturbed.
        perturbed_successes: Those of them that were kept.
        reached: How many attempts reached each stage.
        lost: What those lacked most that did not reach a stage and had reached the one before, counted, by stage.
    """

    stages: Sequence[str] = (FINAL,)
    successes: int = 0
    failures: int = 0
    tries: int = 0
    perturbed: int = 0
    perturbed_successes: int = 0
    reached: dict[str, int] = field(init=False)
    lost: dict[str, Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.reached = dict.fromkeys(self.stages, 0)
        self.lost = {stage: Counter() for stage in self.stages}

    @property
    def attempts(self) -> int:
        """Successes and failures."""
        return self.successes + self.failures

    @property
    def rate(self) -> float:
        """Share of successes, 0 before the first attempt."""
        return self.successes / self.attempts if self.attempts else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval of the success rate."""
        return wilson(self.successes, self.attempts)

    def add(self, attempt: Attempt) -> None:
        """Count an attempt; an abandoned one changes nothing."""
        if attempt.outcome is Outcome.ABANDONED:
            return
        success = attempt.outcome is Outcome.SUCCESS
        self.successes += success
        self.failures += not success
        self.tries += 1 + len(attempt.earlier_tries)
        self.perturbed += attempt.perturbed is not None
        self.perturbed_successes += success and attempt.perturbed is not None
        for name in attempt.signals if success else attempt.reached:
            self.reached[name] += 1
        self.reached[FINAL] += success
        if attempt.missing_part is not None:
            self.lost[attempt.missing_signal or FINAL][attempt.missing_part] += 1

    def funnel(self) -> str:
        """Return the stages with their counts: 'grasp_1 9, stack_1 7, success 5'."""
        return ", ".join(f"{stage} {count}" for stage, count in self.reached.items())


def _segments(told: dict[str, Any]) -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in told["segments"])


def wilson(successes: int, attempts: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the interval in which a success rate lies, from counted attempts; (0, 1) before the first.

    Args:
        successes: How many succeeded.
        attempts: Of how many.
        z: Quantile of the normal distribution; by default for 95%.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if attempts == 0:
        return 0.0, 1.0
    rate, share = successes / attempts, z * z / attempts
    middle = (rate + share / 2) / (1 + share)
    half = z * math.sqrt(rate * (1 - rate) / attempts + share / (4 * attempts)) / (1 + share)
    # Exactly 0 and 1 where nothing or everything succeeded, which rounding would miss.
    return (max(0.0, middle - half) if successes else 0.0), (min(1.0, middle + half) if successes < attempts else 1.0)


def signal_to_blame(signals: dict[str, int | None], *, last_success: int | None) -> str | None:
    """Return the signal for want of which an attempt failed; None when it is success that it lacked.

    Args:
        signals: As in `Attempt.signals`.
        last_success: Last step at which the success term was true, None when it never was.
    """
    if last_success is not None:
        return None
    return next((name for name, step in signals.items() if step is None), None)


def kind_of_reason(reason: str) -> str:
    """Return a reason with its numbers taken out, but those of names: what failures have in common."""
    return re.sub(r"(?<![\w.])-?\d+(\.\d+)?", "N", reason)


def reason_for_failure(
    signals: dict[str, int | None], *, last_success: int | None, held: bool, steps: int, lacking: str | None = None
) -> str:
    """Say in words why an attempt failed.

    Args:
        signals: As in `Attempt.signals`.
        last_success: Last step at which the success term was true, None when it never was.
        held: Whether the success term was true at the last waypoint.
        steps: Steps of the attempt.
        lacking: What of success was missing at the end, or, with a signal to blame, of that when it was nearest, and
            by how much; where that is known.
    """
    suffix = f": {lacking}" if lacking else ""
    if held:
        return (
            "success did not hold: true at the last waypoint, lost while settling "
            f"(last true at step {last_success}){suffix}"
        )
    if last_success is not None:
        return f"success did not hold: last true at step {last_success} of {steps}{suffix}"
    missing = signal_to_blame(signals, last_success=last_success)
    if missing is not None:
        return f"signal '{missing}' never came in {steps} steps{suffix}"
    return f"every subtask signal came, but the success term was never true in {steps} steps{suffix}"


def reason_for_abort(signal: str, *, steps: int, eef: str | None = None, lacking: str | None = None) -> str:
    """Say in words why an attempt was ended early.

    Args:
        signal: The signal that had not come when its subtask was over.
        steps: Steps of the attempt.
        eef: End effector whose subtask it was, where there are several.
        lacking: What of the signal was missing when it was nearest, and by how much, where that is known.
    """
    suffix = f": {lacking}" if lacking else ""
    whose = f"{eef}'s" if eef else "its"
    return f"ended early: {whose} subtask was over after {steps} steps and signal '{signal}' had not come{suffix}"


def reason_for_no_number(step: int) -> str:
    """Say in words why an attempt was ended whose action was NaN or infinite, at this step, counted from 1."""
    return f"the action of step {step} was not finite, and was not taken"
