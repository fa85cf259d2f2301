"""Where rerun is, and how its program is started. Imports nothing heavy."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from mimicgen.datagen.errors import SetupError


def program() -> Path:
    """Return rerun's program: the viewer, and its tools for files.

    Raises:
        SetupError: It is not installed.
    """
    found = importlib.util.find_spec("rerun_cli")
    if found is None or found.origin is None:
        raise SetupError("rerun is not installed; run ./scripts/setup.sh --with formats")
    return Path(found.origin).with_name("rerun")


def environment() -> dict[str, str]:
    """Return the environment of rerun's program.

    The viewer tells its makers how it is used unless its user has said otherwise; here nobody is told, as in a test.
    """
    return os.environ | {"CI": "1", "RUST_LOG": "error"}
