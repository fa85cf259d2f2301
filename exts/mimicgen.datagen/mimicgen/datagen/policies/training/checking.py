"""Whether a dataset has what a policy is to observe, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mimicgen.datagen.dataset.files import attribute, demo_names, open_source, recorded_task
from mimicgen.datagen.dataset.leaking import repeats_action
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.presets import LEAKS, Observed
from mimicgen.datagen.text import shown

Shapes = dict[str, tuple[int, ...]]
"""Shape of one step, by observation, and of 'actions'."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is said of a dataset before it is trained on.

    Attributes:
        task: The task that it was recorded for, '' if it names none.
        settings: Of the run that it was recorded in, 'key=value', those that change what is there and what is seen.
        demonstrations: How many it has.
        observations: What may be observed of its first demonstration, in order.
    """

    task: str
    settings: tuple[str, ...]
    demonstrations: int
    observations: tuple[str, ...]


def check(path: Path, observed: Observed) -> Facts:
    """Look at a dataset's first demonstration, and return what is said of the dataset; meant for a guarded process.

    Raises:
        SourceError: The dataset cannot be read, or lacks something that is to be observed; both are named.
    """
    with open_source(path) as file:
        names = demo_names(file)
        first = file["data"][names[0]]
        shapes_of(path, first, names[0], observed)
        told = attribute(file, "provenance")
        config = told.get("config") if isinstance(told, dict) else None
        config = config if isinstance(config, dict) else {}
        return Facts(
            task=_task(config.get("task"), recorded_task(file)),
            settings=tuple(_settings(config, with_images=bool(observed.images))),
            demonstrations=len(names),
            observations=_observations(first),
        )


def _task(said: object, registered: str) -> str:
    """Return what `--task` takes: what the run was told, unless that was a file, of which only the name was kept."""
    return said if isinstance(said, str) and not said.endswith(".toml") else registered


def _settings(config: Mapping[str, Any], *, with_images: bool) -> Iterator[str]:
    """Yield what a run was told of where objects start, of the engine, and of what cameras show if that is observed."""
    for key, value in config.items():
        seen = key.startswith(("observe.", "render.cameras."))
        if value in (None, [], "") or not (key in ("variant", "physics") or (seen and with_images)):
            continue
        if isinstance(value, list):
            yield f"{key}={','.join(map(str, value))}"
        elif isinstance(value, bool):
            yield f"{key}={str(value).lower()}"
        elif isinstance(value, (str, int, float)):
            yield f"{key}={value}"


def shapes_of(path: Path, demo: h5py.Group, name: str, observed: Observed) -> Shapes:
    """Return the shape of one step of all that is read of a demonstration.

    Args:
        path: The dataset, for messages.
        demo: The demonstration.
        name: Its name.
        observed: What is read of it, besides its actions.

    Raises:
        SourceError: Something is missing, is no such thing, or gives the action away.
    """
    place = f"source '{path}', {shown(name)}"
    actions = demo.get("actions")
    if not isinstance(actions, h5py.Dataset) or actions.ndim != 2 or not len(actions):
        raise SourceError(f"{place}: has no 'actions' of shape (steps, numbers); it is nothing to train with")
    wanted = (*observed.numbers, *observed.images)
    there = _observations(demo)
    missing = [key for key in wanted if key not in there]
    if missing:
        raise SourceError(
            f"{place}: lacks {', '.join(map(shown, missing))}, which the preset wants ({_where(missing, observed)}); "
            f"it has {', '.join(map(shown, there)) or 'no observations'}. {_remedy(missing, observed)}"
        )
    found: Shapes = {"actions": tuple(actions.shape[1:])}
    for key in wanted:
        array = demo["obs"][key]
        image = key in observed.images
        fits = array.ndim == 4 and array.shape[-1] == 3 and array.dtype == np.uint8 if image else array.ndim == 2
        if not fits or len(array) != len(actions) or array.dtype.kind not in "fiub":
            wants = "(steps, height, width, 3) and type uint8" if image else "(steps, numbers)"
            raise SourceError(
                f"{place}: 'obs/{shown(key)}' has shape {array.shape} and type {array.dtype}; expected {wants}, of "
                f"{len(actions)} steps"
            )
        if not image and repeats_action(array, actions[:]):
            raise SourceError(
                f"{place}: 'obs/{shown(key)}' is the action, of this step or the one before, from which a policy "
                "learns to repeat itself; leave it out of observations"
            )
        found[key] = tuple(array.shape[1:])
    return found


def _observations(demo: h5py.Group) -> tuple[str, ...]:
    """Return what a policy may observe of a demonstration."""
    observed = demo.get("obs")
    members = observed.items() if isinstance(observed, h5py.Group) else ()
    return tuple(name for name, own in members if isinstance(own, h5py.Dataset) and name not in LEAKS)


def _where(missing: Sequence[str], observed: Observed) -> str:
    tables = ("state", "environment_state", "images")
    return ", ".join(f"observations.{name}" for name in tables if set(getattr(observed, name)) & set(missing))


def _remedy(missing: Sequence[str], observed: Observed) -> str:
    if set(missing) & set(observed.images):
        return "Generate it with --set observe.cameras=..., or name others: --set observations.images=[...]"
    return "Name others: --set observations.state=[...]"
