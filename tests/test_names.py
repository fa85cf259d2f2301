"""Names of a robot or an object stand in files, in robots/ and in tasks/; and nothing is too long to be read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import mimicgen.datagen
from tests.conftest import PROJECT

PACKAGE = Path(mimicgen.datagen.__path__[0])
EXTENSION = PROJECT / "exts"
NAMES = re.compile("cube|franka|panda(?!s)", re.IGNORECASE)
"""pandas is a library, in whose way tables are written."""

WHERE = {"robots", "tasks"}
"""Rooms that know robots and tasks, Isaac Lab's registered ones included."""

LINES = 350
MODULES = 15


def tracked(*patterns: str) -> list[Path]:
    """Return the project's files, those that are not committed yet included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [path for path in map(PROJECT.joinpath, told.splitlines()) if path.is_file()]


def sources() -> Iterator[tuple[str, Path]]:
    """Yield the extension's source files, with the room or the module that each is in."""
    for path in tracked("exts/**/*.py", "exts/**/*.js", "exts/**/*.html"):
        inside = path.is_relative_to(PACKAGE)
        yield (path.relative_to(PACKAGE).parts[0] if inside else path.name).removesuffix(".py"), path


ROOMS = sorted({room for room, _ in sources()} - WHERE)


@pytest.mark.parametrize("room", ROOMS)
def test_no_robot_and_no_object_is_named(room: str) -> None:
    found = [
        f"{path.relative_to(EXTENSION)}:{number}: {line.strip()}"
        for own, path in sources()
        if own == room
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if NAMES.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_file_is_too_long() -> None:
    files = tracked("exts/**", "scripts/**", "tests/**")
    read = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in {".py", ".js", ".html", ".sh"}}
    assert {
        str(path.relative_to(PROJECT)): text.count("\n") for path, text in read.items() if text.count("\n") > LINES
    } == {}


def test_no_folder_has_too_many_modules() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    counted = {str(folder.relative_to(PACKAGE)): len([*folder.glob("*.py")]) - 1 for folder in folders}
    assert {folder: count for folder, count in counted.items() if count > MODULES} == {}
