"""Packages that only some policies need."""

from __future__ import annotations

import importlib.util

from mimicgen.datagen.errors import SetupError


def check_installed(what: str, *modules: str) -> None:
    """Check that packages are there, without importing them.

    Args:
        what: What needs them, in words.
        modules: Their modules.

    Raises:
        SetupError: One is not installed.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(f"{what} needs {', '.join(missing)}; run ./scripts/setup.sh --with policies")
