"""A task file to begin with: small, valid, and commented."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from mimicgen.datagen.config.values import as_path, quoted
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.tasks.catalogue import NAME, TASKS, names

BEGINNING = TASKS.parent / "beginning.toml"
SCHEMA = TASKS.parent / "task.schema.json"


def write_beginning(name: str, output: Path | None = None) -> Path:
    """Write a task file to begin with, a pick onto something.

    Args:
        name: The task's name.
        output: The file; None: NAME.toml in the current folder. Its name is the task's.

    Returns:
        The file.

    Raises:
        TaskError: The name is none, or that of another task, or not the file's.
        OutputError: The file is there already, or cannot be written.
    """
    if not re.fullmatch(NAME, name):
        raise TaskError(f"name = {quoted(name)}: expected letters, digits and _, beginning with a letter, at most 64")
    if name in names():
        raise TaskError(
            f"name = {quoted(name)}: a task that comes with mimicgen.datagen is called so; give another name"
        )
    path = as_path("output", output or Path(f"{name}.toml")).expanduser().absolute()
    if path.name != f"{name}.toml":
        raise TaskError(f"output = {quoted(path)}: a task's name is its file's; expected a name of '{name}.toml'")
    first, rest = BEGINNING.read_text(encoding="utf-8").split("\n", 1)
    schema = quote(os.path.relpath(SCHEMA, path.parent.resolve()))
    with new_file(path) as scratch:
        scratch.write_text(f"{first.split()[0]} {schema}\n{rest}", encoding="utf-8")
    return path
