"""Small pictures of a demonstration's rendered frames, for the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder, rendered_as
from mimicgen.datagen.dataset.ours import MANIFEST, is_frames
from mimicgen.datagen.rendering.sheet import Sample

MOST = 100
"""Demonstrations with pictures in a page, the first ones; each takes about 60 kB."""


def pictures(records: Path, demo: str) -> list[dict[str, str]]:
    """Return the first, middle and last frame in every camera, as JPEG in base64 with what it is.

    Args:
        records: Folder of a run's outputs, with `<camera>_<modality>/<demonstration>/manifest.json`.
        demo: The demonstration's name in the dataset.
    """
    cameras: dict[str, dict[str, Path]] = {}
    for modality in MODALITIES:
        own = sorted(records.glob(f"*_{modality}/{demo_folder(demo)}"))
        for folder in own or sorted(records.glob(f"*_{modality}/{demo_folder(rendered_as(demo, 1)[0])}")):
            if is_frames(folder) and (folder / MANIFEST).is_file():
                camera = folder.parent.name.removesuffix(f"_{modality}")
                cameras.setdefault(camera, {})[modality] = folder
    found = []
    for camera, kinds in sorted(cameras.items()):
        steps = WrittenImages(next(iter(kinds.values()))).steps
        for index in sorted({0, len(steps) // 2, len(steps) - 1}):
            caption = f"{camera}, step {steps[index]}"
            sample = Sample(caption, kinds, index)
            jpeg = io.BytesIO()
            sample.picture().save(jpeg, "JPEG", quality=82)
            if sample.by_class:
                caption += "; colours of the classes, not of the objects"
            found.append({"caption": caption, "jpeg": base64.b64encode(jpeg.getvalue()).decode()})
    return found
