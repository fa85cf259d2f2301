"""The page of a training: the loss, how often checkpoints succeed, and where things are; for the browser."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import MARK, is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.policies.training.choosing import Evaluated, best_of
from mimicgen.datagen.text import shown

_WIDTH, _HEIGHT, _LEFT, _BELOW = 720, 240, 56, 24

_POINTS = 600
"""Of a curve at most: more than a screen shows."""

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 800px; margin: 0 auto; padding: 16px; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } text { fill: currentColor; font-size: 11px; }
path { fill: none; stroke: #2f6fb0; stroke-width: 1.5; } .axis { stroke: currentColor; opacity: 0.3; }
circle { fill: #3f7d00; } .interval { stroke: #3f7d00; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 2px 16px 2px 0; }
"""


def write(path: Path, facts: Mapping[str, object], lines: Iterable[Mapping[str, Any]], *, over: bool) -> None:
    """Write the page, whole or not at all.

    Args:
        path: Where to; a page of this project that is there is replaced.
        facts: What stands at its top, by name.
        lines: What happened; see `mimicgen.datagen.policies.training.folder`.
        over: Whether the training has ended; until then the browser loads the page again from time to time.

    Raises:
        OutputError: It cannot be written.
    """
    losses: dict[int, float] = {}
    evaluated: dict[int, Evaluated] = {}
    for line in lines:
        step = line.get("step")
        if line.get("event") == "begin":  # what came after the checkpoint that was gone on from is done again
            losses = {own: loss for own, loss in losses.items() if own <= line["step"]}
        elif line.get("event") == "step":
            losses[line["step"]] = line["loss"]
        elif line.get("event") == "evaluation" and isinstance(step, int):
            evaluated[step] = Evaluated(step=step, attempts=line["attempts"], successes=line["successes"])
    with explained(path), new_file(path, replace=is_ours) as scratch:
        scratch.write_text(_page(facts, losses, evaluated, over=over), encoding="utf-8")


def _page(
    facts: Mapping[str, object], losses: Mapping[int, float], evaluated: Mapping[int, Evaluated], *, over: bool
) -> str:
    again = "" if over else '<meta http-equiv="refresh" content="10">'
    rows = "".join(f"<tr><th>{_safe(name)}</th><td>{_safe(value)}</td></tr>" for name, value in facts.items())
    parts = [f"<h1>Training</h1><table>{rows}</table>"]
    last = max((*losses, *evaluated), default=0)
    if losses:
        parts.append(f"<h2>Loss</h2>{_loss(losses, last)}")
    if evaluated:
        parts.append(f"<h2>Success</h2>{_success(evaluated.values(), last)}{_table(evaluated.values())}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="generator" content="{MARK}">{again}'
        f"<title>Training</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _safe(value: object) -> str:
    return html.escape(shown(value))


def _loss(losses: Mapping[int, float], last: int) -> str:
    """Return the curve; where losses are above 0, on a logarithmic axis."""
    steps = sorted(losses)
    every = max(len(steps) // _POINTS, 1)
    points = [(step, losses[step]) for step in (*steps[::every], steps[-1])]
    logarithmic = min(loss for _, loss in points) > 0
    values = [math.log10(loss) if logarithmic else loss for _, loss in points]
    low, high = min(values), max(values)
    across, up = _scale(0, last, _LEFT, _WIDTH - 8), _scale(low, high, _HEIGHT - _BELOW, 8)
    path = " ".join(f"{across(step):.1f},{up(value):.1f}" for (step, _), value in zip(points, values, strict=True))
    labels = [(up(value), f"{10**value if logarithmic else value:.3g}") for value in (low, (low + high) / 2, high)]
    return _figure(f'<path d="M{path}"/>', labels, last, "Loss over gradient steps")


def _success(evaluated: Iterable[Evaluated], last: int) -> str:
    across, up = _scale(0, last, _LEFT, _WIDTH - 8), _scale(0, 1, _HEIGHT - _BELOW, 8)
    marks = []
    for one in evaluated:
        low, high = one.interval
        x = across(one.step)
        marks.append(f'<line class="interval" x1="{x:.1f}" x2="{x:.1f}" y1="{up(low):.1f}" y2="{up(high):.1f}"/>')
        marks.append(f'<circle cx="{x:.1f}" cy="{up(one.rate):.1f}" r="3"/>')
    labels = [(up(share), f"{100 * share:.0f}%") for share in (0, 0.5, 1)]
    return _figure("".join(marks), labels, last, "Success over gradient steps, with 95% intervals")


def _table(evaluated: Iterable[Evaluated]) -> str:
    ordered = sorted(evaluated, key=lambda one: one.step)
    best = best_of(ordered)
    rows = []
    for one in ordered:
        low, high = (f"{100 * end:.0f}" for end in one.interval)
        told = f"{one.successes} of {one.attempts}, {100 * one.rate:.1f}% ({low} to {high})"
        rows.append(f"<tr><td>{one.step}</td><td>{told}{', the best' if one is best else ''}</td></tr>")
    return f"<table><tr><th>step</th><th>success</th></tr>{''.join(rows)}</table>"


def _scale(low: float, high: float, begin: float, end: float) -> Any:
    width = high - low or 1.0
    return lambda value: begin + (value - low) / width * (end - begin)


def _figure(inside: str, labels: Sequence[tuple[float, str]], last: int, about: str) -> str:
    lines = "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
        for y, text in labels
    )
    below = f'<text x="{_LEFT}" y="{_HEIGHT - 6}">0</text>'
    below += f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 6}" text-anchor="end">{last} steps</text>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{about}">{lines}{below}{inside}</svg>'
