"""Frames on disk: where they lie, what is made of them, and what says that a folder is complete.

Layout::

    <camera>_<modality>/demo_000012/0000.png       the state before step 0
    <camera>_<modality>/demo_000012/frames.mkv     or all of them, as a video without loss
    <camera>_<modality>/demo_000012/labels.json    colour of every class, beside segmentation
    <camera>_<modality>/demo_000012/manifest.json  which frame is which step; written last, so it marks completeness
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import SHADED, RenderConfig
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.images.pixels import MILLIMETRES, Colour
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, VIDEO, is_frames, is_ours, read_json
from mimicgen.datagen.dataset.replacing import begin_frames, finish_frames
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering import encoder
from mimicgen.datagen.rendering.encoding import Batch, Encoders, unfinished

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
"""Last bytes of a PNG file."""


def file_name(step: int) -> str:
    """Return the file name of a step's image."""
    return f"{step:04d}.png"


class DemoFrames:
    """The frames of one demonstration, and its videos to look at.

    Args:
        root: The run's output folder.
        demo: Name of the demonstration.
        config: What is rendered.
        facts: What the manifests say about the demonstration and the rendering.
        colours: Colours of the classes in segmentation images.
    """

    def __init__(
        self, root: Path, demo: str, config: RenderConfig, facts: dict[str, Any], colours: Mapping[str, Colour]
    ):
        self._root = root
        self.demo = demo
        self._config = config
        self._views = {view.name: view for view in views_of(config)}
        self._modalities = config.drawn()
        self._colours = colours
        self._facts = json.loads(json.dumps(facts))  # as it will be read back
        self._steps: list[int] = []
        self._films: dict[Path, tuple[str, str, tuple[str, ...]]] = {}
        self._pending: list[Future[None]] = []
        self._only_videos = False

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
            different = sorted(
                key for key in expected if key not in ("frames", "bytes") and manifest.get(key) != expected[key]
            )
            if different:
                key = different[0]
                raise OutputError(
                    f"output '{self.folder(view, modality)}' has complete frames of something else "
                    f"({key} = {manifest.get(key)!r}, now {expected[key]!r}); "
                    "start afresh (--fresh) to move older frames aside, or choose another --output-dir"
                )
        return all(
            manifest is not None and all_there(folder, manifest)
            for folder, manifest in zip(self.folders.values(), found, strict=True)
        )

    def lacks_videos(self) -> bool:
        """Return whether a video to look at is missing, or empty."""
        return any(not os.path.lexists(path) or is_ours(path) for path in self._videos())

    def written(self) -> dict[tuple[str, str], WrittenImages]:
        """Return the images, which are complete, by view and modality."""
        return {key: WrittenImages(folder) for key, folder in self.folders.items()}

    def begin(self, *, only_videos: bool = False) -> None:
        """Make the folders; what an earlier rendering left in them goes, and nothing else.

        Args:
            only_videos: The frames are complete, and only videos to look at are made of them.

        Raises:
            OutputError: One of them was not made by a rendering, or cannot be written.
        """
        self._steps, self._only_videos = [], only_videos
        self._films = {
            path: film for path, film in self._videos().items() if not os.path.lexists(path) or is_ours(path)
        }
        for path in self._films:
            writable_folder(path.parent)
        if only_videos:
            return
        for (view, modality), folder in self.folders.items():
            begin_frames(folder)
            if self._config.format == "video":
                self._films[folder / VIDEO] = (view, modality, (modality,))

    def add(self, steps: Sequence[int], batch: Batch, encoders: Encoders) -> Path | None:
        """Have files made of a batch of frames; return where the last image of one will be, if it is a file."""
        latest = None
        if self._config.format == "png" and not self._only_videos:
            for (view, modality), folder in self.folders.items():
                paths = tuple(folder / file_name(step) for step in steps)
                latest = latest or paths[-1]
                self._pending.append(
                    encoders.submit(encoder.Images(paths, batch.where(view, modality, len(steps))), batch)
                )
        if not self._steps:
            encoders.share_out({path: f"{view} {kind} {path.suffix}" for path, (view, kind, _) in self._films.items()})
        for path, (view, kind, modalities) in self._films.items():
            pixels = {name: batch.where(view, name, len(steps)) for name in modalities}
            self._pending.append(encoders.submit(encoder.Frames(path, kind, pixels), batch))
        self._steps.extend(steps)
        return latest

    def end(self, encoders: Encoders, *, whole: bool) -> None:
        """Have the videos ended, or, unless the demonstration is whole, have nothing left of them."""
        if self._steps:
            self._pending.extend(encoders.submit(encoder.End(path, whole)) for path in self._films)

    def is_written(self) -> bool:
        """Return whether everything is on the disk.

        Raises:
            OutputError: A file could not be written.
        """
        self._pending = unfinished(self._pending)
        return not self._pending

    def finish(self) -> None:
        """Write the labels and, last, the manifests, unless they are there."""
        if self._only_videos:
            return
        for (view, modality), folder in self.folders.items():
            if modality == "segmentation":
                labels = {label: list(colour) for label, colour in self._colours.items()}
                (folder / "labels.json").write_text(_as_json(labels), encoding="utf-8")
            finish_frames(folder, _as_json(self._manifest(view, modality)))

    def _videos(self) -> dict[Path, tuple[str, str, tuple[str, ...]]]:
        """Return the videos to look at: the view, the kind, and the modalities that they are made of."""
        return {
            self._root / f"{view}_{kind}" / f"{demo_folder(self.demo)}.mp4": (view, kind, made_of(kind))
            for view in self._views
            for kind in self._config.videos
        }

    def _manifest(self, view: str, modality: str) -> dict[str, Any]:
        camera = self._views[view].camera
        height, width = self._views[view].size
        pose: dict[str, Any] = {"position": list(camera.position), "orientation_xyzw": list(camera.orientation)}
        if camera.mount is not None:
            pose["mount"] = camera.mount
        about: dict[str, Any] = {
            "demo": self.demo,
            "view": view,
            "modality": modality,
            "format": self._config.format,
            "width": width,
            "height": height,
            "camera": pose | {"focal_length_mm": camera.focal_length, "aperture_mm": camera.aperture},
            **self._facts,
        }
        if modality == "depth":
            about["units_per_metre"] = MILLIMETRES
        if modality == "normals":
            about["encoding"] = "x, y, z of the environment's frame, [-1, 1] to [0, 255]; 128, 128, 128: nothing hit"
        if self._config.format == "png":
            return about | {"frames": [{"step": step, "file": file_name(step)} for step in self._steps]}
        path = self.folder(view, modality) / VIDEO
        about["bytes"] = path.stat().st_size if path.is_file() else 0
        return about | {"frames": [{"step": step, "file": VIDEO} for step in self._steps]}

    def _told(self, view: str, modality: str) -> dict[str, Any] | None:
        """Return a folder's manifest, None when there is none."""
        folder = self.folder(view, modality)
        told = (read_json(folder / MANIFEST) or None) if is_frames(folder) else None
        return {"format": "png"} | told if told is not None else None  # the only one, once


def made_of(kind: str) -> tuple[str, ...]:
    """Return the modalities that a video to look at is made of."""
    return ("segmentation", "normals") if kind == SHADED else (kind,)


def _as_json(content: Any) -> str:
    return json.dumps(content, indent=1) + "\n"


def all_there(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether the files that a manifest names are there, and written to their ends."""
    try:
        files = {str(frame["file"]) for frame in manifest["frames"]}
    except (KeyError, TypeError):  # somebody has edited it
        return False
    labelled = manifest.get("modality") != "segmentation" or read_json(folder / "labels.json")
    return bool(labelled) and bool(files) and all(_is_whole(folder / Path(file).name, manifest) for file in files)


def _is_whole(path: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether a file is there to its end."""
    if not path.is_file():
        return False
    if path.name == VIDEO:
        return path.stat().st_size == manifest.get("bytes")
    if path.stat().st_size <= len(_PNG_END):
        return False
    with path.open("rb") as file:
        file.seek(-len(_PNG_END), os.SEEK_END)
        return file.read() == _PNG_END
