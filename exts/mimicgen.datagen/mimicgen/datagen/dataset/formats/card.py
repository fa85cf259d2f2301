"""The card of an exported dataset: `README.md`, which people read, and whose front matter the Hugging Face hub does.

Names and texts from files stand in it as text: nothing in them is markup, and the front matter is YAML whatever they
are. The keys of the front matter are those of https://huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.dataset.formats.language import Language
from mimicgen.datagen.dataset.ours import CARD_MARK, MARK
from mimicgen.datagen.text import counted, shown

CARD = "README.md"
PICTURE = "contact_sheet.png"
"""Names of the card and of its picture in the folder of an export."""

LICENCE = "# license: yours to choose, for instance cc-by-4.0; the hub reads it once this line is 'license: NAME'"

LONGEST = 1000
"""Characters of a text that are shown."""

ROWS = 100
"""Rows of a table that are shown."""

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10**7, "1M<n<10M"))
LARGEST = "10M<n<100M"
"""The hub's words for numbers of rows, below so many each."""

_MARKUP = re.compile(r"[\\`*_{}\[\]<>|~#$&]|(?<=:)/(?=/)|(?<=www)\.|^[-+=]")
"""What Markdown makes something of, links that it finds by itself included."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often attempts succeeded in the run that the demonstrations are from.

    Attributes:
        successes: How many did.
        attempts: Of how many.
        early_abort: Whether attempts were ended when a subtask was over without its signal.
    """

    successes: int
    attempts: int
    early_abort: bool

    def __str__(self) -> str:
        """Say it with the 95% interval."""
        low, high = wilson(self.successes, self.attempts)
        rate = self.successes / max(self.attempts, 1)
        told = f"{self.successes} of {counted(self.attempts, 'attempt')}, {rate:.1%}"
        early = "; attempts may have been ended early" if self.early_abort else ""
        return f"{told} (95% interval {low:.1%} to {high:.1%}){early}"


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera of an export.

    Attributes:
        name: What its images are called there.
        width: Of an image [pixels].
        height: Likewise.
        about: What an image shows and how it is stored, in words.
    """

    name: str
    width: int
    height: int
    about: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a card says.

    Attributes:
        title: Name of the dataset.
        format: Name of its format, with the version.
        tags: The hub's tags beyond those of every export.
        data_files: Pattern of the files that the hub's viewer shows, None where it knows no such format.
        rows: What the hub counts: steps.
        demonstrations: How many there are.
        succeeded: How many of them are successes.
        step_seconds: Duration of a step [s].
        task: Registered name of the task, '' where it is not known.
        language: The task in words.
        rate: How often attempts succeeded, None where the dataset does not say.
        origin: Where it comes from, as name and value.
        cameras: Its cameras.
        representation: What is called how, and what it is: units, frames, order of quaternions.
        failed: Demonstrations that are failures, with how they ended.
        left_out: Demonstrations that were not exported, with the reason.
        notes: What a user has to know besides.
        loading: How it is opened: code in Python, in which no text from a file stands.
        pictured: Whether `PICTURE` is there.
    """

    title: str
    format: str
    tags: Sequence[str] = ()
    data_files: str | None = None
    rows: int
    demonstrations: int
    succeeded: int
    step_seconds: float
    task: str
    language: Language
    rate: Rate | None
    origin: Sequence[tuple[str, str]]
    cameras: Sequence[Camera] = ()
    representation: Sequence[tuple[str, str]] = ()
    failed: Mapping[str, str]
    left_out: Mapping[str, str]
    notes: Sequence[str] = ()
    loading: str
    pictured: bool = False


def card(facts: Facts) -> str:
    """Return the card as Markdown."""
    sections = [
        f"# {plain(facts.title)}",
        _summary(facts),
        _table(("", ""), _glance(facts)),
        f"![First demonstrations, from their beginning to their end]({PICTURE})" if facts.pictured else "",
        _words(facts.language),
        "## Loading\n\n```python\n" + facts.loading.strip() + "\n```",
        _section("Contents", ("name", "what it is"), facts.representation),
        _section("Cameras", ("name", "size", "what it shows"), [_camera(one) for one in facts.cameras]),
        _section("Origin", ("", ""), facts.origin),
        _section("Failed demonstrations", ("name", "how it ended"), [*facts.failed.items()]),
        _section("Not exported", ("demonstration", "why"), [*facts.left_out.items()]),
        "## Notes\n\n" + "\n".join(f"- {plain(note)}" for note in facts.notes) if facts.notes else "",
        "## Licence\n\nNone is given yet. Whoever publishes this dataset chooses one, here and in the front matter.",
    ]
    return _front(facts) + "\n" + "\n\n".join(section for section in sections if section) + "\n"


def rate_of(provenance: Any) -> Rate | None:
    """Return how often attempts succeeded, as a dataset's `provenance` says; None where it does not.

    Of a merged dataset, its parts' counts together, a part that is there twice counted once.
    """
    runs = _runs(provenance)
    counts = [run.get("counts") for run in runs]
    if not counts or not all(_are_counts(own) for own in counts):
        return None
    early = [run["config"].get("early_abort") is True for run in runs if isinstance(run.get("config"), dict)]
    successes, attempts = (sum(own[key] for own in counts) for key in ("successes", "attempts"))  # type: ignore[index]
    return Rate(successes=successes, attempts=attempts, early_abort=any(early))


def plain(text: object) -> str:
    """Return a text as Markdown that shows it as it is, in one line."""
    words = shown(text).strip()
    if len(words) > LONGEST:
        words = f"{words[:LONGEST]}..."
    return _MARKUP.sub(r"\\\g<0>", words)


def _front(facts: Facts) -> str:
    """Return the front matter: YAML between two lines."""
    import yaml  # needed here alone

    told: dict[str, Any] = {
        "pretty_name": shown(facts.title)[:LONGEST],
        "task_categories": ["robotics"],
        "tags": [*facts.tags, "robotics", "imitation-learning", "simulation", MARK],
        "size_categories": [next((name for most, name in SIZES if facts.rows < most), LARGEST)],
    }
    if facts.data_files is not None:
        told["configs"] = [{"config_name": "default", "data_files": facts.data_files}]
    return f"{CARD_MARK}{LICENCE}\n{yaml.safe_dump(told, sort_keys=False)}---\n"


def _summary(facts: Facts) -> str:
    whole = counted(facts.demonstrations, "demonstration")
    which = f"the task {plain(facts.task)}" if facts.task else "a task that the file does not name"
    steps = counted(facts.rows, "step")
    return f"{whole} of {which} in simulation, {steps}, as {plain(facts.format)}; made by {plain(MARK)}."


def _glance(facts: Facts) -> list[tuple[str, str]]:
    seconds = facts.rows * facts.step_seconds
    duration = f"{seconds / 60:.1f} min" if seconds > 90 else f"{seconds:.0f} s"
    return [
        ("demonstrations", f"{facts.demonstrations}, {facts.succeeded} of them successful"),
        ("steps", f"{facts.rows} of {facts.step_seconds:g} s, {duration}"),
        ("success rate of the generation", str(facts.rate) if facts.rate else "not recorded"),
        ("cameras", ", ".join(one.name for one in facts.cameras) or "none"),
    ]


def _words(language: Language) -> str:
    lines = ["## Task", "", f"> {plain(language.instruction)}"]
    if language.paraphrases:
        lines += ["", "In other words:", "", *(f"- {plain(text)}" for text in language.paraphrases)]
    for eef, texts in language.subtasks.items():
        lines += ["", "Subtasks:" if len(language.subtasks) == 1 else f"Subtasks of {plain(eef)}:", ""]
        lines += [f"{number}. {plain(text)}" for number, text in enumerate(texts, 1)]
    return "\n".join(lines)


def _camera(camera: Camera) -> tuple[str, str, str]:
    return camera.name, f"{camera.width} x {camera.height}", camera.about


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return f"## {title}\n\n{_table(head, rows)}" if rows else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([plain(cell) for cell in row] for row in rows[:ROWS])]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nand {len(rows) - ROWS} more" if len(rows) > ROWS else table


def _runs(provenance: Any) -> list[dict[str, Any]]:
    """Return the provenance of every run that a dataset is from, each once; nothing where one is not told."""
    if not isinstance(provenance, dict):
        return []
    parts = provenance.get("merged")
    if not isinstance(parts, list):
        return [provenance]
    found: list[dict[str, Any]] = []
    for part in parts:
        told = part.get("attributes") if isinstance(part, dict) else None
        runs = _runs(told.get("provenance")) if isinstance(told, dict) else []
        if not runs:
            return []
        found += [run for run in runs if run not in found]
    return found


def _are_counts(told: Any) -> bool:
    """Return whether these are a run's counts."""
    if not isinstance(told, dict):
        return False
    attempts, successes = told.get("attempts"), told.get("successes")
    return type(attempts) is int and type(successes) is int and 0 <= successes <= attempts
