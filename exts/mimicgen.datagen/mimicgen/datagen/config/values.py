"""Values as people give them: texts that say a number, paths, and how messages show them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from mimicgen.datagen.errors import ConfigError

Flat = dict[str, Any]
"""Configuration values by dotted key."""

_SHOWN = 80
"""Longer values are cut in messages [characters]."""

PATH_SHOWN = 260
"""The same of a path."""

_NAME, _PATH = 255, 4095
"""What Linux takes of a name and of a path [bytes]."""

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def said(text: str, wanted: type) -> Any:
    """Return what a text says as a whole number, a number or a truth; the text itself where it says none."""
    try:
        if wanted is bool:
            return _WORDS.get(text.lower(), text)
        return wanted(text) if wanted in (int, float) else text
    except ValueError:
        return text


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Flat:
    """Return the leaves of nested tables and sections by dotted key."""
    flat: Flat = {}
    for key, value in tree.items():
        if isinstance(value, Struct):
            flat |= flatten(structs.asdict(value), f"{prefix}{key}.")
        elif isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested tables of values by dotted key."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, name = key.split(".")
        table = tree
        for parent in parents:
            table = table.setdefault(parent, {})
        table[name] = value
    return tree


def as_path(key: str, value: Any) -> Path:
    """Return a path that the system can take, as it was given: neither '~' nor the current folder is put in.

    Args:
        key: What the message calls the value.
        value: A text or a path.

    Raises:
        ConfigError: It is no path, is too long, has a character that none has, or is in the home of nobody.
    """
    if not isinstance(value, (str, Path)) or not str(value):
        raise ConfigError(f"{key} = {quoted(value)}: expected a path")
    said = f"{key} = {quoted(str(value))}"
    path = Path(value)
    try:
        encoded = os.fsencode(path.expanduser().absolute())
        encoded.decode()
    except RuntimeError:
        raise ConfigError(f"{said}: there is no user '{path.parts[0][1:]}'; write the folder out") from None
    except UnicodeError:
        raise ConfigError(f"{said}: expected a path in UTF-8; rename the file or the folder") from None
    if b"\0" in encoded:
        raise ConfigError(f"{said}: no path has a character NUL; leave it out")
    if len(encoded) > _PATH or any(len(name) > _NAME for name in encoded.split(b"/")):
        raise ConfigError(f"{said}: is too long; a name has at most {_NAME} bytes, a path {_PATH}")
    return path


def argument_path(text: str) -> Path:
    """Return the path of an argument of the command line; see `as_path`."""
    return as_path("path", text)


def quoted(value: Any) -> str:
    """Return a value as messages show it: on one line, without control characters, and not longer than a line.

    A path is whole as long as a file system takes it: people copy it from the message.
    """
    if isinstance(value, int) and value.bit_length() > _SHOWN:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (list, tuple)):
        return _cut(f"[{', '.join(map(quoted, value[:_SHOWN]))}]")
    if isinstance(value, Path):
        return _cut(repr(str(value)), PATH_SHOWN)
    return _cut(repr(value))


def limit(number: float) -> str:
    """Return a limit as people write it: '4,294,967,295', '0.001'."""
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 4 :]} ({len(text)} characters)"
