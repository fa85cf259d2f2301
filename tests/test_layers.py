"""Imports go one way, and the core knows nothing of Kit or Isaac Lab."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mimicgen.datagen

PACKAGE = Path(mimicgen.datagen.__path__[0])
CORE = (
    "attempts",
    "cli",
    "client",
    "config",
    "console",
    "dataset_cli",
    "desktop",
    "errors",
    "fieldtest",
    "generator",
    "launch",
    "layers",
    "nodriver",
    "progress",
    "remembered",
    "sections",
    "selftest",
    "session",
    "tasks",
    "text",
    "values",
    "version",
    "dataset",
    "rendering",
)


def test_importing_the_core_brings_nothing_heavy() -> None:
    code = """
import sys
import mimicgen.datagen, mimicgen.datagen.session, mimicgen.datagen.cli, mimicgen.datagen.console
heavy = {"omni", "carb", "isaaclab", "isaaclab_mimic", "torch", "newton", "mujoco", "gymnasium"} & set(sys.modules)
print(sorted(heavy))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    roots = {name.partition(".")[0] for name in imported}
    if layer in CORE or layer == "simulation":
        kit = {"omni", "carb"} & roots
        # The launcher starts the kernel, with a window if asked to; nothing else of the core touches it.
        assert not kit or (layer in ("launch", "desktop") and kit == {"omni"})
        above = ("mimicgen.datagen.kit", "mimicgen.datagen.ui")
        assert not [name for name in imported if name.startswith(above)]
    if layer == "ui":  # knows omni.ui, and not which application hosts it
        assert {name for name in imported if name.startswith(("omni", "carb"))} <= {"omni.ui"}
        assert not [name for name in imported if name.startswith("mimicgen.datagen.kit")]
    bottom = ("attempts", "config", "errors", "layers", "sections", "tasks", "text", "values", "version")
    if layer in bottom:
        allowed = {f"mimicgen.datagen.{name}" for name in bottom}
        assert {name for name in imported if name.startswith("mimicgen")} <= allowed


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
