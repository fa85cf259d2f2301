"""Tasks that say only in what they are not like another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.reading import content, meant, parsed
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import TaskError

KEY = "extends"


def extended(tree: Mapping[str, Any], tasks: Path, place: str) -> dict[str, Any]:
    """Return the tables of a task file, on top of those of the task that it extends, if it does.

    Args:
        tree: The file's own tables.
        tasks: Folder of the tasks that can be extended.
        place: The file, for messages.

    Raises:
        TaskError: There is no such task, or it extends another one itself.
    """
    if KEY not in tree:
        return dict(tree)
    name, known = tree[KEY], {path.stem: path for path in sorted(tasks.glob("*.toml"))}
    if not isinstance(name, str) or name not in known:
        raise TaskError(f"{place}: {KEY} = {quoted(name)}: no such task comes as a file; {meant(str(name), known)}")
    below = f"task file {quoted(known[name])}"
    base = parsed(content(known[name], below, TaskError), below, TaskError)
    if KEY in base:
        raise TaskError(f"{place}: {KEY} = {quoted(name)}: it extends '{base[KEY]}' itself; extend that one")
    return _over(base, tree)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables on top of others, key by key; a condition is one thing, and takes the other's place."""
    merged = dict(below)
    for key, value in above.items():
        other = below.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping) and "is" not in value:
            merged[key] = _over(other, value)
        else:
            merged[key] = value
    return merged
