"""Evaluations of policies, read from the records of their runs, and the page that compares them.

The page is plain: it holds everything, runs nothing, and opens without a network.
"""

from __future__ import annotations

import html
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import Attempt, Counts, Outcome, kind_of_reason
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MARK
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.report.page import WEB, write
from mimicgen.datagen.report.records import read_attempts, read_run
from mimicgen.datagen.text import shown

MODE = "evaluate"
"""What the job is called in records."""

VARIED = "vary."

EPISODES = 2000
"""Episodes in the table of a page, the first ones; 0.4 MB."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is told of an evaluation.

    Attributes:
        folder: Of its records.
        config: What it was started with.
        policy: What the record says of the policy.
        counts: Of its episodes.
        attempts: The episodes, in the order of their numbers.
        varied: What was varied, in words; '' for nothing.
    """

    folder: Path
    config: dict[str, Any]
    policy: dict[str, Any]
    counts: Counts
    attempts: tuple[Attempt, ...]
    varied: str

    @property
    def name(self) -> str:
        """What it is called: its folder."""
        return self.folder.name

    @property
    def steps(self) -> int | None:
        """Median of the steps of successes; None without any."""
        found = [attempt.steps for attempt in self.attempts if attempt.outcome is Outcome.SUCCESS]
        return round(statistics.median(found)) if found else None

    @property
    def rate(self) -> str:
        """The success rate with its 95% interval: '93% (87 to 96)'."""
        low, high = self.counts.interval
        return f"{100 * self.counts.rate:.0f}% ({100 * low:.0f} to {100 * high:.0f})"

    @property
    def same(self) -> tuple[str, str, str]:
        """What two evaluations have alike of which one varies the other: policy, task, and seed."""
        return str(self.config.get("policy")), str(self.config.get("task")), str(self.config.get("seed"))


def read(folder: Path) -> Evaluation:
    """Return the evaluation whose records are in a folder.

    Raises:
        SourceError: There is none, or its records are damaged.
    """
    run = read_run(folder)
    if run is None or run["config"].get("mode") != MODE:
        found = "has no run.json" if run is None else f"is of a run of {quoted(run['config'].get('mode'))}"
        raise SourceError(f"'{folder}' {found}; pass output folders of datagen.sh evaluate")
    config, told = run["config"], run.get("policy")
    attempts = tuple(one for one in read_attempts(folder) if one.outcome is not Outcome.ABANDONED)
    counts = Counts((*(attempts[0].signals if attempts else ()), "success"))
    if any(tuple(one.signals) != counts.stages[:-1] for one in attempts):
        raise SourceError(f"'{folder / 'attempts.jsonl'}' has episodes of different tasks; evaluate anew (--fresh)")
    for attempt in attempts:
        counts.add(attempt)
    return Evaluation(
        folder=folder,
        config=config,
        policy=told if isinstance(told, dict) else {},
        counts=counts,
        attempts=attempts,
        varied=_varied(config),
    )


def lines(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return a line for each evaluation."""
    return [
        shown(
            f"{one.name}: {one.counts.successes} of {one.counts.attempts}, {one.rate}; {one.config.get('policy')}, "
            f"{one.config.get('task')} {one.config.get('variant')}{f', {one.varied}' if one.varied else ''}; reached: "
            f"{one.counts.funnel()}"
        )
        for one in evaluations
    ]


def compared(evaluations: Sequence[Evaluation]) -> str:
    """Return the HTML of the page that compares evaluations, or tells of a single one."""
    alone = len(evaluations) == 1
    title = f"{evaluations[0].name} - evaluation" if alone else f"{len(evaluations)} evaluations"
    parts = [_section("Success", _rates(evaluations))]
    varying = _variations(evaluations)
    if varying:
        parts.append(_section("What was varied", varying))
    parts.append(_section("How far episodes came", _funnels(evaluations)))
    parts.append(_section("What failed episodes lacked", _lacking(evaluations)))
    parts.append(_section("Policies", _policies(evaluations)))
    if alone:
        parts.append(_section("Episodes", _episodes(evaluations[0])))
    style = (WEB / "report.css").read_text(encoding="utf-8") + (WEB / "evaluations.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{MARK}">\n<meta name="color-scheme" content="light dark">\n'
        f'<title>{_text(title)}</title>\n<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n'
        f"<body>\n<header><h1>{_text(title)}</h1></header>\n<main>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def write_evaluation(records: Path, path: Path) -> None:
    """Write the page about the evaluation whose records are in a folder.

    Raises:
        DatagenError: The records are damaged, or the page cannot be written.
    """
    write(path, compared([read(records)]))


def _varied(config: dict[str, Any]) -> str:
    """Return what a configuration varies: 'action_delay = 3'."""
    from mimicgen.datagen.config.evaluating import Evaluate
    from mimicgen.datagen.config.keys import keys

    told = []
    for key, about in keys(Evaluate).items():
        if key.startswith(VARIED) and config.get(key, about.default) != about.default:
            told.append(f"{key.removeprefix(VARIED)} = {config[key]}")
    return ", ".join(told)


def _rates(evaluations: Sequence[Evaluation]) -> str:
    rows = [
        [
            _text(one.name),
            _text(one.config.get("policy")),
            _text(f"{one.config.get('task')} {one.config.get('variant')}"),
            _text(one.varied or "nothing"),
            f"{one.counts.successes} of {one.counts.attempts}",
            _text(one.rate),
            _bar(one.counts.rate, one.counts.interval),
            _text("" if one.steps is None else one.steps),
        ]
        for one in evaluations
    ]
    head = ("Evaluation", "Policy", "Task", "Varied", "Successes", "Rate (95% interval)", "", "Steps of a success")
    return _table(head, rows)


def _variations(evaluations: Sequence[Evaluation]) -> str:
    """Return how a policy does with something varied beside how it does without, for those that have both."""
    plain = {one.same: one for one in evaluations if not one.varied and one.config.get("variant") == "d0"}
    rows = []
    for one in evaluations:
        base = plain.get(one.same)
        if base is None or one is base:
            continue
        (low, high), (base_low, base_high) = one.counts.interval, base.counts.interval
        what = one.varied or f"variant = {one.config.get('variant')}"
        change = 100 * (one.counts.rate - base.counts.rate)
        apart = "the intervals lie apart" if high < base_low or base_high < low else "the intervals overlap"
        rows.append([_text(one.config.get("policy")), _text(what), base.rate, one.rate, f"{change:+.0f}", apart])
    return _table(("Policy", "Varied", "Without", "With", "Points", ""), rows) if rows else ""


def _funnels(evaluations: Sequence[Evaluation]) -> str:
    found = []
    for one in evaluations:
        rows = [
            [_text(stage), str(count), _bar(count / one.counts.attempts if one.counts.attempts else 0.0)]
            for stage, count in one.counts.reached.items()
        ]
        caption = f"<figcaption>{_text(one.name)}: {one.counts.attempts} episodes</figcaption>"
        found.append(f"<figure>{caption}{_table(('Stage', 'Reached', ''), rows)}</figure>")
    return f'<div class="pair">{"".join(found)}</div>'


def _lacking(evaluations: Sequence[Evaluation]) -> str:
    rows = []
    for one in evaluations:
        lost: Counter[tuple[str, str]] = Counter(
            (attempt.missing_signal or "success", attempt.missing_part or kind_of_reason(attempt.reason))
            for attempt in one.attempts
            if attempt.outcome is Outcome.FAILURE
        )
        rows += [
            [_text(one.name), _text(stage), str(count), _text(what)] for (stage, what), count in lost.most_common(8)
        ]
    return _table(("Evaluation", "Before", "Episodes", "Most"), rows) if rows else "<p>No episode failed.</p>"


def _policies(evaluations: Sequence[Evaluation]) -> str:
    rows = []
    for one in evaluations:
        effort = one.policy.get("effort")
        calls, seconds = (effort.get("calls"), effort.get("seconds")) if isinstance(effort, dict) else (None, None)
        timed = isinstance(calls, int) and isinstance(seconds, (int, float)) and calls
        cost = f"{1000 * seconds / calls:.1f} ms a call, {calls} calls" if timed and calls and seconds else ""
        made = one.policy.get("made_of")
        told = ", ".join(f"{key} {value}" for key, value in made.items()) if isinstance(made, dict) else ""
        observed = one.policy.get("observed")
        names = ", ".join(map(str, observed)) if isinstance(observed, list) else ""
        rows.append([_text(one.name), _text(told[:500]), _text(names), _text(one.policy.get("actions", "")), cost])
    return _table(("Evaluation", "Made of", "Observes", "Actions", "Its own time"), rows)


def _episodes(one: Evaluation) -> str:
    rows = [
        [
            str(attempt.number),
            str(attempt.seed),
            _text(str(attempt.outcome)),
            str(attempt.steps),
            _text(attempt.furthest_subtask),
            _text(attempt.reason) + _videos(one.folder, attempt),
            _text("; ".join(f"{name} {x:.3f}, {y:.3f}" for name, (x, y) in (attempt.starts or {}).items())),
        ]
        for attempt in one.attempts[:EPISODES]
    ]
    more = len(one.attempts) - EPISODES
    note = f"<p>{more} more are in attempts.jsonl.</p>" if more > 0 else ""
    head = ("Episode", "Seed", "Outcome", "Steps", "Reached", "Why", "Starts: x, y [m]")
    return _table(head, rows) + note


def _videos(folder: Path, attempt: Attempt) -> str:
    """Return links to the videos of an episode, which lie beside the page."""
    if attempt.demo is None:
        return ""
    found = sorted(folder.glob(f"*/{demo_folder(attempt.demo)}.mp4"))
    links = (f'<a href="{_text(path.relative_to(folder).as_posix())}">{_text(path.parent.name)}</a>' for path in found)
    return "".join(f" {link}" for link in links)


def _bar(share: float, interval: tuple[float, float] | None = None) -> str:
    """Return a bar as long as a share, with its interval on it."""
    whisker = ""
    if interval is not None:
        low, high = interval
        whisker = f'<i style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
    return f'<div class="bar"><b style="width:{100 * share:.1f}%"></b>{whisker}</div>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{content}</section>\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, of texts that are HTML already."""
    body = "".join(_row(row, "td") for row in rows)
    return f'<div class="wide"><table><thead>{_row(head, "th")}</thead><tbody>{body}</tbody></table></div>'


def _row(cells: Sequence[str], kind: str) -> str:
    return f"<tr>{''.join(f'<{kind}>{cell}</{kind}>' for cell in cells)}</tr>"


def _text(value: object) -> str:
    return html.escape(shown(value))
