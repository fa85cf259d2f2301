"""Images in the dataset itself, for those who train from one file: `obs/<camera>_<modality>`, uint8 (depth: uint16)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import h5py

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.images.pixels import read_image
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.dataset.tools.copying import written


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
            for demo in demos:
                observations = file["data"][demo].require_group("obs")
                for name in names:
                    _embed_folder(observations, name, root / name / demo_folder(demo))


def _embed_folder(observations: h5py.Group, name: str, folder: Path) -> None:
    """Write the images of a folder, one at a time: memory does not grow with the demonstration."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    files = [folder / Path(frame["file"]).name for frame in manifest["frames"]]
    first = read_image(files[0])
    if name in observations:
        del observations[name]
    images = observations.create_dataset(
        name, (len(files), *first.shape), first.dtype, chunks=(1, *first.shape), compression="gzip", compression_opts=4
    )
    for index, path in enumerate(files):
        images[index] = read_image(path)
