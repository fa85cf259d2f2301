"""The configuration while it is edited: what was typed, what is wrong with it, and the configuration that it gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT

from mimicgen.datagen.cli.runs import shipped_source
from mimicgen.datagen.cluster.ray_workers import check_ray
from mimicgen.datagen.config.jobs import Evaluate, Generate
from mimicgen.datagen.config.keys import Key, key_of, keys, parse
from mimicgen.datagen.config.policies import absolute, own_values
from mimicgen.datagen.config.values import Flat
from mimicgen.datagen.dataset.sources.sources import check_file
from mimicgen.datagen.errors import BadInputError, ConfigError, SetupError
from mimicgen.datagen.tasks.defaults import base_layer, build

type PanelJob = Generate | Evaluate
"""What the panel starts."""

ALIKE = ("variant", "physics", "device")
"""Keys that have the same values when another job is chosen, beside the task."""

_TOP = frozenset(key.partition(".")[0] for key in keys())
"""What keys begin with."""


class Draft:
    """Values by dotted key, as they were typed.

    Args:
        values: What is said from the start; everything else has its default.

    Attributes:
        job: What the run does: its class.
        version: Grows with every change.
        config: The configuration, None while something is wrong.
        candidate: The same, but also when only `report` found something wrong.
        problems: What is wrong, by key, in words.
    """

    def __init__(self, values: Flat):
        self.job: type[PanelJob] = Generate
        self.version = 0
        self.config: PanelJob | None = None
        self.candidate: PanelJob | None = None
        self.problems: dict[str, str] = {}
        self._found: dict[str, str] = {}
        self._others: dict[type[PanelJob], Flat] = {}
        """What was typed for the jobs that are not chosen now."""
        self.load(values)

    def load(self, values: Flat) -> None:
        """Put other values in the place of all. What `mode` says, if it is evaluating; else the panel generates.

        The task's own cameras are no values of anybody's: another task that is chosen then brings others.
        """
        self.job = Evaluate if values.get("mode") == "evaluate" else Generate
        self._others = {}
        told = {key: _typed(key, value) for key, value in values.items() if value is not None and key != "mode"}
        own = self._base(told)
        self._values = {key: value for key, value in told.items() if key == "task" or value != own.get(key)}
        self._found = {}
        self._update()

    def value(self, key: str) -> Any:
        """Return what was typed for a key, else its default; None when it has neither."""
        default = key_of(key, self.job).default
        return self._values.get(key, self._own.get(key, None if default is NODEFAULT else default))

    def about(self, key: str) -> Key:
        """Return what a key takes."""
        return key_of(key, self.job)

    def named(self, key: str) -> str:
        """Return what a key is called in files and on the command line."""
        return f"Key: {key}"

    def choose(self, job: type[PanelJob]) -> None:
        """Let the run do something else, with the same task; what was typed before for that comes back."""
        if job is self.job:
            return
        task, alike = str(self.value("task")), {key: self._values[key] for key in ALIKE if key in self._values}
        self._others[self.job] = self._values
        self.job = job
        kept = self._others.pop(job, {})
        self._values = {key: value for key, value in kept.items() if key not in ALIKE} | alike
        self._own = self._base(self._values)
        self.put("task", task)

    def put(self, key: str, value: Any) -> None:
        """Put in what was typed; nothing (an empty text, None, a range of empty texts) takes the key's value back."""
        if key == "task":
            self._bring_source(str(value))
        typed = any(map(str, value)) if isinstance(value, tuple) and value else value not in ("", None)
        if typed:
            self._values[key] = value
        elif key_of(key, self.job).default in (None, NODEFAULT):
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self._found = {}
        self._update()

    def _bring_source(self, task: str) -> None:
        """Let the source be the one that comes with another task, unless the user chose one."""
        if self.job is not Generate:
            return
        chosen, shipped = self._values.get("source"), shipped_source(str(self.value("task")))
        if chosen is not None and Path(str(chosen)).expanduser().absolute() != shipped:
            return
        brought = shipped_source(task)
        if brought is not None:
            self._values["source"] = str(brought)
        else:
            self._values.pop("source", None)

    def report(self, found: Mapping[str, str]) -> None:
        """Add problems that somebody else found in the values as they are now; the next change takes them back."""
        self._found = dict(found)
        self._update()

    def cameras(self) -> list[str]:
        """Return the names of the cameras that the task or the values bring."""
        named = (re.match(r"render\.cameras\.([^.]+)\.", key) for key in (self._own | self._values))
        return list(dict.fromkeys(match[1] for match in named if match))

    def save(self, path: Path) -> None:
        """Write the configuration as the TOML that the command line takes. Nothing is overwritten.

        Raises:
            ConfigError: There is something wrong with the configuration, or the file cannot be written.
        """
        if self.config is None:
            raise ConfigError("not saved: put right what is marked first")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(self.config.to_toml())
        except FileExistsError as error:
            raise ConfigError(f"'{path}' exists already; choose another name") from error
        except OSError as error:
            raise ConfigError(f"'{path}': {error.strerror}; choose a place that can be written") from error

    def _update(self) -> None:
        self.version += 1
        self.config, self.candidate, self.problems = None, None, {}
        self._own = self._base(self._values)
        for key, value in self._values.items():
            try:
                parse(key, value)
            except ConfigError as error:  # said here, and shown at the field
                self.problems[key] = shown(error)
        try:
            built = self._built()
        except BadInputError as error:
            self.problems[about(error)] = shown(error)
            return
        if isinstance(built, Generate):
            self._check(built)
        if not self.problems:
            self.candidate = built
        self.problems |= self._found
        if not self.problems:
            self.config = built

    def _built(self) -> PanelJob:
        """Return the job that the values give, those left out that have a problem of their own."""
        values = {key: value for key, value in self._values.items() if key not in self.problems}
        if self.job is Generate:
            return build(values)
        if not values.get("policy"):
            raise ConfigError("policy: Name a checkpoint, a folder, a server, a function, replay:DATASET, or zeros")
        return build(self._own, values | {"policy": absolute(str(values["policy"]))}, kind=Evaluate)

    def _check(self, built: Generate) -> None:
        """Say what is wrong beyond single values where demonstrations are to be generated."""
        if built.source is None:
            self.problems.setdefault("source", "Choose an HDF5 file with annotated demonstrations")
        else:
            try:
                check_file(built.source.expanduser().absolute())
            except BadInputError as error:
                self.problems["source"] = shown(error)
        if built.cluster.elsewhere:
            try:
                check_ray()
            except SetupError as error:
                self.problems.setdefault("cluster.address", str(error))

    def _base(self, values: Flat) -> Flat:
        """Return what holds where nothing else is said. Where the task cannot be read, building says so."""
        try:
            base = base_layer(values)
        except BadInputError:
            base = base_layer({})
        if self.job is Generate:
            return base
        recorded = values.get("record_failures") is True
        return base | own_values(str(values.get("policy", "")), record_failures=recorded)


def _typed(key: str, value: Any) -> Any:
    """Return a value in its key's type: a setting has one text for a whole list. What is wrong stays as it is."""
    try:
        return parse(key, value)
    except ConfigError:
        return value


def about(error: BadInputError) -> str:
    """Return the key that an error is about: messages begin with it. The source, when they do not."""
    match = re.match(r"[a-z_]+(\.\w+)*", str(error))
    return match[0] if match and match[0].partition(".")[0] in _TOP else "source"


def shown(error: BadInputError) -> str:
    """Return a message without the key and the value, which stand beside it."""
    _, separator, rest = str(error).partition(": ")
    words = rest if separator else str(error)
    return words[:1].upper() + words[1:]
