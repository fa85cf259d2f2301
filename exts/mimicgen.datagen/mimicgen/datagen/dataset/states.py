"""The recorded states of demonstrations, to restore them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.conventions import quaternion_order, to_xyzw
from mimicgen.datagen.dataset.files import demo_names, open_source, recorded_task
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.tasks import task_family

Tree = dict[str, dict[str, dict[str, Any]]]
"""Kind, asset, quantity."""


@dataclass(frozen=True)
class States:
    """The state before every step.

    Isaac Lab writes the state after each step under `states`, and the one before the first as `initial_state`. What an
    observation of step k shows, and what its action was chosen for, is the state before it.

    Attributes:
        before: Arrays of shape (steps, n) by kind ('articulation', 'rigid_object'), asset and quantity; poses are
            position and (x, y, z, w) relative to the environment's origin.
    """

    before: Tree

    @classmethod
    def of(cls, demo: h5py.Group, *, legacy: bool = False) -> States:
        """Read the states of a demonstration.

        Args:
            demo: The demonstration's group.
            legacy: Whether quaternions are recorded as w, x, y, z.
        """
        steps = len(demo["actions"])
        before: Tree = {}
        for kind, assets in demo["states"].items():
            before[kind] = {}
            for asset, quantities in assets.items():
                own: dict[str, Any] = {}
                for name, after in quantities.items():
                    first = demo["initial_state"][kind][asset][name][:1]
                    own[name] = np.concatenate([first, after[: steps - 1]])
                if legacy:
                    own["root_pose"][:, 3:] = to_xyzw(own["root_pose"][:, 3:])
                before[kind][asset] = own
        return cls(before)

    def __len__(self) -> int:
        return len(next(self._arrays())[1])

    def at(self, step: int) -> Tree:
        """Return the state before a step; every value has the shape (1, n)."""
        return {
            kind: {
                asset: {name: array[step : step + 1] for name, array in own.items()} for asset, own in assets.items()
            }
            for kind, assets in self.before.items()
        }

    def digest(self) -> str:
        """Return what tells these states from others, in hexadecimal."""
        digest = hashlib.sha256()
        for name, array in self._arrays():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def _arrays(self) -> Iterator[tuple[str, Any]]:
        for kind, assets in self.before.items():
            for asset, own in assets.items():
                for name, array in own.items():
                    yield f"{kind}/{asset}/{name}", array


@dataclass(frozen=True, kw_only=True)
class RecordedDemos:
    """Demonstrations of a file whose states can be restored.

    Attributes:
        path: The file.
        names: Their names, in natural order.
        legacy: Whether the file is of Isaac Lab 2.x: quaternions in w, x, y, z.
    """

    path: Path
    names: tuple[str, ...]
    legacy: bool

    def states(self, name: str) -> States:
        """Read the states of a demonstration."""
        with open_source(self.path, demos=(name,)) as file:
            return States.of(file["data"][name], legacy=self.legacy)


def check_recorded(path: Path, task: str, wanted: Sequence[str] = ()) -> RecordedDemos:
    """Check that the states of a file's demonstrations can be restored in a task.

    Args:
        path: The file.
        task: Registered name of the task.
        wanted: Demonstrations, as names ('demo_3'), numbers ('3') or ranges ('0-9'); none means all.

    Raises:
        SourceError: The file cannot be read, is of another task, is ambiguous in its quaternions, lacks a wanted
            demonstration, or has one without states.
    """
    with open_source(path) as file:
        recorded = recorded_task(file)
        if recorded and task_family(recorded) != task_family(task):
            raise SourceError(f"source '{path}' was recorded for task '{recorded}', not for '{task}'; pass --task")
        names = _chosen(path, demo_names(file), wanted)
        for name in names:
            demo = file["data"][name]
            for key, kind in (("actions", h5py.Dataset), ("initial_state", h5py.Group), ("states", h5py.Group)):
                if not isinstance(demo.get(key), kind):
                    raise SourceError(
                        f"source '{path}', {name}: has no '{key}', so its states cannot be restored; leave it out"
                    )
        return RecordedDemos(path=path, names=tuple(names), legacy=quaternion_order(file) == "wxyz")


def _chosen(path: Path, names: list[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted names, in the file's order."""
    if not wanted:
        return names
    chosen: set[str] = set()
    for item in wanted:
        numbers = re.fullmatch(r"(\d+)(?:-(\d+))?", item)
        found = {item} & set(names)
        if numbers:
            low, high = int(numbers[1]), int(numbers[2] or numbers[1])
            found |= {name for name in names if name.startswith("demo_") and low <= int(name[5:]) <= high}
        if not found:
            raise SourceError(
                f"source '{path}' has no demonstration '{item}'; it has {len(names)}, {names[0]} to {names[-1]}"
            )
        chosen |= found
    return [name for name in names if name in chosen]
