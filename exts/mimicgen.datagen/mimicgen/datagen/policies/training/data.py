"""A dataset's demonstrations on the device that trains: all of them, once, so that no step waits for a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import demo_names, env_args, open_source
from mimicgen.datagen.dataset.leaking import repeats_action
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.presets import Observed
from mimicgen.datagen.text import shown

_FRAMES = 256
"""Images that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """Demonstrations, one after the other.

    Attributes:
        names: Theirs, in the order in which they lie.
        lengths: Steps of each, shape (demonstrations,), int64, on the CPU.
        numbers: Observations by name, shape (steps, width), float32.
        images: Observations by name, shape (steps, height, width, 3), uint8.
        actions: Shape (steps, action_dim), float32.
        env_args: What the dataset says of its environment.
    """

    names: tuple[str, ...]
    lengths: torch.Tensor
    numbers: Mapping[str, torch.Tensor]
    images: Mapping[str, torch.Tensor]
    actions: torch.Tensor
    env_args: Mapping[str, Any]


def shapes_of(path: Path, observed: Observed) -> dict[str, tuple[int, ...]]:
    """Return the shape of what is observed of one step, and of 'actions', as the first demonstration has them.

    Raises:
        SourceError: The dataset cannot be read, or lacks something that is to be observed; both are named.
    """
    with open_source(path) as file:
        first = demo_names(file)[0]
        return _shapes(path, file["data"][first], first, observed)


def load(path: Path, observed: Observed, device: torch.device) -> Demonstrations:
    """Read a dataset into a device's memory.

    Raises:
        SourceError: The dataset cannot be read, lacks something that is to be observed, or its demonstrations have
            different shapes.
    """
    with open_source(path) as file:
        names = demo_names(file)
        shapes = _shapes(path, file["data"][names[0]], names[0], observed)
        for name in names:
            own = _shapes(path, file["data"][name], name, observed)
            if own != shapes:
                key = next(key for key in shapes if own[key] != shapes[key])
                raise SourceError(
                    f"source '{path}', {shown(name)}: {key} has shape {own[key]} a step, and in {shown(names[0])} "
                    f"{shapes[key]}; leave it out (datagen.sh dataset filter)"
                )
        lengths = [len(file["data"][name]["actions"]) for name in names]
        total = sum(lengths)
        empty = {
            key: torch.empty(
                (total, *shape), dtype=torch.uint8 if key in observed.images else torch.float32, device=device
            )
            for key, shape in shapes.items()
        }
        begin = 0
        for name, length in zip(names, lengths, strict=True):
            for key, values in empty.items():
                array = file["data"][name]["actions" if key == "actions" else f"obs/{key}"]
                for at in range(0, length, _FRAMES):
                    end = min(at + _FRAMES, length)
                    values[begin + at : begin + end] = torch.from_numpy(_rows(array[at:end], values.dtype))
            begin += length
        return Demonstrations(
            names=tuple(names),
            lengths=torch.tensor(lengths),
            numbers={key: empty[key] for key in observed.numbers},
            images={key: empty[key] for key in observed.images},
            actions=empty["actions"],
            env_args=env_args(file),
        )


def _rows(values: NDArray[Any], dtype: torch.dtype) -> NDArray[Any]:
    return np.ascontiguousarray(values, np.uint8 if dtype == torch.uint8 else np.float32)


def _shapes(path: Path, demo: h5py.Group, name: str, observed: Observed) -> dict[str, tuple[int, ...]]:
    """Return the shape of one step of all that is read of a demonstration; a single number has shape (1,)."""
    place = f"source '{path}', {shown(name)}"
    actions = demo.get("actions")
    if not isinstance(actions, h5py.Dataset) or actions.ndim != 2 or not len(actions):
        raise SourceError(f"{place}: has no 'actions' of shape (steps, numbers); it is nothing to train with")
    group = demo.get("obs")
    there = dict(group.items()) if isinstance(group, h5py.Group) else {}
    missing = [key for key in (*observed.numbers, *observed.images) if not isinstance(there.get(key), h5py.Dataset)]
    if missing:
        has = ", ".join(shown(key) for key, own in there.items() if isinstance(own, h5py.Dataset)) or "no observations"
        wanted = ", ".join(map(shown, missing))
        raise SourceError(f"{place}: {_lacks(missing, observed, wanted)}; it has {has}. {_remedy(missing, observed)}")
    found = {"actions": tuple(actions.shape[1:])}
    for key in (*observed.numbers, *observed.images):
        array = there[key]
        image = key in observed.images
        fits = array.ndim == 4 and array.shape[-1] == 3 and array.dtype == np.uint8 if image else array.ndim == 2
        if not fits or len(array) != len(actions) or array.dtype.kind not in "fiub":
            wants = "(steps, height, width, 3), uint8" if image else "(steps, numbers)"
            raise SourceError(
                f"{place}: 'obs/{shown(key)}' has shape {array.shape} and type {array.dtype}; expected {wants}, "
                f"{len(actions)} steps"
            )
        if not image and repeats_action(array, actions[:]):
            raise SourceError(
                f"{place}: 'obs/{shown(key)}' is the action of the step before, from which a policy learns to repeat "
                "itself; leave it out of observations"
            )
        found[key] = tuple(array.shape[1:])
    return found


def _lacks(missing: Sequence[str], observed: Observed, wanted: str) -> str:
    where = [name for name in ("state", "environment_state", "images") if set(getattr(observed, name)) & set(missing)]
    return f"lacks {wanted}, which the preset wants (observations.{where[0]})"


def _remedy(missing: Sequence[str], observed: Observed) -> str:
    if set(missing) & set(observed.images):
        return "Generate with --set observe.cameras=..., or name others: --set 'observations.images=[\"NAME\"]'"
    return "Name others: --set 'observations.state=[\"NAME\"]'"
