"""Pinhole cameras, by what they stand or are mounted on: their rays, and where points come to lie in their images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.config.sections import CameraConfig, RenderConfig
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A camera with a resolution.

    Attributes:
        name: Name of the camera.
        camera: Pose, lens and resolution; `world_from_camera` in the environment's frame, (x, y, z, w), z forward and y
            down in the image. With a mount, here and below, that body's frame stands for the environment's.
    """

    name: str
    camera: CameraConfig

    @property
    def size(self) -> tuple[int, int]:
        """Height and width [pixels]."""
        assert self.camera.height is not None
        assert self.camera.width is not None
        return self.camera.height, self.camera.width

    @property
    def focal_pixels(self) -> float:
        """Focal length [pixels]; pixels are square."""
        return self.camera.focal_length / self.camera.aperture * self.size[1]

    @cached_property
    def rotation(self) -> Floats:
        """`world_from_camera` as a matrix, shape (3, 3); its columns are right, down and forward."""
        return rotation_matrices(np.asarray(self.camera.orientation))

    @property
    def position(self) -> Floats:
        """Position in the environment, shape (3,) [m]."""
        return np.asarray(self.camera.position, dtype=np.float64)

    @property
    def forward(self) -> Floats:
        """The direction in which it looks, shape (3,)."""
        return self.rotation[:, 2]

    def directions(self) -> Floats:
        """Return the unit vector through the middle of every pixel, in the environment, shape (height, width, 3)."""
        height, width = self.size
        right, down = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
        in_camera = np.stack([right, down, np.full_like(right, self.focal_pixels)], axis=-1)
        in_camera /= np.linalg.norm(in_camera, axis=-1, keepdims=True)
        return np.asarray(in_camera @ self.rotation.T)

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Return where points of the environment come to lie.

        Args:
            points: Shape (n, 3) [m].

        Returns:
            Column and row, shape (n, 2) [pixels], with (0, 0) at the image's upper left corner; and the distance along
            the camera's axis, shape (n,) [m], negative behind the camera.
        """
        in_camera = (points - self.position) @ self.rotation
        depth = in_camera[:, 2]
        height, width = self.size
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = self.focal_pixels * in_camera[:, :2] / depth[:, None] + np.array([width / 2, height / 2])
        return pixels, depth


def views_of(render: RenderConfig) -> tuple[View, ...]:
    """Return the views that a configuration wants rendered."""
    return tuple(View(name, camera) for name, camera in render.used().items())
