"""Images in the dataset itself, for those who train from one file: `obs/<camera>_<modality>`, uint8 (depth: uint16).

Looks become demonstrations of their own, which name their parent and share its arrays.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import h5py

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.files import datasets_in
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import LOOK, PARENT, demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, read_json
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.tools.copying import steps_of, written
from mimicgen.datagen.errors import OutputError

OF_THE_ATTEMPT = {"attempt", "record"}
"""Attributes that say which attempt a demonstration came from; a run that is continued counts those."""


async def embed(
    dataset: Path, root: Path, config: RenderConfig, demos: Iterable[str], next_frame: Callable[[], Awaitable[None]]
) -> None:
    """Write the frames of demonstrations into their dataset, in a thread; the dataset is replaced when it is whole.

    Args:
        dataset: The dataset; nobody has it open.
        root: The folder of the frames.
        config: What was rendered.
        demos: Demonstrations whose frames are complete.
        next_frame: Waits for the application's next frame.

    Raises:
        OutputError: The dataset cannot be written.
    """
    names = [f"{view}_{modality}" for view in config.used() for modality in config.drawn()]
    writers = Writers(threads=1)
    try:
        writers.submit(_embed, dataset, root, names, list(demos))
        await writers.written(next_frame)
    finally:
        writers.close()


def _embed(dataset: Path, root: Path, names: list[str], demos: list[str]) -> None:
    with explained(dataset), new_file(dataset, replace=h5py.is_hdf5) as scratch:
        shutil.copyfile(dataset, scratch)
        with written(scratch, mode="r+") as file:
            data = file["data"]
            for demo in demos:
                told = read_json(root / names[0] / demo_folder(demo) / MANIFEST)
                if "look" in told:
                    _share(data, demo, told["parent"], told["look"])
                observations = data[demo].require_group("obs")
                for name in names:
                    _embed_folder(observations, name, root / name / demo_folder(demo))
            data.attrs["total"] = sum(steps_of(demo) for demo in data.values())


def _share(data: h5py.Group, demo: str, parent: str, look: dict[str, Any]) -> None:
    """Make a demonstration of a look: every array is its parent's own, stored once and linked to from both.

    Raises:
        OutputError: There is another demonstration of this name.
    """
    if demo in data:
        if data[demo].attrs.get(PARENT) != parent:
            raise OutputError(
                f"output '{data.file.filename}': {demo} is there and no look of {parent}; rename it, or leave "
                "render.in_dataset out"
            )
        del data[demo]
    made = data.create_group(demo)
    for name, value in data[parent].attrs.items():
        if name not in OF_THE_ATTEMPT:
            made.attrs[name] = value
    made.attrs[PARENT], made.attrs[LOOK] = parent, json.dumps(look)
    for path, array in datasets_in(data[parent]):
        made[path] = array


def _embed_folder(observations: h5py.Group, name: str, folder: Path) -> None:
    """Write the images of a folder, one at a time: memory does not grow with the demonstration."""
    written = WrittenImages(folder)
    images: h5py.Dataset | None = None
    if name in observations:
        del observations[name]
    for index, image in enumerate(written.some(0, len(written))):
        if images is None:
            shape, chunks = (len(written), *image.shape), (1, *image.shape)
            images = observations.create_dataset(
                name, shape, image.dtype, chunks=chunks, compression="gzip", compression_opts=4
            )
        images[index] = image
