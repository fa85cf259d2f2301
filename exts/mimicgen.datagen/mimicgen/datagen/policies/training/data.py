"""A dataset's demonstrations on the device that trains: all of them, once, so that no step waits for a disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from mimicgen.datagen.dataset.files import demo_names, env_args, open_source
from mimicgen.datagen.dataset.images.unpacking import unpacked
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.checking import shapes_of
from mimicgen.datagen.policies.training.presets import Observed
from mimicgen.datagen.text import shown


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """Demonstrations, one after the other.

    Attributes:
        names: Theirs, in the order in which they lie.
        lengths: Steps of each, shape (demonstrations,), int64, on the CPU.
        numbers: Observations by name, shape (steps, width), float32.
        images: Observations by name, shape (steps, height, width, 3), uint8.
        actions: Shape (steps, action_dim), float32.
        objects: Where the objects are in the first demonstration, by name, shape (steps, 3), as far as it says so.
        env_args: What the dataset says of its environment.
    """

    names: tuple[str, ...]
    lengths: torch.Tensor
    numbers: Mapping[str, torch.Tensor]
    images: Mapping[str, torch.Tensor]
    actions: torch.Tensor
    objects: Mapping[str, np.ndarray]
    env_args: Mapping[str, Any]


def load(path: Path, observed: Observed, device: torch.device) -> Demonstrations:
    """Read a dataset into a device's memory.

    Raises:
        SourceError: The dataset cannot be read, lacks something that is to be observed, or its demonstrations have
            different shapes.
    """
    with open_source(path) as file:
        names = demo_names(file)
        shapes = shapes_of(path, file["data"][names[0]], names[0], observed)
        for name in names:
            own = shapes_of(path, file["data"][name], name, observed)
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
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for name, length in zip(names, lengths, strict=True):
                for key, values in empty.items():
                    array = file["data"][name]["actions" if key == "actions" else f"obs/{key}"]
                    rows = unpacked(array, pool) if key in observed.images else _numbers(path, name, key, array)
                    values[begin : begin + length] = torch.from_numpy(rows)
                begin += length
        return Demonstrations(
            names=tuple(names),
            lengths=torch.tensor(lengths),
            numbers={key: empty[key] for key in observed.numbers},
            images={key: empty[key] for key in observed.images},
            actions=empty["actions"],
            objects=_objects(file["data"][names[0]]),
            env_args=env_args(file),
        )


def _objects(demo: h5py.Group) -> dict[str, np.ndarray]:
    """Return where a demonstration says that objects are."""
    group = demo.get("obs/datagen_info/object_pose")
    members = group.items() if isinstance(group, h5py.Group) else ()
    return {
        name: own[:, :3, 3]
        for name, own in members
        if isinstance(own, h5py.Dataset) and own.shape == (len(demo["actions"]), 4, 4)
    }


def _numbers(path: Path, name: str, key: str, array: Any) -> np.ndarray:
    rows = np.asarray(array[()], np.float32)
    finite = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    if not finite.all():
        raise SourceError(
            f"source '{path}', {shown(name)}: {key} is not finite at step {int(np.argmin(finite))}; leave the "
            "demonstration out (datagen.sh dataset filter)"
        )
    return rows
