"""Where the images of a demonstration are: in folders that a rendering wrote, or in the dataset itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.files import natural_order
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder, why_not
from mimicgen.datagen.dataset.ours import MANIFEST, read_json
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.sources.raw import read_states
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.errors import SourceError

_CAMERA = re.compile("[A-Za-z0-9_-]{1,100}")
"""What a camera may be called whose name becomes that of a folder and of a feature."""

_LOOK = re.compile("_look_[0-9]{6}")
"""Ends the folder of a look's images."""

_AT_ONCE = 16
"""Frames of a dataset that are read at once."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images of one camera and modality of a demonstration, one a step.

    Attributes:
        camera: The camera.
        modality: What of its view is shown.
        height: [pixels]
        width: [pixels]
        folder: Where they are as files; None where they are in the dataset.
        array: Path of the array in the demonstration; None where they are files.
    """

    camera: str
    modality: str
    height: int
    width: int
    folder: Path | None = None
    array: str | None = None

    @property
    def name(self) -> str:
        """What they are called among others: colour by the camera alone."""
        return self.camera if self.modality == "rgb" else f"{self.camera}_{self.modality}"

    def frames(self, demo: h5py.Group) -> Iterator[Image]:
        """Yield all images in order, (height, width, 3) uint8, or (height, width) uint16 millimetres for depth.

        Args:
            demo: The demonstration.

        Raises:
            SourceError: They cannot be read, or an image has another size.
        """
        shape = (self.height, self.width) if self.modality == "depth" else (self.height, self.width, 3)
        for image in self._written() if self.folder is not None else self._recorded(demo):
            if image.shape != shape:
                raise SourceError(f"images '{self.folder or self.array}': one has shape {image.shape}, others {shape}")
            alive(image.nbytes)
            yield image

    def at(self, demo: h5py.Group, step: int) -> Image:
        """Return one image.

        Raises:
            SourceError: It cannot be read.
        """
        if self.folder is not None:
            return WrittenImages(self.folder)[step]
        image: Image = demo[self.array][step]
        return image

    def _written(self) -> Iterator[Image]:
        assert self.folder is not None
        images = WrittenImages(self.folder)
        return images.some(0, len(images))

    def _recorded(self, demo: h5py.Group) -> Iterator[Image]:
        array = demo[self.array]
        for begin in range(0, len(array), _AT_ONCE):
            yield from array[begin : begin + _AT_ONCE]


def images_in(folder: Path, demo: str, group: h5py.Group, steps: int) -> dict[str, tuple[Images, ...]]:
    """Return the images that a rendering wrote of a demonstration, or of each of its looks, by what it is called.

    Args:
        folder: The rendering's output folder.
        demo: Name of the demonstration.
        group: The demonstration.
        steps: How many steps it has.

    Raises:
        SourceError: There are images of it that do not serve; the message is for a list of reasons.
    """
    own = demo_folder(demo)
    digest = None
    found: dict[str, list[Images]] = {}
    for manifest in _manifests(folder, own):
        told = read_json(manifest)
        view, modality, name = told.get("view"), told.get("modality"), told.get("demo")
        if modality not in MODALITIES or not isinstance(view, str) or not isinstance(name, str):
            continue
        digest = digest or StateSequence.of(*map(read_states, (group["initial_state"], group["states"]))).digest()
        if told.get("states") != digest:
            raise SourceError(f"the images in '{manifest.parent}' are of another demonstration; render this one again")
        shown = [frame.get("step") for frame in told.get("frames", []) if isinstance(frame, dict)]
        if shown != list(range(steps)):
            raise SourceError(
                f"the images in '{manifest.parent}' show {len(shown)} of its {steps} steps; render every one"
            )
        height, width = told.get("height"), told.get("width")
        if not isinstance(height, int) or not isinstance(width, int) or why_not(name.encode(), demo=True):
            raise SourceError(f"the manifest in '{manifest.parent}' is damaged; render this demonstration again")
        _check_camera(view)
        image = Images(camera=view, modality=modality, height=height, width=width, folder=manifest.parent)
        found.setdefault(name, []).append(image)
    return {name: _sorted(found[name]) for name in sorted(found, key=natural_order)}


def images_of(group: h5py.Group, steps: int) -> tuple[Images, ...]:
    """Return the images that are recorded in a demonstration itself.

    Args:
        group: The demonstration.
        steps: How many steps it has.

    Raises:
        SourceError: A camera has a name that serves for no feature.
    """
    observed = group.get("obs")
    found = []
    for name, array in observed.items() if isinstance(observed, h5py.Group) else ():
        if not isinstance(array, h5py.Dataset) or len(array.shape) < 3 or len(array) != steps:
            continue
        camera, modality = _named(name)
        colours = array.ndim == 4 and array.shape[3] == 3 and array.dtype == "uint8"
        depths = modality == "depth" and array.ndim == 3 and array.dtype == "uint16"
        if not (depths if modality == "depth" else colours):
            continue
        _check_camera(camera)
        height, width = array.shape[1:3]
        found.append(Images(camera=camera, modality=modality, height=height, width=width, array=f"obs/{name}"))
    return _sorted(found)


def find_folder(candidates: Sequence[Path], demo: str, group: h5py.Group) -> Path | None:
    """Return the first folder with images of a demonstration, told by its states; None where there is none."""
    digest = None
    for folder in candidates:
        for manifest in _manifests(folder, demo_folder(demo)):
            digest = digest or StateSequence.of(*map(read_states, (group["initial_state"], group["states"]))).digest()
            if read_json(manifest).get("states") == digest:
                return folder
    return None


def _manifests(folder: Path, own: str) -> Iterator[Path]:
    """Yield the manifests of a demonstration, or of its looks, that a rendering wrote."""
    for view in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not view.name.endswith(tuple(f"_{modality}" for modality in MODALITIES)) or not view.is_dir():
            continue
        for place in sorted(view.iterdir()):
            whose = place.name
            if (whose == own or _LOOK.fullmatch(whose.removeprefix(own))) and (place / MANIFEST).is_file():
                yield place / MANIFEST


def _named(name: str) -> tuple[str, str]:
    """Return camera and modality of what an observation is called; what says no modality is colour."""
    for modality in MODALITIES:
        if name.endswith(f"_{modality}"):
            return name.removesuffix(f"_{modality}"), modality
    return name, "rgb"


def _check_camera(name: str) -> None:
    if not _CAMERA.fullmatch(name):
        raise SourceError(
            f"a camera is called {json.dumps(name)}: only letters, digits, - and _ serve for a feature; rename it"
        )


def _sorted(images: Sequence[Images]) -> tuple[Images, ...]:
    return tuple(sorted(images, key=lambda image: natural_order(image.name)))
