"""Tasks by file, registered with gymnasium like any other task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym

from mimicgen.datagen.tasks.catalogue import Described


def register(described: Described, cache: Path) -> None:
    """Register every variant of a task, in place of what was registered under its name before.

    Args:
        described: The task.
        cache: Folder for assets that are made when an environment is configured.
    """
    for variant in described.task.variants:
        name = described.gym_id(variant)
        gym.registry.pop(name, None)
        gym.register(
            id=name,
            entry_point="mimicgen.datagen.tasks.environment.mimic:TaskEnv",
            kwargs={"env_cfg_entry_point": _configured(described, variant, cache)},
            disable_env_checker=True,
        )


def _configured(described: Described, variant: str, cache: Path) -> Any:
    def configure() -> Any:
        from mimicgen.datagen.tasks.environment.configuration import environment_cfg

        return environment_cfg(described, variant, cache)

    return configure
