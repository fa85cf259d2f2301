"""The costly part of an export, on the workers: the videos of a shard's demonstrations, encoded beside its images."""

from __future__ import annotations

import contextlib

from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.config.job import ExportFormat
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.files import demo_names, open_source
from mimicgen.datagen.dataset.formats.demonstrations import fps_of
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.lerobot.encoded import encode
from mimicgen.datagen.dataset.formats.videos import Encoding, check_images
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, read_json
from mimicgen.datagen.dataset.tools.copying import steps_of
from mimicgen.datagen.errors import DatagenError

ENCODED: dict[ExportFormat, Encoding] = {"lerobot": "av1", "gr00t": "h264"}
"""How the formats that have videos have them, where nothing else is said."""


def encode_shard(config: Generate, made: Made) -> None:
    """Encode what a shard's export will show, if it has images. What cannot be encoded is left to the export to say.

    Args:
        config: The run.
        made: The shard.
    """
    encoding = ENCODED.get(config.export)
    if encoding is None or not made.dataset.is_file() or not made.record.get("rendering", {}).get("complete"):
        return
    with contextlib.suppress(DatagenError), open_source(made.dataset) as file:
        fps = fps_of(made.dataset, file)
        for name in demo_names(file):
            demo = file["data"][name]
            steps = steps_of(demo)
            images = _images(config, made, name, steps)
            check_images(images, encoding)
            encode(images, demo, encoding, fps, steps)


def _images(config: Generate, made: Made, demo: str, steps: int) -> list[Images]:
    """Return the images of a demonstration that its export shows, one a step; not where they are missing."""
    found = []
    for view, camera in config.render.used().items():
        for modality in config.render.drawn():
            folder = made.folder / f"{view}_{modality}" / demo_folder(demo)
            shown = [frame["step"] for frame in read_json(folder / MANIFEST).get("frames", ())]
            if shown == list(range(steps)) and not (modality == "depth" and config.export == "gr00t"):
                height, width = camera.height, camera.width
                assert height is not None
                assert width is not None
                found.append(Images(camera=view, modality=modality, height=height, width=width, folder=folder))
    return found
