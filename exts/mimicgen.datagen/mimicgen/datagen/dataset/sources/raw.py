"""Raw demonstrations: recorded, and not annotated for Mimic yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.families import task_family
from mimicgen.datagen.dataset.files import attribute, demo_names, open_source, recorded_task
from mimicgen.datagen.dataset.sources.conventions import quaternion_order, to_xyzw
from mimicgen.datagen.errors import SourceError

type States = dict[str, dict[str, dict[str, np.ndarray[Any, Any]]]]
"""States by kind, asset and quantity, rows of each."""


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        with open_source(self.path, demos=[name]) as file:
            return np.asarray(file["data"][name]["actions"][:], dtype=np.float32)

    def initial_state(self, name: str) -> States:
        """Return a demonstration's initial state, with one row.

        The shape is the one that Isaac Lab's `reset_to` takes; quaternions are in x, y, z, w.
        """
        return self._read(name, "initial_state")

    def states(self, name: str) -> States:
        """Return the states after each step of a demonstration, a row a step; otherwise as `initial_state`.

        Raises:
            SourceError: It has none, or not as many as actions.
        """
        states = self._read(name, "states")
        lengths = {len(values) for assets in states.values() for own in assets.values() for values in own.values()}
        if lengths != {len(self.actions(name))}:
            raise SourceError(f"source '{self.path}', {name}: has no state for every action; replay it by its actions")
        return states

    def disturbed(self, name: str) -> str | None:
        """Return how a demonstration was disturbed when it was made, in one word; None where it was not."""
        with open_source(self.path, demos=[name]) as file:
            told = attribute(file["data"][name], "perturbed")
        return str(told.get("kind")) if isinstance(told, dict) else None

    def _read(self, name: str, group: str) -> States:
        with open_source(self.path, demos=[name]) as file:
            states = read_states(file["data"][name].get(group, {}))
        if self.legacy:
            for assets in states.values():
                for values in assets.values():
                    values["root_pose"][:, 3:] = to_xyzw(values["root_pose"][:, 3:])
        return states


def read_states(group: h5py.Group) -> States:
    """Read states as they are written, `states` or `initial_state` of a demonstration."""
    return {
        kind: {asset: {key: value[:] for key, value in own.items()} for asset, own in assets.items()}
        for kind, assets in group.items()
    }


def check_demos(path: Path, task: str) -> RawDemos:
    """Check that a file's demonstrations can be replayed in a task.

    Raises:
        SourceError: The file cannot be read, is of another task, is ambiguous in its quaternions, or has a
            demonstration without actions or initial state.
    """
    with open_source(path) as file:
        recorded = recorded_task(file)
        if recorded and task_family(recorded) != task_family(task):
            raise SourceError(f"source '{path}' was recorded for task '{recorded}', not for '{task}'; pass --task")
        names = demo_names(file)
        for name in names:
            for key, kind in (("actions", h5py.Dataset), ("initial_state", h5py.Group)):
                if not isinstance(file["data"][name].get(key), kind):
                    raise SourceError(f"source '{path}', {name}: has no '{key}'; it cannot be replayed, leave it out")
        return RawDemos(path=path, names=tuple(names), legacy=quaternion_order(file) == "wxyz")
