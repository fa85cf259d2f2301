"""Where demonstrations were kept, of where attempts began, and which source demonstrations they come from.

A policy fails where its data is thin, and a success rate does not say where that is. The range in which an object may
start is divided into parts: squares of the table, and ranges of its turn. Of every part it is counted how many attempts
began there and how many of them were kept; and for every subtask, from which source demonstrations the segments come,
and how many of what followed them was kept.
"""

from __future__ import annotations

import itertools
import math
import shlex
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.attempts import FINAL, WHOLE, Attempt, Outcome
from mimicgen.datagen.text import shown

SIDES = 4
"""Parts of the x and of the y range each."""

TURNS = 8
"""Parts of the range of the turn."""

RARE = 1e-3
"""Chance below which it is told that so few are kept in a part: there are many parts, and one has the fewest."""

FALSE = 0.05
"""Share of the source demonstrations that are told of that may be told of by chance (Benjamini and Hochberg, 1995)."""

ENOUGH = 5
"""Attempts a part on average, from which on a part without any is told."""

KEYS = ("x", "y", "yaw")
"""Numbers of a start."""

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the range in which an object may start.

    Attributes:
        words: Where it is.
        attempts: Attempts that began there.
        kept: Those of them that were kept.
    """

    words: str
    attempts: int
    kept: int


class Coverage:
    """Counts over attempts.

    Args:
        ranges: Where each object may start: `x`, `y` [m] and `yaw` [rad], smallest and largest, by object; of those
            that are not there, what the attempts show is taken.
        sources: Names of the source demonstrations; those that were used are taken where they are not known.
    """

    def __init__(self, ranges: Mapping[str, Mapping[str, Sequence[float]]], sources: Sequence[str] = ()):
        self._ranges = ranges
        self._sources = sources
        self._starts: dict[str, array[float]] = {}
        """By object: x, y, turn (not a number where it is not known) and whether it was kept, attempt by attempt."""
        self._attempts = self._kept = 0
        self._used: dict[tuple[str, int], Counter[str]] = {}
        """By end effector and subtask: how many kept attempts followed each source demonstration."""
        self._followed: dict[tuple[str, int], Counter[str]] = {}
        """The same of all tries: those of `mimic.retry_start` that failed, too."""
        self._names: dict[tuple[str, int], str] = {}

    def add(self, attempt: Attempt) -> None:
        """Count an attempt; an abandoned one changes nothing."""
        if attempt.outcome is Outcome.ABANDONED:
            return
        kept = attempt.outcome is Outcome.SUCCESS
        self._attempts += 1
        self._kept += kept
        for name, start in (attempt.starts or {}).items():
            if len(start) >= 2:
                own = (start[0], start[1], start[2] if len(start) > 2 else math.nan, kept)
                self._starts.setdefault(name, array("d")).extend(own)
        if attempt.replayed is None:
            for segments in (*(one.segments for one in attempt.earlier_tries), attempt.segments):
                # Of a subtask that was planned twice, what was followed to its end counts.
                for key, demo in {(one.eef, one.subtask): one.demo for one in segments if one.eef != WHOLE}.items():
                    self._followed.setdefault(key, Counter())[demo] += 1
                    if kept and segments is attempt.segments:
                        self._used.setdefault(key, Counter())[demo] += 1
                    self._names[key] = _named(attempt, *key)

    def told(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the run record says: `objects`, `sources`, and what is `missing` in words.

        Args:
            config: The run's configuration by dotted key, of which it is told what is left out already.
        """
        objects, missing = {}, []
        for name in self._starts:
            found, words = self._object(name)
            if found:
                objects[name] = found
                missing += words
        return {
            "objects": objects,
            "sources": [*self._source_use()],
            "missing": [*missing, *self.poor_segments(config)],
        }

    def _object(self, name: str) -> tuple[dict[str, Any], list[str]]:
        """Return how far the range of an object is covered and what is missing; nothing if it always starts alike."""
        rows = [(row[:3], bool(row[3])) for row in itertools.batched(self._starts[name], 4)]
        x, y, yaw = (self._span(name, key, [own[index] for own, _ in rows]) for index, key in enumerate(KEYS))
        found: dict[str, Any] = {}
        parts: list[Part] = []
        if x or y:
            columns, lines = SIDES if x else 1, SIDES if y else 1
            counts = Counter((_part(own[1], y, lines), _part(own[0], x, columns), kept) for own, kept in rows)
            grid = [
                [Part(words=_place(x, y, column, line), **_counted(counts, line, column)) for column in range(columns)]
                for line in range(lines)
            ]
            parts += [part for line_parts in grid for part in line_parts]
            found |= {key: list(span) for key, span in (("x", x), ("y", y)) if span}
            found |= {"attempts": [[part.attempts for part in own] for own in grid]}
            found |= {"kept": [[part.kept for part in own] for own in grid]}
        if yaw:
            turned = [(own[2], kept) for own, kept in rows if not math.isnan(own[2])]
            turns = Counter((_part(_within(own, yaw), yaw, TURNS), kept) for own, kept in turned)
            bins = [Part(words=_turn(yaw, index), **_counted(turns, index)) for index in range(TURNS)]
            parts += bins
            found |= {"yaw": list(yaw), "turn_attempts": [part.attempts for part in bins]}
            found |= {"turn_kept": [part.kept for part in bins]}
        if not found:
            return {}, []
        covered = {
            "parts": len(parts),
            "parts_attempted": sum(part.attempts > 0 for part in parts),
            "parts_kept": sum(part.kept > 0 for part in parts),
        }
        return covered | found, [*self._missing(name, parts, len(rows))]

    def _missing(self, name: str, parts: Sequence[Part], attempts: int) -> Iterator[str]:
        """Yield in words where an object has to start for attempts to fail, or for none to be made."""
        rate = self._kept / self._attempts
        for part in parts:
            if part.kept < part.attempts and _chance(part.kept, part.attempts, rate) < RARE:
                how = "never" if part.kept == 0 else "less often"
                yield (
                    f"{name} is {how} kept {part.words}: {part.kept} of {part.attempts}, {100 * rate:.0f}% of all "
                    f"{self._attempts} attempts"
                )
            elif not part.attempts and attempts >= ENOUGH * len(parts):
                yield f"{name}: no attempt has begun {part.words}"

    def _span(self, name: str, key: str, starts: Sequence[float]) -> Span | None:
        """Return from where to where a number of an object's start goes; None where it is always the same."""
        told = self._ranges.get(name, {}).get(key)
        if told is None:
            own = [start for start in starts if not math.isnan(start)]
            told = (min(own), max(own)) if own else (0.0, 0.0)
        low, high = float(told[0]), float(told[1])
        return (low, high) if high - low > 1e-3 else None

    def _source_use(self) -> Iterator[dict[str, Any]]:
        """Yield how evenly the source demonstrations are used, by subtask: the entropy of their shares [bits]."""
        for (eef, subtask), used in sorted(self._used.items()):
            total = used.total()
            bits = -sum(count / total * math.log2(count / total) for count in used.values())
            of = max(len(self._sources), len(used))
            most = math.log2(of)
            yield {
                "eef": eef,
                "subtask": subtask,
                "signal": self._names[eef, subtask],
                "used": len(used),
                "of": of,
                "bits": round(abs(bits), 3),
                "share": round(abs(bits) / most, 3) if most else 1.0,
                "demos": dict(used.most_common()),
                "followed": dict(self._followed[eef, subtask].most_common()),
            }

    def poor_segments(self, config: Mapping[str, Any]) -> Iterator[str]:
        """Yield in words from which source demonstrations attempts are kept less often, and how to leave them out.

        Args:
            config: See `told`.
        """
        signals = Counter(self._names.values())
        settings: dict[str, list[str]] = {}
        for key, demo in self._poor():
            followed, used, signal = self._followed[key], self._used.get(key, Counter()), self._names[key]
            name = "final" if signal == FINAL else signal
            setting = f"mimic.subtasks.{f'{key[0]}_{name}' if signals[signal] > 1 else name}.leave_out"
            already = config.get(setting) or config.get("mimic.leave_out") or ()
            settings.setdefault(setting, [*already]).append(demo)
            yield (
                f"what follows {shown(demo)} until {signal} is kept less often: {used[demo]} of {followed[demo]}, "
                f"{100 * used.total() / followed.total():.0f}% of all {followed.total()} that came so far"
            )
        if settings:
            given = (shown(shlex.quote(f"{setting}={','.join(demos)}")) for setting, demos in settings.items())
            yield f"these source segments are left out with {' '.join(f'--set {one}' for one in given)}"

    def _poor(self) -> list[tuple[tuple[str, int], str]]:
        """Return the segments of which fewer are kept than of all, but for a share of `FALSE` that may be chance."""
        chances = {}
        for key, followed in self._followed.items():
            used = self._used.get(key, Counter())
            rate = used.total() / followed.total()
            for demo, tries in followed.items():
                chances[key, demo] = _chance(used[demo], tries, rate) if used[demo] < tries else 1.0
        ranked = enumerate(sorted(chances.values()), start=1)
        bound = max((chance for place, chance in ranked if chance <= FALSE * place / len(chances)), default=-1.0)
        return sorted(segment for segment, chance in chances.items() if chance <= bound)


def _named(attempt: Attempt, eef: str, subtask: int) -> str:
    """Return the signal that ends a subtask; the last one's is success."""
    own = [name for name in attempt.signals if (attempt.eefs or {}).get(name, eef) == eef]
    return own[subtask] if subtask < len(own) else FINAL


def _chance(kept: int, attempts: int, rate: float) -> float:
    """Return the chance that so many or fewer of some attempts are kept, if every attempt is with the same chance.

    Args:
        kept: How many are.
        attempts: Of how many.
        rate: The chance of each, neither 0 nor 1 unless all of them end alike.
    """
    if rate == 0.0:
        return 1.0
    yes, no, of = math.log(rate), math.log1p(-rate), math.lgamma(attempts + 1)
    ways = (of - math.lgamma(own + 1) - math.lgamma(attempts - own + 1) for own in range(kept + 1))
    return sum(math.exp(way + own * yes + (attempts - own) * no) for own, way in enumerate(ways))


def _counted(counts: Counter[Any], *where: int) -> dict[str, int]:
    kept = counts[(*where, True)]
    return {"attempts": kept + counts[(*where, False)], "kept": kept}


def _part(value: float, span: Span | None, count: int) -> int:
    """Return in which of the equal parts of a range a number is; what is beyond is in the last one."""
    if span is None:
        return 0
    return min(count - 1, max(0, math.floor((value - span[0]) / (span[1] - span[0]) * count)))


def _within(angle: float, span: Span) -> float:
    """Return an angle as the one in a range, whole turns added [rad]."""
    middle = (span[0] + span[1]) / 2
    return middle + math.remainder(angle - middle, 2 * math.pi)


def _edges(span: Span, index: int, count: int) -> str:
    """Return a part of a range in words: '0.40 to 0.45'."""
    width = (span[1] - span[0]) / count
    return f"{span[0] + index * width:.2f} to {span[0] + (index + 1) * width:.2f}"


def _place(x: Span | None, y: Span | None, column: int, line: int) -> str:
    """Return in words where a part is, seen from above with x to the right and y up."""
    sides, edges = [], []
    for key, span, index, names in (("y", y, line, ("lower", "upper")), ("x", x, column, ("left", "right"))):
        if span is not None:
            sides.append(names[2 * index // SIDES])
            edges.append(f"{key} {_edges(span, index, SIDES)} m")
    return f"in the {' '.join(sides)} ({', '.join(reversed(edges))})"


def _turn(yaw: Span, index: int) -> str:
    return f"turned by {_edges(yaw, index, TURNS)} rad"
