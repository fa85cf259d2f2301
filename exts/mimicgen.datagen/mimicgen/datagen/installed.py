"""Where the files are that are no code: beside the package in the extension, inside it where it is installed."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

DATA = next(folder for folder in (_PACKAGE / "data", _PACKAGE.parents[1] / "data") if folder.is_dir())
"""Robots and tasks as files, and what is recorded of Isaac Lab's own tasks."""
