"""Small pictures of a demonstration's rendered frames, for the page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.rendering.sheet import Sample

MOST = 100
"""Demonstrations with pictures in a page, the first ones; each takes about 60 kB."""


def pictures(records: Path, demo: str) -> list[dict[str, str]]:
    """Return the first, middle and last frame in every camera, as JPEG in base64 with what it is.

    Args:
        records: Folder of a run's outputs, with `<camera>_<modality>/<demonstration>/0000.png`.
        demo: The demonstration's name in the dataset.
    """
    cameras: dict[str, dict[str, list[Path]]] = {}
    for modality in MODALITIES:
        for folder in sorted(records.glob(f"*_{modality}")):
            frames = sorted((folder / demo_folder(demo)).glob("[0-9]*.png"))
            if frames:
                cameras.setdefault(folder.name.removesuffix(f"_{modality}"), {})[modality] = frames
    found = []
    for camera, kinds in sorted(cameras.items()):
        count = min(map(len, kinds.values()))
        for index in sorted({0, count // 2, count - 1}):
            images = {modality: frames[index] for modality, frames in kinds.items()}
            caption = f"{camera}, step {int(next(iter(images.values())).stem)}"
            jpeg = io.BytesIO()
            sample = Sample(caption=caption, images=images)
            sample.picture().save(jpeg, "JPEG", quality=82)
            if sample.by_class:
                caption += "; colours of the classes, not of the objects"
            found.append({"caption": caption, "jpeg": base64.b64encode(jpeg.getvalue()).decode()})
    return found
