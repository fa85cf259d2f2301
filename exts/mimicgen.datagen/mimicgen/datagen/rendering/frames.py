"""Frames on disk: where they lie, how they are written off the loop, and what says that a folder is complete.

Layout::

    <camera>_<modality>/demo_000012/0000.png       the state before step 0
    <camera>_<modality>/demo_000012/labels.json    colour of every class, beside segmentation
    <camera>_<modality>/demo_000012/manifest.json  which file is which step; written last, so it marks completeness
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from mimicgen.datagen.dataset.images.pixels import MILLIMETRES, Colour, Frame, Image
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, is_frames, read_json
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.dataset.replacing import begin_frames, finish_frames
from mimicgen.datagen.errors import OutputError

COMPRESSION = 3
"""Of PNG: 6, the usual level, takes twice the time for a tenth of the size."""

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""Last bytes of a PNG file."""


def file_name(step: int) -> str:
    """Return the file name of a step's image."""
    return f"{step:04d}.png"


class DemoFrames:
    """The folders of one demonstration.

    Args:
        root: The run's output folder.
        demo: Name of the demonstration.
        views: The views that are rendered.
        modalities: What is rendered of them.
        facts: What the manifests say about the demonstration and the rendering.
        colours: Colours of the classes in segmentation images.
    """

    def __init__(
        self,
        root: Path,
        demo: str,
        views: tuple[View, ...],
        modalities: tuple[str, ...],
        facts: dict[str, Any],
        colours: Mapping[str, Colour],
    ):
        self._root = root
        self.demo = demo
        self._views = {view.name: view for view in views}
        self._modalities = modalities
        self._colours = colours
        self._facts = json.loads(json.dumps(facts))  # as it will be read back
        self._steps: list[int] = []

    def folder(self, view: str, modality: str) -> Path:
        """Return the folder of a view's images."""
        return self._root / f"{view}_{modality}" / demo_folder(self.demo)

    @property
    def folders(self) -> dict[tuple[str, str], Path]:
        """All folders, by view and modality."""
        return {(view, modality): self.folder(view, modality) for view in self._views for modality in self._modalities}

    def complete(self) -> bool:
        """Return whether all folders hold complete frames: every image that their manifests name, whole.

        Raises:
            OutputError: They hold complete frames of something else.
        """
        found = [self._told(*key) for key in self.folders]
        for (view, modality), manifest in zip(self.folders, found, strict=True):
            if manifest is None:
                continue
            expected = self._manifest(view, modality)
            different = sorted(key for key in expected if key != "frames" and manifest.get(key) != expected[key])
            if different:
                key = different[0]
                raise OutputError(
                    f"output '{self.folder(view, modality)}' has complete frames of something else "
                    f"({key} = {manifest.get(key)!r}, now {expected[key]!r}); "
                    "start afresh (--fresh) to move older frames aside, or choose another --output-dir"
                )
        return all(
            manifest is not None and _all_there(folder, manifest)
            for folder, manifest in zip(self.folders.values(), found, strict=True)
        )

    def begin(self) -> None:
        """Make the folders; what an earlier rendering left in them goes, and nothing else.

        Raises:
            OutputError: One of them was not made by a rendering, or cannot be written.
        """
        self._steps = []
        for folder in self.folders.values():
            begin_frames(folder)

    def add(self, step: int, frame: Frame, writers: Writers) -> Path:
        """Give a step's images to the writers; return where the first of them will be."""
        self._steps.append(step)
        paths = []
        for view, images in frame.items():
            for modality, image in images.items():
                path = self.folder(view, modality) / file_name(step)
                writers.submit(_write_png, path, image)
                paths.append(path)
        return paths[0]

    def finish(self) -> None:
        """Write the labels and, last, the manifests."""
        for (view, modality), folder in self.folders.items():
            if modality == "segmentation":
                labels = {label: list(colour) for label, colour in self._colours.items()}
                (folder / "labels.json").write_text(_as_json(labels), encoding="utf-8")
            finish_frames(folder, _as_json(self._manifest(view, modality)))

    def _manifest(self, view: str, modality: str) -> dict[str, Any]:
        camera = self._views[view].camera
        height, width = self._views[view].size
        pose = {"position": list(camera.position), "orientation_xyzw": list(camera.orientation)}
        about: dict[str, Any] = {
            "demo": self.demo,
            "view": view,
            "modality": modality,
            "width": width,
            "height": height,
            "camera": pose | {"focal_length_mm": camera.focal_length, "aperture_mm": camera.aperture},
            **self._facts,
        }
        if modality == "depth":
            about["units_per_metre"] = MILLIMETRES
        if modality == "normals":
            about["encoding"] = "x, y, z of the environment's frame, [-1, 1] to [0, 255]; 128, 128, 128: nothing hit"
        return about | {"frames": [{"step": step, "file": file_name(step)} for step in self._steps]}

    def _told(self, view: str, modality: str) -> dict[str, Any] | None:
        """Return a folder's manifest, None when there is none."""
        folder = self.folder(view, modality)
        return (read_json(folder / MANIFEST) or None) if is_frames(folder) else None


def _write_png(path: Path, image: Image) -> None:
    Pillow.fromarray(image).save(path, compress_level=COMPRESSION)


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"


def _all_there(folder: Path, manifest: dict[str, Any]) -> bool:
    """Return whether the files that a manifest names are there, and written to their ends."""
    try:
        files = [str(frame["file"]) for frame in manifest["frames"]]
    except (KeyError, TypeError):  # somebody has edited it
        return False
    labelled = manifest.get("modality") != "segmentation" or read_json(folder / "labels.json")
    return bool(labelled) and all(_ends(folder / Path(file).name) for file in files)


def _ends(path: Path) -> bool:
    """Return whether a PNG file has its end."""
    if not path.is_file() or path.stat().st_size <= len(_PNG_END):
        return False
    with path.open("rb") as file:
        file.seek(-len(_PNG_END), os.SEEK_END)
        return file.read() == _PNG_END
