"""What each hand does when: its subtasks over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A subtask in a demonstration.

    Attributes:
        eef: End effector; '' where there is one, and nobody says what it is called.
        subtask: Its index among those of the end effector.
        words: What it is, in words.
        begin: First step.
        end: One past the last step.
    """

    eef: str
    subtask: int
    words: str
    begin: int
    end: int


def lanes_of(
    steps: int,
    segments: Sequence[Mapping[str, Any]],
    signals: Mapping[str, int],
    subtasks: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, list[Part]]:
    """Return each end effector's subtasks, in order.

    Where a run recorded when subtasks began and were over, that; otherwise a subtask ends at its signal.

    Args:
        steps: Of the demonstration.
        segments: The source segments that it was made from, see `Segment`.
        signals: Step at which each signal came.
        subtasks: What the task says of the subtasks of each end effector, see `scene`; empty where no file does.
    """
    timed = [one for one in segments if one["begun"] is not None]
    if timed:
        return _as_recorded(steps, timed, subtasks)
    if not subtasks:
        came = sorted(signals, key=signals.__getitem__)
        return {"": _by_signals("", steps, signals, [{"signal": name, "words": ""} for name in came])}
    several = len(subtasks) > 1
    return {eef: _by_signals(eef if several else "", steps, signals, own) for eef, own in subtasks.items()}


def _as_recorded(
    steps: int, segments: Sequence[Mapping[str, Any]], subtasks: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[Part]]:
    lanes: dict[str, list[Part]] = {}
    for one in segments:
        own = subtasks.get(one["eef"]) if len(subtasks) != 1 else next(iter(subtasks.values()))
        number, over = one["subtask"], one["over"]
        words = _words(own[number], number) if own and 0 <= number < len(own) else f"subtask {number + 1}"
        part = Part(one["eef"], number, words, one["begun"], steps if over is None else over)
        lanes.setdefault(one["eef"], []).append(part)
    return lanes


def _by_signals(eef: str, steps: int, signals: Mapping[str, int], own: Sequence[Mapping[str, Any]]) -> list[Part]:
    parts: list[Part] = []
    for told in own:
        if told["signal"] in signals:
            begin = parts[-1].end if parts else 0
            end = max(begin, signals[told["signal"]])
            parts.append(Part(eef, len(parts), _words(told, len(parts)), begin, end))
    begin = parts[-1].end if parts else 0
    if begin < steps:
        last = _words(own[len(parts)], len(parts)) if len(parts) < len(own) else "to the end"
        parts.append(Part(eef, len(parts), last, begin, steps))
    return parts


def _words(told: Mapping[str, Any], number: int) -> str:
    return str(told["words"] or told["signal"] or f"subtask {number + 1}")
