"""The page: one file that holds everything, and opens from a disk without a network."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import SetupError

WEB = Path(__file__).parent / "web"

THREE = WEB / "node_modules" / "three"
"""Three.js, as `npm ci` brings it (see `web/package.json`)."""


MODULES = {"report": ("charts", "elements", "player", "replay", "table", "timeline"), "project": ("charts", "replay")}
"""What the module of each page imports."""


def write(path: Path, text: str) -> None:
    """Write a page, whole or not at all.

    Args:
        path: Where to; a page of this project that is there is replaced.
        text: The page's HTML.

    Raises:
        OutputError: The page cannot be written.
    """
    with explained(path), new_file(path, replace=is_ours) as scratch:
        scratch.write_text(text, encoding="utf-8")


def page(data: dict[str, Any], scene: dict[str, Any]) -> str:
    """Return the HTML of a report.

    Args:
        data: See `mimicgen.datagen.report.collect.collect`.
        scene: See `mimicgen.datagen.report.scene.scene_of`.

    Raises:
        SetupError: Three.js is not installed.
    """
    title = f"{data['dataset']} - {data['task'] or 'demonstrations'}"
    return assembled("report", title, ("report.css",), data | {"scene": scene})


def assembled(name: str, title: str, styles: Sequence[str], data: dict[str, Any]) -> str:
    """Return a page that contains everything it needs.

    Args:
        name: Of the template of its body, and of the module that it runs.
        title: Its title.
        styles: Names of its style sheets.
        data: What its module finds in the element `data`.

    Raises:
        SetupError: Three.js is not installed.
    """
    modules = (*MODULES[name], name)
    imports = {f"report/{module}": _as_url((WEB / f"{module}.js").read_text(encoding="utf-8")) for module in modules}
    parts = {
        "title": html.escape(title),
        "style": "\n".join((WEB / style).read_text(encoding="utf-8") for style in styles),
        "imports": _as_json({"imports": imports | _three()}),
        "licence": html.escape((THREE / "LICENSE").read_text(encoding="utf-8")),
        "data": _as_json(data),
    }
    template = "".join((WEB / f"{part}.html").read_text(encoding="utf-8") for part in ("head", name))
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _three() -> dict[str, str]:
    """Return Three.js as modules by the names under which they import each other."""
    files = {
        "three": THREE / "build" / "three.module.min.js",
        "three/core": THREE / "build" / "three.core.min.js",
        "three/orbit": THREE / "examples" / "jsm" / "controls" / "OrbitControls.js",
    }
    missing = [path for path in files.values() if not path.is_file()]
    if missing:
        raise SetupError(
            f"report: Three.js is not installed ('{missing[0]}'); install npm, and run scripts/setup.sh again"
        )
    # A module in a data URL has no neighbours that it could import by their place.
    return {
        name: _as_url(path.read_text(encoding="utf-8").replace("./three.core.min.js", "three/core"))
        for name, path in files.items()
    }


def _as_url(code: str) -> str:
    return "data:text/javascript;base64," + base64.b64encode(code.encode()).decode()


def _as_json(values: Any) -> str:
    """Return JSON that ends no script element, whatever the names in it."""
    return json.dumps(values, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
