"""The records of a run, read for a report: whatever stands in them, a page can be made of what comes out."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.dataset.files import nested
from mimicgen.datagen.dataset.sources.structure import DEEPEST
from mimicgen.datagen.errors import SourceError


def of_run(dataset: Path, records: Path, *, wanted: bool) -> tuple[Path | None, Path | None]:
    """Return the folder of a run's records, and the source that the run had, where they are there.

    Args:
        dataset: The run's dataset.
        records: Folder to look into.
        wanted: It has to be there, and counts whatever dataset its run wrote.

    Raises:
        SourceError: It is wanted, and has no records.
    """
    run = read_run(records)
    if run is None:
        if wanted:
            raise SourceError(
                f"'{records}' has no run.json; pass --records with a run's output folder, or leave it out"
            )
        return None, None
    config = run["config"]
    if not wanted and _recorded_path(config.get("output_dataset")) != dataset:
        return None, None
    source = _recorded_path(config.get("source") or "")
    return records, source if os.path.isfile(source) else None


def read_run(records: Path | None) -> dict[str, Any] | None:
    """Return what the page shows of `run.json`; None when there is none.

    Raises:
        SourceError: It is not a run's record.
    """
    path = records / "run.json" if records is not None else None
    if path is None or not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        if nested(found, DEEPEST):
            raise ValueError("its tables are nested too deep")
    except (ValueError, RecursionError) as error:
        raise SourceError(f"'{path}' is not a run's record ({error}); pass another --records, or none") from error
    if not isinstance(found, dict) or not _is_record(found):
        raise SourceError(f"'{path}' is not a run's record; pass another --records, or none")
    keys = ("end", "config", "counts", "timings", "runtime", "physics", "versions", "policy")
    return {key: found[key] for key in keys if key in found}


def read_attempts(records: Path | None, *, growing: bool = False) -> list[Attempt]:
    """Return the attempts in `attempts.jsonl`, none when there is none.

    Args:
        records: Folder of the run's records.
        growing: The run goes on, so a last line without an end is being written, and does not count.

    Raises:
        SourceError: A line is no attempt.
    """
    path = records / "attempts.jsonl" if records is not None else None
    if path is None or not path.is_file():
        return []
    told = path.read_bytes()
    try:
        found = [Attempt.from_json(line) for line in (told.rpartition(b"\n")[0] if growing else told).splitlines()]
        for attempt in found:
            _check_attempt(attempt)
        return found
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(f"'{path}' has a line that is no attempt ({error}); pass another --records") from error


def _recorded_path(told: Any) -> Path:
    """Return a path that a record tells, absolute."""
    return Path(os.path.expanduser(str(told))).absolute()  # Path's own raises where a home is not known


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON's")


def _is_record(found: dict[str, Any]) -> bool:
    """Return whether a run's record has what the page shows of it."""
    config, end, counts, timings, versions = (
        found.get(key) or {} for key in ("config", "end", "counts", "timings", "versions")
    )
    return (
        all(isinstance(section, dict) for section in (config, end, counts, timings, versions))
        and isinstance(found.get("config"), dict)
        and isinstance(end.get("reason", ""), str)
        and _are_counts(counts)
        and isinstance(timings.get("elapsed") or 0.0, (int, float))
    )


def _are_counts(counts: dict[str, Any]) -> bool:
    """Return whether a record's counts are numbers, those of earlier sessions and the rate's interval included."""
    before = counts.get("before", {"attempts": 0, "successes": 0})
    interval = counts.get("success_rate_interval", [0, 1])
    return (
        isinstance(counts.get("successes", 0), int)
        and isinstance(before, dict)
        and all(isinstance(before.get(key), int) for key in ("attempts", "successes"))
        and isinstance(interval, list)
        and len(interval) == 2
        and all(isinstance(value, (int, float)) for value in interval)
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _check_attempt(attempt: Attempt) -> None:
    """Check that the record of an attempt has numbers and texts where the page shows some.

    Raises:
        TypeError: It has not.
    """
    starts = (attempt.starts or {}).values() if isinstance(attempt.starts, (dict, type(None))) else (None,)
    steps = attempt.signals.values() if isinstance(attempt.signals, dict) else ("",)
    numbers = [attempt.seconds, *(value for start in starts for value in (start if isinstance(start, list) else "?"))]
    right = (
        all(isinstance(value, int) for value in (attempt.number, attempt.steps))
        and all(isinstance(value, (int, float)) and math.isfinite(value) for value in numbers)
        and all(isinstance(step, (int, type(None))) for step in steps)
        and isinstance(attempt.reason, str)
        and (attempt.eefs is None or (isinstance(attempt.eefs, dict) and all(map(_is_text, attempt.eefs.values()))))
        and isinstance(attempt.demo, (str, type(None)))
    )
    if not right:
        raise TypeError("a value is of another type")
