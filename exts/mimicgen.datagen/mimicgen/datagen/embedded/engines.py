"""The embedded runtime's physics engines, and whether they are installed. Imports nothing heavy."""

from __future__ import annotations

import importlib.util

from mimicgen.datagen.errors import SetupError

PACKAGES = {"mujoco": ("mujoco", "newton"), "physx": ("ovphysx", "ovstage")}
"""Modules that an engine needs, by its name in the configuration."""


def missing(engine: str) -> str | None:
    """Return the first module that an engine needs and that is not installed, None when all are."""
    return next((name for name in PACKAGES[engine] if importlib.util.find_spec(name) is None), None)


def check_installed(engine: str) -> None:
    """Check that an engine can be used.

    Raises:
        SetupError: A package of its is not installed.
    """
    package = missing(engine)
    if package is not None:
        extra = f" --with {engine}" if engine == "physx" else ""
        raise SetupError(
            f"physics = '{engine}': the package '{package}' is not installed; run ./scripts/setup.sh{extra}, or choose "
            f"another engine: {', '.join(PACKAGES)}"
        )


def listed() -> str:
    """Return the engines, and how to get what is not installed."""
    return ", ".join(
        engine if missing(engine) is None else f"{engine} (./scripts/setup.sh --with {engine})" for engine in PACKAGES
    )
