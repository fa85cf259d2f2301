"""What things in a file of demonstrations may be called, and the folder of a demonstration's frames.

A demonstration's name becomes the name of a folder, and stands in lists, logs and pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 200
"""Bytes that a name may have; file systems allow 255, endings included."""


PARENT, LOOK = "parent", "look"
"""Attributes of a demonstration that is a look of another one: that one's name, and the look, as JSON."""


def why_not(name: bytes, *, demo: bool) -> str | None:
    """Return why nothing in a file may be called so, None if it may.

    Args:
        name: As it is stored.
        demo: Whether it is a demonstration's.
    """
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "has a name that is no text"
    if not text.isprintable() or "/" in text:
        return "has a name with characters that belong in no name"
    if len(name) > LONGEST:
        return f"has a name of {len(name)} bytes, {LONGEST} at most serve"
    if demo and text.startswith("."):
        return "is a demonstration whose name begins with a dot, as no folder of frames may be called"
    return None


def rendered_as(demo: str, looks: int) -> list[str]:
    """Return the demonstrations that one is rendered as: itself, or each of its looks, 'demo_12_look_3'."""
    return [f"{demo}_look_{number}" for number in range(looks)] or [demo]


def demo_folder(name: str) -> str:
    """Return the folder name of a demonstration: 'demo_12' becomes 'demo_000012'; what has no plain number stays.

    So it is with the numbers of looks: 'demo_12_look_3' becomes 'demo_000012_look_000003'.
    """
    look = re.fullmatch(r"(.+)_look_(0|[1-9][0-9]*)", name)
    if look:
        return f"{demo_folder(look[1])}_look_{int(look[2]):06d}"
    numbered = re.fullmatch(r"(.*)_(0|[1-9][0-9]*)", name)
    return f"{numbered[1]}_{int(numbered[2]):06d}" if numbered else name


def same_folder(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two demonstrations whose frames would lie in the same folder, None if there are none."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(demo_folder(name), name)
        if other != name:
            return other, name
    return None
