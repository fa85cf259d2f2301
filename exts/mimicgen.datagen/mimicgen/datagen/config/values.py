"""Values as people give them, in a file, a variable, a field or on the command line: converted and checked.

Whatever comes in, it leaves here in its key's type, finite, within its limits and, if it is a path, one that the system
can take; or as a `ConfigError` that names the key.
"""

from __future__ import annotations

import math
import os
import types
import typing
from dataclasses import Field
from pathlib import Path
from typing import Any

from mimicgen.datagen.errors import ConfigError

EXPECTED: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    Path: "a path",
    tuple[str, ...]: "a list of texts",
    tuple[float, ...]: "a list of numbers",
}
"""What a field of a type takes, in words."""

_SHOWN = 80
"""Longer values are cut in messages [characters]."""

PATH_SHOWN = 260
"""The same of a path."""

_NAME, _PATH = 255, 4095
"""What Linux takes of a name and of a path [bytes]."""

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def type_of(owner: type, name: str) -> type:
    """Return the plain type of a dataclass's field, without its `| None`, or `tuple[item, ...]`."""
    hint = typing.get_type_hints(owner)[name]
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return typing.cast(type, hint)


def convert(key: str, value: Any, setting: Field[Any], wanted: type) -> Any:
    """Return a value in the type of its field.

    Args:
        key: The value's key, for the message.
        value: What was given.
        setting: The field.
        wanted: Its type; see `type_of`.

    Raises:
        ConfigError: It is of another type.
    """
    if value is None and setting.default is None:
        return None
    try:
        if typing.get_origin(wanted) is tuple:
            # A variable, a setting or the command line has one text for all items.
            items = [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
            if not isinstance(items, (list, tuple)):
                raise TypeError
            (item_type, _) = typing.get_args(wanted)
            # Demonstrations are texts, and a list of them may have plain numbers.
            return tuple(
                _plain(str(item) if (type(item), item_type) == (int, str) else item, item_type) for item in items
            )
        if wanted is Path:
            return as_path(key, value)
        return _plain(value, wanted)
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{key} = {quoted(value)}: expected {EXPECTED[wanted]}") from None


def check(key: str, value: Any, setting: Field[Any], wanted: type) -> None:
    """Check that a value of the right type is finite, within its field's limits, and one of its choices.

    Raises:
        ConfigError: It is not.
    """
    limits, expected = setting.metadata, EXPECTED[wanted]
    low, high, choices = limits["low"], limits["high"], limits["choices"]
    if value is None:
        return
    if limits["length"] is not None and len(value) != limits["length"]:
        raise ConfigError(f"{key} = {quoted(list(value))}: expected {limits['length']} numbers")
    for item in value if isinstance(value, tuple) else (value,):
        if isinstance(item, float) and not math.isfinite(item):
            raise ConfigError(f"{key} = {quoted(value)}: expected {expected.replace('number', 'finite number')}")
        if (low is not None and not item >= low) or (high is not None and not item <= high):
            raise ConfigError(f"{key} = {quoted(value)}: expected {expected} from {limit(low)} to {limit(high)}")
        if choices and item not in choices:
            raise ConfigError(f"{key} = {quoted(item)}: expected one of {', '.join(choices)}")


def as_path(key: str, value: Any) -> Path:
    """Return a path that the system can take, as it was given: neither '~' nor the current folder is put in.

    Args:
        key: What the message calls the value.
        value: A text or a path.

    Raises:
        ConfigError: It is no path, is too long, has a character that none has, or is in the home of nobody.
    """
    if not isinstance(value, (str, Path)) or not str(value):
        raise ConfigError(f"{key} = {quoted(value)}: expected {EXPECTED[Path]}")
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


def _plain(value: Any, wanted: type) -> Any:
    """Return a value as a whole number, a number, a truth or a text.

    Raises:
        TypeError: It is of another type.
        ValueError: It is a text that does not say one.
        OverflowError: It is too large for a number.
    """
    if wanted is bool:
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value.lower() not in _WORDS:
            raise TypeError
        return _WORDS[value.lower()]
    if wanted is str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise TypeError
        return value
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, str))
        or (wanted is int and isinstance(value, float))
    ):
        raise TypeError
    return wanted(value)
