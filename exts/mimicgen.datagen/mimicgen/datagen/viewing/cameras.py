"""Cameras of a recording: pinholes where they stand, or on the bodies that they move with, and what they have seen."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import rerun as rr
from PIL import Image as Pillow

from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.images.pixels import MILLIMETRES, Image
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.ours import MANIFEST, read_json
from mimicgen.datagen.viewing.colours import GREY
from mimicgen.datagen.viewing.film import RATE, SMALLEST, filmed
from mimicgen.datagen.viewing.moments import Moments
from mimicgen.datagen.viewing.scenery import WORLD, Scenery

CAMERAS = "cameras"
"""Entity of the cameras that stand still, below the world's."""

SHOWN_SIZE = (352, 640)
"""Height and width of a camera that nobody has rendered [pixels]."""

COMPRESSION = 3
"""Of PNG."""

PLANE = 0.12
"""How far before a camera its image is shown in 3D [m]."""


def cameras_in(images: Iterable[Images]) -> dict[str, CameraConfig]:
    """Return cameras where they were when they were rendered, as the manifests of their images tell."""
    told = {one.camera: _told_camera(read_json(one.folder / MANIFEST)) for one in images if one.folder is not None}
    return {name: camera for name, camera in told.items() if camera is not None}


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
        return str(rr.new_entity_path([*(on or [WORLD]), CAMERAS, name]))

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

    def show_images(
        self, recording: rr.RecordingStream, images: Images, frames: Iterable[Image], moments: Moments
    ) -> None:
        """Write images: colours as a video, depth, and what is too small for a video, as they are.

        Args:
            recording: Where to.
            images: What they are.
            frames: The images, one a step.
            moments: When steps were.
        """
        path = f"{self.path(images.camera)}/{images.modality}"
        if images.modality == "depth":
            told = rr.EncodedDepthImage.from_fields(meter=MILLIMETRES, media_type="image/png")
            recording.log(path, told, static=True)
            for step, image in enumerate(frames):
                recording.send_columns(path, moments.at([step]), rr.EncodedDepthImage.columns(blob=[_png(image)]))
            return
        if min(images.height, images.width) < SMALLEST:
            recording.log(path, rr.EncodedImage.from_fields(media_type="image/png"), static=True)
            for step, image in enumerate(frames):
                recording.send_columns(path, moments.at([step]), rr.EncodedImage.columns(blob=[_png(image)]))
            return
        film, count = filmed(frames)
        recording.log(path, rr.AssetVideo(contents=film, media_type="video/mp4"), static=True)
        at = [number * 1_000_000_000 // RATE for number in range(count)]
        recording.send_columns(path, moments.at(range(count)), rr.VideoFrameReference.columns_nanos(at))


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


def _png(image: Image) -> bytes:
    packed = io.BytesIO()
    Pillow.fromarray(image).save(packed, "PNG", compress_level=COMPRESSION)
    return packed.getvalue()
