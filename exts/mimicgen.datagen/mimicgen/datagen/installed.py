"""What the package is installed beside, and where its files are that are no code: in the extension, or in itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

DATA = next(folder for folder in (_PACKAGE / "data", _PACKAGE.parents[1] / "data") if folder.is_dir())
"""Robots and tasks as files, and what is recorded of Isaac Lab's own tasks."""


def has_omni_usd() -> bool:
    """Whether the running application brings Omniverse's USD context."""
    try:
        return importlib.util.find_spec("omni.usd") is not None
    except ModuleNotFoundError:  # no `omni` at all
        return False
