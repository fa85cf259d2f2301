"""App files for Isaac Sim in the real kernel, which resolves and merges them; Isaac Sim's own extensions are empty."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

SPECIFICATION = importlib.util.find_spec("isaaclab")
assert SPECIFICATION is not None
assert SPECIFICATION.submodule_search_locations
APPS = Path(SPECIFICATION.submodule_search_locations[0], "apps")
"""Isaac Lab's experiences."""

_PROGRAM = """
import json, sys
from pathlib import Path
from mimicgen.datagen.cli.launch import kit_app
answer, *arguments = sys.argv[1:]
kit = kit_app()()
kit.startup(arguments)
kit.update()
import carb.settings, omni.kit.app
told = {
    "extensions": [each["name"] for each in omni.kit.app.get_app().get_extension_manager().get_extensions()
                   if each["enabled"]],
    "modules": list(sys.modules),
    "settings": carb.settings.get_settings().get_settings_dictionary("/").get_dict(),
}
Path(answer).write_text(json.dumps(told, default=str))
kit.shutdown()
"""


@dataclass(frozen=True)
class Started:
    """What the kernel made of an app file.

    Attributes:
        extensions: Names of what was enabled.
        modules: Python modules in the order of their first import.
        settings: Every setting, by path.
        said: What it printed.
    """

    extensions: list[str]
    modules: list[str]
    settings: dict[str, Any]
    said: str


def empty_extensions(folder: Path, more: Mapping[str, str]) -> Path:
    """Make an empty extension for each that Isaac Lab's experiences name.

    Args:
        folder: Where.
        more: Others, with the content of their `extension.toml` after the version.
    """
    named: set[str] = set()
    for app in APPS.glob("*.kit"):
        for table in re.findall(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", app.read_text(), re.M | re.S):
            named.update(re.findall(r'^"([^"]+)"', table, re.M))
    content = {name: "" for name in named if not name.startswith("isaaclab.")} | dict(more)
    for name, toml in content.items():
        config = folder / name / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "extension.toml").write_text(f'[package]\nversion = "1.0.0"\n{toml}')
    return folder


def start(app: Path, folder: Path, *arguments: str, extensions: Mapping[str, str] | None = None) -> Started:
    """Start an app file in the kernel, in a process of its own, and return what it made of it.

    Args:
        app: The app file.
        folder: For what is made on the way.
        arguments: More of Kit's.
        extensions: More empty extensions, see `empty_extensions`.
    """
    empty = empty_extensions(folder / "extensions", extensions or {})
    answer = folder / "answer.json"
    settings = {
        "app/extensions/registryEnabled": "false",
        "app/fastShutdown": "false",
        "log/outputStreamLevel": "Error",
        "log/file": folder / "kit.log",
        # What the application before this one remembered would be among its settings.
        "app/settings/persistent": "false",
        "app/settings/loadUserConfig": "false",
    }
    folders = ["--ext-folder", str(empty), "--ext-folder", str(APPS)]
    given = [f"--/{name}={value}" for name, value in settings.items()]
    licence = {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            _PROGRAM,
            answer,
            app,
            *folders,
            *given,
            f"--portable-root={folder / 'kit'}",
            *arguments,
        ],
        env=os.environ | licence | {"PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = process.stdout + process.stderr
    assert answer.exists(), said
    told = json.loads(answer.read_text())
    return Started(told["extensions"], told["modules"], _by_path(told["settings"]), said)


def _by_path(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{above}/{name}"
        found |= _by_path(value, path) if isinstance(value, dict) else {path: value}
    return found
