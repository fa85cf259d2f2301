"""Cameras of a recording: pinholes where they stand, or on the bodies that they move with, and what they have seen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import msgspec
import rerun as rr
from numpy.typing import NDArray
from PIL import Image as Pillow

from mimicgen.datagen.config.sections import MODALITIES, CameraConfig
from mimicgen.datagen.dataset.files import main_arrays
from mimicgen.datagen.dataset.images.pixels import MILLIMETRES
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import MANIFEST, is_frames, read_json
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.dataset.sources.structure import is_images
from mimicgen.datagen.viewing.colours import GREY
from mimicgen.datagen.viewing.film import RATE, filmed
from mimicgen.datagen.viewing.moments import Moments
from mimicgen.datagen.viewing.scenery import WORLD, Scenery

CAMERAS = "cameras"
"""Entity of the cameras that stand still, below the world's."""

SHOWN_SIZE = (352, 640)
"""Height and width of a camera that nobody has rendered [pixels]."""

COMPRESSION = 3
"""Of depth's PNG."""

PLANE = 0.12
"""How far before a camera its image is shown in 3D [m]."""


@dataclass(frozen=True)
class Images:
    """Images of one camera and modality.

    Attributes:
        camera: Name of the camera.
        modality: What they show.
        steps: The step that each belongs to.
        read: Returns them in order.
    """

    camera: str
    modality: str
    steps: Sequence[int]
    read: Callable[[], Iterator[NDArray[Any]]]


def rendered(records: Path, demo: str) -> tuple[dict[str, CameraConfig], list[Images]]:
    """Return what was rendered of a demonstration: the cameras as they were, and their images.

    Args:
        records: Folder of a run's outputs, with `<camera>_<modality>/<demonstration>/manifest.json`.
        demo: The demonstration's name in the dataset.
    """
    cameras: dict[str, CameraConfig] = {}
    found: list[Images] = []
    for modality in MODALITIES:
        for folder in sorted(records.glob(f"*_{modality}/{demo_folder(demo)}")):
            if not is_frames(folder) or not (folder / MANIFEST).is_file():
                continue
            written = WrittenImages(folder)
            if len(written):
                name = folder.parent.name.removesuffix(f"_{modality}")
                camera = _told_camera(read_json(folder / MANIFEST))
                if camera is not None:
                    cameras.setdefault(name, camera)
                found.append(Images(name, modality, written.steps, _all_of(written)))
    return cameras, found


def observed(demo: h5py.Group) -> list[Images]:
    """Return the images that are among a demonstration's observations, which are of the moments before its steps."""
    found = []
    for path, array in main_arrays(demo).items():
        name = path.removeprefix("obs/")
        modality = next((one for one in MODALITIES if name.endswith(f"_{one}")), "")
        depth = modality == "depth" and array.dtype == "uint16" and array.ndim == 3
        if depth or (is_images(path, array.shape) and array.shape[3] == 3 and array.dtype == "uint8"):
            camera = name.removesuffix(f"_{modality}") if modality else name
            found.append(Images(camera, modality or "rgb", range(len(array)), _rows_of(array)))
    return found


class Cameras:
    """The cameras of a demonstration, and their entities.

    Args:
        cameras: By name.
        scenery: What they may be mounted on.
    """

    def __init__(self, cameras: Mapping[str, CameraConfig], scenery: Scenery):
        self._views = {name: View(name, _sized(camera)) for name, camera in cameras.items()}
        self._scenery = scenery

    def path(self, name: str) -> str:
        """Return the entity of a camera."""
        view = self._views.get(name)
        on = self._scenery.path_of(view.camera.mount) if view is not None and view.camera.mount else None
        return rr.new_entity_path([*(on or [WORLD]), CAMERAS, name])

    def show(self, recording: rr.RecordingStream) -> None:
        """Write where the cameras are."""
        for name, view in self._views.items():
            height, width = view.size
            camera = view.camera
            recording.log(
                self.path(name),
                rr.Transform3D(translation=camera.position, quaternion=camera.orientation),
                rr.Pinhole(
                    focal_length=view.focal_pixels, width=width, height=height, image_plane_distance=PLANE, color=GREY
                ),
                static=True,
            )

    def show_images(self, recording: rr.RecordingStream, images: Images, moments: Moments) -> None:
        """Write images: colours as a video, depth as it is, a frame an image."""
        path = f"{self.path(images.camera)}/{images.modality}"
        if images.modality == "depth":
            for step, image in zip(images.steps, images.read(), strict=False):
                alive()
                recording.send_columns(
                    path, moments.at([step]), rr.EncodedDepthImage.columns(blob=[_png(image)], media_type=["image/png"])
                )
            recording.log(path, rr.EncodedDepthImage.from_fields(meter=MILLIMETRES), static=True)
            return
        recording.log(path, rr.AssetVideo(contents=filmed(images.read()), media_type="video/mp4"), static=True)
        at = [number * 1_000_000_000 // RATE for number in range(len(images.steps))]
        recording.send_columns(path, moments.at(images.steps), rr.VideoFrameReference.columns_nanos(at))


def _told_camera(told: Mapping[str, Any]) -> CameraConfig | None:
    """Return the camera of which a manifest tells, None where it tells of none."""
    names = {"orientation_xyzw": "orientation", "focal_length_mm": "focal_length", "aperture_mm": "aperture"}
    camera = told.get("camera")
    if not isinstance(camera, dict):
        return None
    said = {names.get(key, key): value for key, value in camera.items()}
    try:
        return msgspec.convert(said | {key: told.get(key) for key in ("width", "height")}, CameraConfig)
    except msgspec.ValidationError:  # whoever wrote it
        return None


def _sized(camera: CameraConfig) -> CameraConfig:
    """Return a camera with a size of its images."""
    height, width = SHOWN_SIZE
    return msgspec.structs.replace(camera, height=camera.height or height, width=camera.width or width)


def _all_of(written: WrittenImages) -> Callable[[], Iterator[NDArray[Any]]]:
    return lambda: written.some(0, len(written))


def _rows_of(array: h5py.Dataset) -> Callable[[], Iterator[NDArray[Any]]]:
    return lambda: (array[index] for index in range(len(array)))


def _png(image: NDArray[Any]) -> bytes:
    packed = io.BytesIO()
    Pillow.fromarray(image).save(packed, "PNG", compress_level=COMPRESSION)
    return packed.getvalue()
