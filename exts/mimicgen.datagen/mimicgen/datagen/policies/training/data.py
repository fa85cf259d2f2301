"""A dataset's demonstrations on the device that trains: all of them, once, so that no step waits for a disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from mimicgen.datagen.dataset.files import attribute, demo_names, env_args, open_source, recorded_task
from mimicgen.datagen.dataset.formats.embodiment import joints_of
from mimicgen.datagen.dataset.formats.representations import ActionKind, Representations
from mimicgen.datagen.dataset.images.unpacking import unpacked
from mimicgen.datagen.dataset.sources.conventions import quaternion_order
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.policies.training.checking import shapes_of
from mimicgen.datagen.policies.training.presets import Observed
from mimicgen.datagen.tasks.motion import embodiment_of
from mimicgen.datagen.text import shown


@dataclass(frozen=True, kw_only=True)
class Demonstrations:
    """Demonstrations, one after the other.

    Attributes:
        names: Theirs, in the order in which they lie.
        lengths: Steps of each, shape (demonstrations,), int64, on the CPU.
        numbers: Observations by name, shape (steps, width), float32.
        images: Observations by name, shape (steps, height, width, 3), uint8.
        actions: In the representation that was asked for, shape (steps, action_dim), float32.
        env_args: What the dataset says of its environment.
    """

    names: tuple[str, ...]
    lengths: torch.Tensor
    numbers: Mapping[str, torch.Tensor]
    images: Mapping[str, torch.Tensor]
    actions: torch.Tensor
    env_args: Mapping[str, Any]


def load(path: Path, observed: Observed, device: torch.device, actions: ActionKind = "recorded") -> Demonstrations:
    """Read a dataset into a device's memory.

    Args:
        path: The dataset.
        observed: What is read of it besides actions.
        device: Where it goes.
        actions: How actions are represented.

    Raises:
        SourceError: The dataset cannot be read, lacks something that is to be observed or that actions are made of, or
            its demonstrations have different shapes.
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
        represented = actions_of(path, file, actions)
        shapes["actions"] = represented(names[0]).shape[1:]
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
                    if key == "actions":
                        rows = represented(name)
                    elif key in observed.images:
                        rows = unpacked(file["data"][name]["obs"][key], pool)
                    else:
                        rows = file["data"][name]["obs"][key][()].astype(np.float32)
                    values[begin : begin + length] = torch.from_numpy(_finite(rows, path, name, key))
                begin += length
        return Demonstrations(
            names=tuple(names),
            lengths=torch.tensor(lengths),
            numbers={key: empty[key] for key in observed.numbers},
            images={key: empty[key] for key in observed.images},
            actions=empty["actions"],
            env_args=env_args(file),
        )


def actions_of(path: Path, file: h5py.File, kind: ActionKind) -> Callable[[str], np.ndarray]:
    """Return what gives a demonstration's actions by its name, shape (steps, numbers), float32.

    Args:
        path: The dataset, for messages.
        file: The dataset, open.
        kind: How they are represented.
    """
    if kind == "recorded":
        return lambda name: np.asarray(file["data"][name]["actions"][()], np.float32)
    body = embodiment_of(recorded_task(file))
    make = Representations(body, joints_of(attribute(file, "provenance"), body), quaternion_order(file))

    def represented(name: str) -> np.ndarray:
        try:
            return make.action(file["data"][name], kind).rows
        except SourceError as error:
            raise SourceError(
                f"source '{path}', {shown(name)}: {error}; actions = '{kind}' of the preset needs it: choose another "
                "(--set actions=recorded), or generate the dataset with this version"
            ) from error

    return represented


def _finite(rows: np.ndarray, path: Path, name: str, key: str) -> np.ndarray:
    if rows.dtype != np.uint8:
        finite = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
        if not finite.all():
            raise SourceError(
                f"source '{path}', {shown(name)}: {key} is not finite at step {int(np.argmin(finite))}; leave the "
                "demonstration out (datagen.sh dataset filter)"
            )
    return rows
