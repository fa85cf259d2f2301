"""The recorded states of a demonstration as a sequence that can be restored step by step."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.files import datasets_in, open_source, parents
from mimicgen.datagen.dataset.names import same_folder
from mimicgen.datagen.dataset.sources.raw import RawDemos, States, check_demos
from mimicgen.datagen.errors import SourceError


@dataclass(frozen=True)
class StateSequence:
    """The state before every step.

    Isaac Lab writes the state after each step under `states`, and the one before the first as `initial_state`. What an
    observation of step k shows, and what its action was chosen for, is the state before it.

    Attributes:
        before: A row a step; poses are position and (x, y, z, w) relative to the environment's origin.
    """

    before: States

    @classmethod
    def of(cls, initial: States, after: States) -> StateSequence:
        """Return the sequence of an initial state, one row, and the states after each step."""
        return cls(
            {
                kind: {
                    asset: {
                        name: np.concatenate([initial[kind][asset][name][:1], rows[:-1]]) for name, rows in own.items()
                    }
                    for asset, own in assets.items()
                }
                for kind, assets in after.items()
            }
        )

    def __len__(self) -> int:
        return len(next(self._arrays())[1])

    def at(self, *steps: int) -> States:
        """Return the states before some steps, a row each."""
        wanted = list(steps)
        return {
            kind: {asset: {name: rows[wanted] for name, rows in own.items()} for asset, own in assets.items()}
            for kind, assets in self.before.items()
        }

    def digest(self) -> str:
        """Return what tells these states from others, in hexadecimal."""
        digest = hashlib.sha256()
        for name, rows in self._arrays():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()[:16]

    def _arrays(self) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
        for kind, assets in self.before.items():
            for asset, own in assets.items():
                for name, rows in own.items():
                    yield f"{kind}/{asset}/{name}", rows


def check_recorded(path: Path, task: str, wanted: Sequence[str] = ()) -> RawDemos:
    """Check that the states of a file's demonstrations can be restored in a task.

    Args:
        path: The file.
        task: Registered name of the task.
        wanted: Demonstrations, as names ('demo_3'), numbers ('3') or ranges ('0-9'); none means all that are no looks
            of others.

    Raises:
        SourceError: As `check_demos`, or the file lacks a wanted demonstration, or has one without states.
    """
    demos = check_demos(path, task)
    names = chosen(path, list(demos.names), wanted)
    if not wanted:
        with open_source(path, demos=()) as file:
            names = [name for name, parent in parents(file).items() if name == parent]
    twins = same_folder(names)
    if twins is not None:
        raise SourceError(
            f"source '{path}': the frames of {twins[0]} and {twins[1]} would lie in the same folder; "
            "render one of them (--demos), or rename it"
        )
    with open_source(path, demos=names) as file:
        for name in names:
            if not isinstance(file["data"][name].get("states"), h5py.Group):
                raise SourceError(f"source '{path}', {name}: has no 'states' to restore; leave it out")
            _check_rows(path, name, file["data"][name])
    return dataclasses.replace(demos, names=tuple(names))


def _check_rows(path: Path, name: str, demo: h5py.Group) -> None:
    """Check that every recorded quantity has a row a step, and one like them in the initial state.

    Raises:
        SourceError: One has not; the message names it.
    """
    steps = None
    for key, after in datasets_in(demo["states"]):
        initial = demo["initial_state"].get(key)
        alike = isinstance(initial, h5py.Dataset) and initial.shape[:1] and initial.shape[1:] == after.shape[1:]
        if key.count("/") != 2 or after.dtype.kind not in "biuf" or after.ndim < 2 or not len(after) or not alike:
            raise SourceError(
                f"source '{path}', {name}: 'states/{key}' cannot be restored; leave the demonstration out"
            )
        steps = steps or len(after)
        if len(after) != steps:
            raise SourceError(
                f"source '{path}', {name}: 'states/{key}' has {len(after)} rows and others have {steps}; "
                "leave the demonstration out"
            )
    if steps is None:
        raise SourceError(f"source '{path}', {name}: has nothing in 'states' to restore; leave it out")


def chosen(path: Path, names: list[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted names, in the file's order; all of them where none are wanted.

    Args:
        path: The file, for the message.
        names: Its demonstrations.
        wanted: Names ('demo_3'), numbers ('3') or ranges ('0-9').

    Raises:
        SourceError: The file lacks a wanted demonstration.
    """
    if not wanted:
        return names
    chosen: set[str] = set()
    for item in wanted:
        numbers = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", item)
        found = {item} & set(names)
        if numbers:
            low, high = int(numbers[1]), int(numbers[2] or numbers[1])
            found |= {
                name for name in names if re.fullmatch(r"demo_[0-9]{1,18}", name) and low <= int(name[5:]) <= high
            }
        if not found:
            raise SourceError(
                f"source '{path}' has no demonstration '{item}'; it has {len(names)}, {names[0]} to {names[-1]}"
            )
        chosen |= found
    return [name for name in names if name in chosen]
