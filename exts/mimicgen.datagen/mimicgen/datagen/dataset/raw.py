"""Raw demonstrations: recorded, and not annotated for Mimic yet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.sources import demo_names, open_source
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks import task_family


@dataclass(frozen=True, kw_only=True)
class RawDemos:
    """Demonstrations of a file that can be replayed.

    Attributes:
        path: The file.
        names: Their names, in natural order.
        legacy: Whether the file is of Isaac Lab 2.x: quaternions in w, x, y, z.
    """

    path: Path
    names: tuple[str, ...]
    legacy: bool

    def actions(self, name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return a demonstration's actions, shape (steps, action_dim)."""
        with open_source(self.path) as file:
            return np.asarray(file["data"][name]["actions"][:], dtype=np.float32)

    def initial_state(self, name: str) -> dict[str, dict[str, dict[str, np.ndarray[Any, Any]]]]:
        """Return a demonstration's initial state by kind, asset and quantity, quaternions in x, y, z, w.

        The shape is the one that Isaac Lab's `reset_to` takes, with a leading dimension of one.
        """
        state: dict[str, dict[str, dict[str, np.ndarray[Any, Any]]]] = {}
        with open_source(self.path) as file:
            for kind, assets in file["data"][name]["initial_state"].items():
                state[kind] = {}
                for asset, quantities in assets.items():
                    values = {key: value[:] for key, value in quantities.items()}
                    if self.legacy:
                        pose = values["root_pose"]
                        values["root_pose"] = np.concatenate([pose[:, :3], pose[:, 4:7], pose[:, 3:4]], axis=1)
                    state[kind][asset] = values
        return state


def check_demos(path: Path, task: str) -> RawDemos:
    """Check that a file's demonstrations can be replayed in a task.

    Raises:
        SourceError: The file cannot be read, is of another task, or has a demonstration without actions or initial
            state.
    """
    with open_source(path) as file:
        recorded = json.loads(file["data"].attrs.get("env_args", "{}")).get("env_name", "")
        if recorded and task_family(recorded) != task_family(task):
            raise SourceError(f"source '{path}' was recorded for task '{recorded}', not for '{task}'; pass --task")
        names = demo_names(file)
        for name in names:
            for key, kind in (("actions", h5py.Dataset), ("initial_state", h5py.Group)):
                if not isinstance(file["data"][name].get(key), kind):
                    raise SourceError(f"source '{path}', {name}: has no '{key}'; it cannot be replayed, leave it out")
        return RawDemos(path=path, names=tuple(names), legacy="format_version" not in file.attrs)
