"""Text from files and from users, as it may be shown on a terminal, in a log, in a page and in a document.

A name in a file can hold what a terminal obeys, what turns the direction in which the rest of the line is read, and
line ends that make one line look like two. So whoever shows text that comes from elsewhere shows `shown(text)`.
"""

from __future__ import annotations

import json
from typing import Any


def shown(text: object) -> str:
    r"""Return a text, one line, with every character that is not printable spelled out: `\x1b`, `\n`, `\u202e`."""
    words = str(text)
    if words.isprintable():
        return words
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in words)


def all_shown(values: Any) -> Any:
    """Return nested lists and tables, as JSON has them, with every text in them as `shown` returns it."""
    if isinstance(values, str):
        return shown(values)
    if isinstance(values, dict):
        return {shown(key): all_shown(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [all_shown(value) for value in values]
    return values


def as_json(values: Any) -> str:
    """Return JSON to be read by people and programs: in ASCII, and without the one control character that JSON has."""
    return json.dumps(values, indent=2, default=str).replace("\x7f", "\\u007f")


def counted(number: int, name: str) -> str:
    """Return a number with what it counts: '1 demonstration', '2 demonstrations'."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
