"""What an earlier run left in the same outputs, and whether a run may continue it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.config.keys import is_another_jobs, keys
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.errors import OutputError

FREE = {
    "num_trials",
    "num_envs",
    "guarantee",
    "max_failures",
    "give_up_below",
    "output_dataset",
    "output_dir",
    "keep_failed",
    "plots",
    "report",
    "live_port",
    "export",
    "cluster.address",
    "cluster.workers",
    "cluster.gpus_per_worker",
    "cluster.shard_attempts",
    "cluster.results",
}
"""Keys that may differ when a run is continued; `fresh` and those of rendering may, too."""


@dataclass(frozen=True)
class Earlier:
    """Attempts that were made before.

    Attributes:
        attempts: Their records, successes and failures, in the order of their numbers.
        versions: What the latest of the demonstrations was made with, by package; empty where nothing tells.
    """

    attempts: tuple[Attempt, ...] = field(default=())
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def demos(self) -> list[str]:
        """Names of the kept demonstrations."""
        return [attempt.demo for attempt in self.attempts if attempt.demo]

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the attempts."""
        return frozenset(attempt.number for attempt in self.attempts)


def read_earlier(log: Path, parts: Parts) -> Earlier:
    """Return the attempts of an attempt log and of the demonstrations themselves.

    A demonstration is written before its line in the log, so a line that is missing or cut off is in the demonstration.
    """
    found: dict[int, Attempt] = {}
    if log.exists():
        for line in log.read_bytes().splitlines():
            attempt = _attempt(line)
            if attempt is not None and attempt.outcome is not Outcome.ABANDONED:
                found[attempt.number] = attempt
    kept: dict[int, Attempt] = {}
    versions: Mapping[str, str] = {}
    for name, attributes in parts.attributes():
        attempt = _attempt(attributes.get("record", ""))
        if attempt is not None:  # written before it had the demonstration's name
            kept[attempt.number] = dataclasses.replace(attempt, demo=name)
            versions = json.loads(attributes.get("made_with", "{}")).get("versions") or {}
        elif "attempt" in attributes:
            raise OutputError(f"output '{parts.dataset}', {name}: has no record of its attempt; start afresh (--fresh)")
    # What is in the log as kept and is not there was deleted by somebody: it is made again.
    others = {number: attempt for number, attempt in found.items() if attempt.demo is None}
    return Earlier(tuple((others | kept)[number] for number in sorted(others | kept)), versions)


def ended_well(record: Path) -> bool:
    """Return whether a run's record says that the run reached its target, and that nothing went wrong afterwards."""
    if not record.is_file():
        return False
    try:
        return bool(json.loads(record.read_text(encoding="utf-8"))["end"]["exit_code"] == 0)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def refuse_another(config: Job, record: Path, dataset: Path) -> None:
    """Check that the run that left these outputs was configured alike in everything that its demonstrations depend on.

    Args:
        config: The configuration of the run that is to continue it.
        record: The earlier run's record.
        dataset: Its dataset.

    Raises:
        OutputError: It was not, or nothing tells how it was.
    """
    told = _told(record, dataset)
    if told is None:
        found = next((path for path in (dataset, record) if path.exists()), f"{dataset}.parts")
        raise OutputError(
            f"output '{found}' exists and no run of this project says how it was made, so it cannot be continued; "
            "start afresh (--fresh) to move it aside, or choose another --output-dataset and --output-dir"
        )
    before = told.get("config", {})
    where = Path(str(before.get("output_dataset", dataset))).name
    if where != dataset.name:
        raise OutputError(
            f"output '{record.parent}' has the records of a run that writes '{where}'; "
            "pass another --output-dir, or --fresh to move them aside"
        )
    now = {key: _plain(value) for key, value in config.flat().items()}
    # A key that has come to be since then had the value that is its default now.
    before = {name: _plain(key.default) for name, key in keys(type(config)).items() if key.default is not NODEFAULT} | {
        key: value for key, value in before.items() if not is_another_jobs(key, type(config))
    }
    free = FREE | {"fresh", "source", "replay_states"}
    observed = tuple(f"render.cameras.{name}." for name in config.observe.cameras)
    compared = sorted(
        key
        for key in before.keys() | now.keys()
        if key not in free and (key.startswith(observed) or not key.startswith("render."))
    )
    differences = [
        f"{key} was {_spelled(before.get(key))} and is {_spelled(now.get(key))}"
        for key in compared
        if before.get(key) != now.get(key)
    ]
    source = told.get("source", {}).get("sha256")
    if source and config.source is not None and file_hash(config.source.expanduser()) != source:
        differences.append(
            f"the source was '{told['source'].get('file')}' and is now '{config.source.name}', another file"
        )
    differences += [f"the file '{file}' was changed since" for file in _changed(config, told.get("task_file", {}))]
    if differences:
        raise OutputError(
            f"output '{dataset}' was made with another configuration: {'; '.join(differences)}; continue with the same "
            "one, start afresh (--fresh) to move it aside, or choose another --output-dataset and --output-dir"
        )


def _changed(config: Job, told: dict[str, Any]) -> list[str]:
    """Return which files of a task by file are others than they were: its own, and its robots' beside it."""
    if not config.task.endswith(".toml"):
        return []
    path = Path(config.task).expanduser()
    hashes = {path.name: told.get("sha256"), **told.get("robots", {})}
    files = {name: path if name == path.name else path.parent / name for name, known in hashes.items() if known}
    return [name for name, file in files.items() if not file.is_file() or file_hash(file) != hashes[name]]


def _told(record: Path, dataset: Path) -> dict[str, Any] | None:
    """Return what the run record, or else the dataset, says about how it was made."""
    import h5py

    if record.exists():
        try:
            told = json.loads(record.read_text(encoding="utf-8"))
        except ValueError:
            told = None
        if isinstance(told, dict) and "config" in told:
            return told
    if dataset.exists() and h5py.is_hdf5(dataset):
        with h5py.File(dataset, "r") as file:
            provenance = file.attrs.get("provenance")
        if provenance is not None:
            return dict(json.loads(provenance))
    return None


def _attempt(line: str | bytes) -> Attempt | None:
    """Return the attempt of a line, None when it was cut off."""
    try:
        return Attempt.from_json(line)
    except (ValueError, KeyError, TypeError):
        return None


def _spelled(value: Any) -> str:
    return "left out" if value is None else repr(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return json.loads(json.dumps(str(value) if isinstance(value, Path) else value))
