"""Imports go one way, and the core knows nothing of Kit or Isaac Lab."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mimicgen.datagen

PACKAGE = Path(mimicgen.datagen.__path__[0])
ORDER = (
    *({"text"}, {"version"}, {"installed"}, {"errors"}, {"attempts"}, {"config"}, {"progress"}),
    *({"dataset"}, {"robots"}, {"tasks"}),
    *({"embedded"}, {"isaaclab"}),
    {"generation", "reference", "rendering"},
    *({"policies"}, {"report"}, {"viewing"}, {"session"}, {"cluster"}, {"cli"}, {"kit"}, {"ui"}),
    {"__init__"},
)
"""Rooms and modules from the bottom to the top: each imports from those before it alone, and from no neighbour."""

KIT = {"cli/launch.py": {"omni"}, "cli/desktop.py": {"omni"}, "ui": {"omni"}, "kit": {"omni", "carb"}}
"""Who may import Kit: the launcher starts the kernel, with a window if asked to; the panel knows omni.ui alone."""


def test_importing_the_core_brings_nothing_heavy() -> None:
    code = """
import sys
import mimicgen.datagen, mimicgen.datagen.session.opening
import mimicgen.datagen.cli.commands, mimicgen.datagen.cli.console
heavy = {"omni", "carb", "isaaclab", "isaaclab_mimic", "torch", "newton", "mujoco", "gymnasium", "ray"}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_room_has_its_place() -> None:
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert found == set().union(*ORDER)
    assert len(found) == sum(map(len, ORDER))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    module = str(path.relative_to(PACKAGE))
    room = module.partition("/")[0].removesuffix(".py")
    (level,) = (level for level, rooms in enumerate(ORDER) if room in rooms)
    below = set().union(*ORDER[:level])
    imported = set(imports_of(path))
    ours = {name.split(".")[2] for name in imported if name.startswith("mimicgen.datagen.")} - {room}
    assert ours <= below
    kit = {name.partition(".")[0] for name in imported} & {"omni", "carb"}
    assert kit <= KIT.get(room, set()) | KIT.get(module, set())
    if room == "ui":  # knows omni.ui, and not which application hosts it
        assert {name for name in imported if name.startswith("omni")} <= {"omni.ui"}


def imports_of(path: Path) -> Iterator[str]:
    """Yield the full names of what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "mimicgen.datagen":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_loop_but_kits() -> None:
    """No second loop, no blocking on the loop, no pumping of the application, anywhere in the product."""
    forbidden = {"run_until_complete", "run_forever", "new_event_loop", "nest_asyncio"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in forbidden, path
                spelled = ast.unparse(node)
                assert spelled != "asyncio.run", path
                assert not spelled.endswith("app.update"), path
