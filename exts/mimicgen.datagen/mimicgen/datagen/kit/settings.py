"""The run's configuration from Kit's settings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import carb.settings

from mimicgen.datagen.config import layers
from mimicgen.datagen.config.jobs import JOBS, Generate, Job
from mimicgen.datagen.config.keys import keys, parse
from mimicgen.datagen.config.values import Flat, flatten, quoted
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.defaults import build

ROOT = "/exts/mimicgen.datagen"
"""Where the extension's settings are."""

PLAY_SIMULATIONS = "/app/player/playSimulations"
"""Whether an update of Kit may advance physics by itself."""


def get(name: str) -> Any:
    """Return a setting of the extension, None when it has no value."""
    return carb.settings.get_settings().get(f"{ROOT}/{name}")


@contextlib.contextmanager
def temporarily(values: Mapping[str, Any]) -> Iterator[None]:
    """Give Kit's settings other values, and those of before afterwards."""
    settings = carb.settings.get_settings()
    before = {path: settings.get(path) for path in values}
    for path, value in values.items():
        settings.set(path, value)
    try:
        yield
    finally:
        put_back(before)


def put_back(before: Mapping[str, Any]) -> None:
    """Give Kit's settings the values that they had, None where there was no such setting."""
    settings = carb.settings.get_settings()
    for path, value in before.items():
        if value is None:
            settings.destroy_item(path)
        else:
            settings.set(path, value)


def job() -> Job:
    """Return the job that file, environment and settings give, in this order.

    Raises:
        BadInputError: A key is unknown, or a value has the wrong type or is out of range.
    """
    values = told()
    return build(values, kind=JOBS[values["mode"]] if "mode" in values else Generate)


def generating() -> Generate:
    """Return the same as what generates, whatever `mode` says.

    Raises:
        BadInputError: As `job`.
    """
    return build(told())


def told() -> Flat:
    """Return what is said of the job by dotted key: what the command line has made of everything, if it started Kit.

    Else what file, environment and settings say, later ones winning over earlier ones.

    Raises:
        ConfigError: A key is unknown, or a value has the wrong type or is out of range.
    """
    if get("job"):
        return layers.read_toml(Path(str(get("job"))))
    path = get("config")
    from_file = layers.read_toml(Path(str(path))) if path else {}
    values = {key: get(key.replace(".", "/")) for key in keys() if "<" not in key}
    for table in ("mimic.subtasks", "render.cameras"):
        found = get(table.replace(".", "/"))
        if found is not None and not isinstance(found, Mapping):
            raise ConfigError(f"{table} = {quoted(found)}: expected a table, {table}.NAME.KEY = VALUE")
        values |= flatten(found or {}, f"{table}.")
    from_settings = {key: parse(key, value) for key, value in values.items() if value is not None}
    return from_file | layers.from_environment(os.environ) | from_settings
