"""Numbers and paths that nobody should give, and somebody does: what every command's configuration is tried with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mimicgen.datagen.config.keys import Key, key_of, keys

NUMBERS: tuple[Any, ...] = (
    *("nan", "inf", "-inf", "1e400", "-1e30", "1e30", "9" * 5000, "-" + "9" * 400, "0x10", "one", "²", "1\n2", "\0"),
    *(float("nan"), float("inf"), float("-inf"), 1e30, -1e30, 10**400, -(10**400), 16**5000),
    *(True, (), [], {}, [[1]], "\x1b[2J"),
)
"""No key takes one of these, or a pair with one of these in it."""

PATHS = (
    "a\0b.hdf5",
    "~nosuchuser/x.hdf5",
    f"{'x' * 300}.hdf5",
    f"{'é' * 150}.hdf5",
    "x/" * 3000 + "y.hdf5",
    "\udcff.hdf5",
    "",
)
"""Paths that no system takes, or that lead nowhere."""

NO_FILES = ("/", ".", "..", "~", "/dev/null", "/dev/zero", "/proc/self", "/etc/passwd/x")
"""Paths that the system takes, and where no demonstrations are."""

TOML = {
    "deep_list": "render.views = " + "[" * 3000 + "]" * 3000,
    "deep_table": "x = " + "{a=" * 3000 + "1" + "}" * 3000,
    "deep_key": ".".join(["a"] * 3000) + " = 1",
    "many_digits": "num_trials = " + "9" * 10_000,
    "hexadecimal": "num_trials = 0x" + "f" * 10_000,
    "large": "# " + "x" * 10_000_000,
    "control_characters": "\0\1\2",
    "nul": 'source = "a\\u0000b.hdf5"',
    "escape": '"\\u001b[2J" = 1',
    "not_finite": "mimic.action_noise = nan",
    "infinite": "render.cameras.table_cam.position = [0.0, inf, 0.0]",
    "wrong_type": "seed = [1]",
    "date": "seed = 2020-01-01",
    "section": "mimic = 3",
    "table": "[num_trials]\nx = 1",
    "other_version": "no_such_key = 1",
}
"""Configuration files that are none, by what is wrong with them."""


def numeric_keys() -> dict[str, Key]:
    """Return every key that takes a number or several, subtasks and cameras by a name."""
    return {name: key for name, key in _keys().items() if key.plain in (int, float)}


def path_keys() -> list[str]:
    """Return every key that takes a path."""
    return [name for name, key in _keys().items() if key.plain is Path]


def _keys() -> dict[str, Key]:
    names = (name.replace("<signal>", "grasp_1").replace("<camera>", "table_cam") for name in keys())
    return {name: key_of(name) for name in names}
