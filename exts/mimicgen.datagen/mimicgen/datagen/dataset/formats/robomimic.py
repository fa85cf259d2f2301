"""Datasets as robomimic's configurations read them: one HDF5 file with observations by name, images among them.

https://robomimic.github.io/docs/datasets/overview.html describes the layout: `data/demo_N` with `actions`, `rewards`,
`dones` and `obs`, lists of demonstrations under `mask`, and what the environment is in `data.attrs['env_args']`.
robomimic orders demonstrations by the number in their names, and takes every array below `obs` for an observation where
a configuration names none. So looks get numbers, and what is no observation that a policy may have is left out: nested
groups, and what only repeats the action.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mimicgen.datagen.dataset.files import attribute, env_args, open_source
from mimicgen.datagen.dataset.formats.card import Camera
from mimicgen.datagen.dataset.formats.demonstrations import Episode, Plan
from mimicgen.datagen.dataset.formats.describing import SHOWN, About, numbers_of
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.language import LANGUAGE
from mimicgen.datagen.dataset.formats.record import facts_of
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.leaking import repeats_action
from mimicgen.datagen.dataset.outputs.parts import COMPRESSION
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.tools.copying import read_masks, write_masks, written
from mimicgen.datagen.errors import SourceError

NAME = "robomimic 0.3"

_AT_ONCE = 16
"""Images that are written at once."""

_KEY = re.compile(r"[A-Za-z0-9_]{1,100}")
"""What an observation may be called that stands in the card's code."""

Size = tuple[int, int]
"""Width and height of images [pixels]."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """What the observations of an export are.

    Attributes:
        low_dim: Numbers of each that is no image, by name.
        images: Those that are: what they show, by name.
        left_out: Observations of the dataset that are not exported, with the reason.
    """

    low_dim: Mapping[str, int]
    images: Mapping[str, Images]
    left_out: Mapping[str, str]


def file_name(plan: Plan) -> str:
    """Return what the file of an export is called, as robomimic calls its own."""
    return "image.hdf5" if _images(plan) else "low_dim.hdf5"


def observations_of(dataset: Path, plan: Plan) -> Observations:
    """Return what of a dataset's observations is exported, as its first demonstration has them.

    Raises:
        SourceError: The dataset cannot be read.
    """
    first = plan.episodes[0].demo
    with open_source(dataset, demos={first}) as file:
        return _observations(file["data"][first], plan)


def write_robomimic(dataset: Path, scratch: Path, plan: Plan, observations: Observations, size: Size | None) -> None:
    """Write the file, a demonstration after the other.

    Args:
        dataset: The dataset that the plan is of.
        scratch: File to write.
        plan: What is exported.
        observations: What of its observations is.
        size: Of the images; None: as they were rendered.

    Raises:
        SourceError: The dataset or its images cannot be read, or its demonstrations have different observations.
        OutputError: The file cannot be written.
    """
    with open_source(dataset, demos={episode.demo for episode in plan.episodes}) as file:
        names = {episode.name: f"demo_{number}" for number, episode in enumerate(plan.episodes)}
        with written(scratch, dataset) as made:
            data = made.create_group("data", track_order=True)
            for episode in plan.episodes:
                demo = data.create_group(names[episode.name])
                _Writer(plan, episode, observations, size).write(file["data"][episode.demo], demo)
            data.attrs["total"] = sum(episode.steps for episode in plan.episodes)
            data.attrs["env_args"] = json.dumps(_env_args(file, plan, size))
            data.attrs[LANGUAGE] = json.dumps(plan.language.plain())
            for name in ("format_version", "provenance"):
                if name in file.attrs:
                    made.attrs[name] = file.attrs[name]
            made.attrs["export"] = json.dumps(facts_of(plan, NAME))
            write_masks(made, _masks(file, plan, names))


def about(plan: Plan, observations: Observations, size: Size | None) -> About:
    """Return what the card says of the file."""
    low_dim = [name for name in observations.low_dim if _KEY.fullmatch(name)]
    loading = f"""
from robomimic.config import config_factory

config = config_factory("bc")
with config.values_unlocked():
    config.train.data = "{file_name(plan)}"
    config.observation.modalities.obs.low_dim = {low_dim}
    config.observation.modalities.obs.rgb = {[*observations.images]}
"""
    numbers = [(f"obs/{name}", f"{width} numbers, as recorded") for name, width in observations.low_dim.items()]
    images = [(f"obs/{name}", SHOWN[image.modality]) for name, image in observations.images.items()]
    return About(
        format=NAME,
        tags=("robomimic",),
        contents=(*numbers, *images, *numbers_of("actions", plan.action)),
        cameras=tuple(
            Camera(
                name=name,
                width=size[0] if size else image.width,
                height=size[1] if size else image.height,
                about=SHOWN[image.modality],
            )
            for name, image in observations.images.items()
        ),
        notes=(
            *(f"obs/{name} of the dataset is left out: {why}" for name, why in observations.left_out.items()),
            "there is no next_obs: set train.hdf5_load_next_obs to False where an algorithm does not need it",
            "the states to restore the simulation from are in the dataset that this was exported from",
        ),
        loading=loading,
    )


def _images(plan: Plan) -> dict[str, Images]:
    """Return the images that robomimic takes, by the name that they get; of depth it wants numbers from 0 to 1."""
    return {f"{image.name}_image": image for image in plan.cameras if image.modality != "depth"}


def _observations(demo: h5py.Group, plan: Plan) -> Observations:
    """Return what of a demonstration's observations is exported."""
    images = _images(plan)
    low_dim: dict[str, int] = {}
    left_out = {image.name: "robomimic takes depth from 0 to 1" for image in plan.cameras if image.modality == "depth"}
    actions = demo["actions"][:]
    observed = demo.get("obs")
    for name, array in observed.items() if isinstance(observed, h5py.Group) else ():
        if isinstance(array, h5py.Group):
            left_out[name] = "it is a group, which robomimic would take for an observation"
        elif array.ndim > 2 or name in images:
            continue  # images, which are written as they are called here
        elif array.dtype.kind not in "fiub" or not array.ndim or len(array) != len(actions):
            left_out[name] = f"its shape is {array.shape} and its type {array.dtype}"
        elif repeats_action(array, actions):
            left_out[name] = "it is the action of the step before, from which a policy learns to repeat itself"
        else:
            low_dim[name] = int(np.prod(array.shape[1:], dtype=np.int64))
    return Observations(low_dim=low_dim, images=images, left_out=left_out)


class _Writer:
    """Writes a demonstration."""

    def __init__(self, plan: Plan, episode: Episode, observations: Observations, size: Size | None):
        self._plan = plan
        self._episode = episode
        self._observations = observations
        self._size = size

    def write(self, demo: h5py.Group, target: h5py.Group) -> None:
        """Write it.

        Raises:
            SourceError: It has other observations than the first one, or its images cannot be read.
        """
        alive()
        episode, last = self._episode, np.zeros(self._episode.steps, np.float32)
        last[-1:] = 1
        _put(target, "actions", self._plan.representations.action(demo, self._plan.wanted.action).rows)
        ends: dict[str, NDArray[Any] | None]
        ends = {"rewards": last * (episode.success is True), "dones": last.astype(np.int64), "subtask_index": None}
        for name, otherwise in ends.items():
            recorded = demo.get(name)
            if isinstance(recorded, h5py.Dataset) and recorded.shape == last.shape and recorded.dtype.kind in "fiub":
                _put(target, name, recorded[:])
            elif otherwise is not None:
                _put(target, name, otherwise)
        obs = target.create_group("obs")
        for name, width in self._observations.low_dim.items():
            _put(obs, name, self._numbers(demo, name, width))
        own = {image.name: image for image in episode.images}
        for name, image in self._observations.images.items():
            self._put_images(obs, name, own[image.name], demo)
        target.attrs["num_samples"] = episode.steps
        target.attrs["demonstration"] = episode.name
        target.attrs["outcome"] = episode.outcome
        target.attrs["ep_meta"] = json.dumps({"lang": episode.task})
        for name in ("success", "seed"):
            if (value := attribute(demo, name)) is not None:
                target.attrs[name] = value

    def _numbers(self, demo: h5py.Group, name: str, width: int) -> NDArray[np.float32]:
        array = demo.get(f"obs/{name}")
        fits = isinstance(array, h5py.Dataset) and 0 < array.ndim < 3 and len(array) == self._episode.steps
        if not fits or array.dtype.kind not in "fiub" or np.prod(array.shape[1:], dtype=np.int64) != width:
            raise SourceError(
                f"source '{self._plan.dataset}', {self._episode.demo}: has no 'obs/{name}' of {width} numbers, which "
                f"{self._plan.episodes[0].demo} has; leave it out (datagen.sh dataset filter)"
            )
        return np.asarray(array[:], dtype=np.float32).reshape(self._episode.steps, width)

    def _put_images(self, obs: h5py.Group, name: str, images: Images, demo: h5py.Group) -> None:
        width, height = self._size or (images.width, images.height)
        shape = (self._episode.steps, height, width, 3)
        array = obs.create_dataset(
            name, shape, np.uint8, chunks=(1, *shape[1:]), compression="gzip", compression_opts=COMPRESSION
        )
        # What a class's colour is must not be mixed with another's.
        how = PIL.Image.Resampling.NEAREST if images.modality == "segmentation" else PIL.Image.Resampling.LANCZOS
        waiting: list[Image] = []
        begin = 0
        for image in images.frames(demo):
            fits = image.shape[:2] == (height, width)
            waiting.append(image if fits else np.asarray(PIL.Image.fromarray(image).resize((width, height), how)))
            if len(waiting) == _AT_ONCE:
                array[begin : begin + _AT_ONCE] = np.stack(waiting)
                begin += _AT_ONCE
                waiting.clear()
        if waiting:
            array[begin : begin + len(waiting)] = np.stack(waiting)


def _env_args(file: h5py.File, plan: Plan, size: Size | None) -> dict[str, Any]:
    """Return what the environment is, with its cameras where robomimic's own environments have them."""
    told = env_args(file)
    cameras = list(dict.fromkeys(image.camera for image in _images(plan).values()))
    kwargs = told.get("env_kwargs")
    own: dict[str, Any] = dict(kwargs) if isinstance(kwargs, dict) else {}
    if cameras:
        first = plan.cameras[0]
        width, height = size or (first.width, first.height)
        own |= {"camera_names": cameras, "camera_heights": height, "camera_widths": width}
    return {"env_name": "", "type": 2, **told, "env_kwargs": own}


def _masks(file: h5py.File, plan: Plan, names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the file's lists of demonstrations, those of them that are exported, by their new names."""
    found = {
        mask: [names[one.name] for one in plan.episodes if one.name in listed or one.demo in listed]
        for mask, listed in ((mask, set(listed)) for mask, listed in read_masks(file).items())
    }
    return {mask: listed for mask, listed in found.items() if listed}


def _put(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    group.create_dataset(name, data=values, compression="gzip", compression_opts=COMPRESSION)
