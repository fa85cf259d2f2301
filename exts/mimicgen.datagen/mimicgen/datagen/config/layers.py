"""What a TOML file, the environment and the command line say of a run's configuration.

Precedence, lowest first: defaults, a TOML file, the environment (`NUM_TRIALS=5`), the command line or Kit's settings.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mimicgen.datagen.config.run import Flat, flatten, parse
from mimicgen.datagen.config.values import as_path, quoted
from mimicgen.datagen.errors import ConfigError

PREFIX = "MIMICGEN_DATAGEN_"
"""Begins the names of environment variables; a plain `SEED` or `SOURCE` may be somebody else's."""

PLAIN = ("num_trials", "num_envs")
"""Keys whose variable may also be called as they are."""

FILE_BYTES = 1_000_000
"""Size of a configuration file at most [bytes]."""


def read_toml(path: Path) -> Flat:
    """Return the values of a TOML file by dotted key, each in its key's type.

    Raises:
        ConfigError: The file is missing, too large or not TOML, a key is unknown, or a value has the wrong type or is
            out of range.
    """
    place = f"configuration file {quoted(path)}"
    try:
        with as_path("configuration file", path).expanduser().open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{place}: {error.strerror}; pass an existing TOML file") from error
    if len(content) > FILE_BYTES:
        raise ConfigError(f"{place} has more than {FILE_BYTES:,} bytes; pass a TOML file with the keys of a run")
    try:
        flat = flatten(tomllib.loads(content.decode("utf-8-sig")))
    except ValueError as error:  # tomllib's own and Unicode's are some, and so is a number of too many digits
        raise ConfigError(f"{place} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{place} is not valid TOML: its tables are nested too deep") from error
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
