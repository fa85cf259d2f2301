"""What a TOML file, the environment and the command line say of a job.

Precedence, lowest first: defaults, a TOML file, the environment (`NUM_TRIALS=5`), the command line or Kit's settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mimicgen.datagen.config.keys import parse
from mimicgen.datagen.config.reading import content, parsed
from mimicgen.datagen.config.values import Flat, flatten, quoted
from mimicgen.datagen.errors import ConfigError

PREFIX = "MIMICGEN_DATAGEN_"
"""Begins the names of environment variables; a plain `SEED` or `SOURCE` may be somebody else's."""

PLAIN = ("num_trials", "num_envs")
"""Keys whose variable may also be called as they are."""


def read_toml(path: Path) -> Flat:
    """Return the values of a TOML file by dotted key, each in its key's type.

    Raises:
        ConfigError: The file is missing, too large or not TOML, a key is unknown, or a value has the wrong type or is
            out of range.
    """
    place = f"configuration file {quoted(path)}"
    flat = flatten(parsed(content(path, place, ConfigError), place, ConfigError))
    with _named(place):
        return {key: parse(key, value) for key, value in flat.items()}


def from_environment(environment: Mapping[str, str]) -> Flat:
    """Return the values given by environment variables: `MIMICGEN_DATAGEN_SEED` for `seed`, `NUM_TRIALS` for itself.

    Only top-level keys have a variable, and not `mode`, which the command says. An empty variable counts as not set.

    Raises:
        ConfigError: There is no such key, or a value has the wrong type or is out of range; the variable is named.
    """
    named = {key.upper(): key for key in PLAIN} | {
        name: name.removeprefix(PREFIX).lower() for name in environment if name.startswith(PREFIX)
    }
    flat: Flat = {}
    for name, key in named.items():
        if environment.get(name):
            with _named(f"environment variable {name}"):
                if key == "mode":
                    raise ConfigError("what a run does is said by the command; take the variable away")
                flat[key] = parse(key, environment[name])
    return flat


def from_assignments(assignments: list[str]) -> Flat:
    """Return the values of `key=value` strings.

    Raises:
        ConfigError: A string has no `=`.
    """
    flat: Flat = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator:
            raise ConfigError(f"{quoted(assignment)}: expected key=value, for instance mimic.action_noise=0.02")
        flat[key.strip()] = value.strip()
    return flat


@contextlib.contextmanager
def _named(place: str) -> Iterator[None]:
    """Say where a value that is wrong comes from."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
