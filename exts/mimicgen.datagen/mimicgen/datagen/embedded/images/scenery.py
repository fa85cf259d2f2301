"""What is around a scene: its lights, and in colour images walls or a picture behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import warp as wp
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from mimicgen.datagen.dataset.images.looks import AMBIENT, Light, Look, Walls
from mimicgen.datagen.dataset.images.pixels import BACKGROUND, from_linear, to_linear
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.images.kernels import shading
from mimicgen.datagen.errors import SetupError

Floats = NDArray[np.float64]

LIGHT = Light(towards=(1.0, -1.0, 1.0), colour=(1.0, 1.0, 1.0), strength=1.0)
"""Newton's default light."""

PLASTER = (0.8, 0.8, 0.78)
"""The colour of walls before they are painted."""


class Scenery:
    """What is around a scene with a look, or without one.

    Args:
        look: The look.
        labels: The class of each shape.
        folder: The pictures that may be behind.
    """

    def __init__(self, look: Look | None, labels: NDArray[np.str_], folder: Path | None):
        self._look, self._folder = look, folder
        self._is_ground = labels == "ground"

    def lights(self, device: wp.Device) -> shading.Lights:
        """Return the lights, where they are needed."""
        look = self._look
        if look is None:
            return lights_of([LIGHT], AMBIENT, device)
        return lights_of(look.lights or [LIGHT], look.ambient, device)

    def behind(
        self, view: View, shapes: NDArray[np.int32], distance: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        """Return what a view shows behind the scene in colour: a picture, or walls; None where there is nothing.

        The ground reaches to the horizon, so it gives way: to a picture everywhere, to walls where it is behind them.

        Args:
            view: The view.
            shapes: What each pixel shows of what never moves, -1 for nothing, shape (height * width,).
            distance: How far away that is along the pixel's ray [m].

        Returns:
            Colours, shape (height * width, 3), and where they are seen.

        Raises:
            SetupError: The picture cannot be read.
        """
        look = self._look
        if look is None:
            return None
        open_to_it = (shapes < 0) | self._is_ground[shapes]
        if look.background is not None:
            assert self._folder is not None
            return _picture(self._folder.expanduser() / look.background, view.size), open_to_it
        if look.walls is None:
            return None
        ways, normals = _walls(look.walls, view)
        lights = look.lights or [LIGHT]
        painted = look.paints[BACKGROUND].over(PLASTER)
        return _lit(painted, normals, lights, look.ambient), open_to_it & (ways < distance)


def _picture(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the pixels of a picture that fills an image of a height and width."""
    try:
        with Pillow.open(path) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), size[::-1], Pillow.Resampling.LANCZOS)
    except (OSError, ValueError, Pillow.DecompressionBombError) as error:
        raise SetupError(f"render.looks.backgrounds: '{path}' is no picture ({error}); take it away") from error
    return np.asarray(fitted).reshape(-1, 3)


def _walls(walls: Walls, view: View) -> tuple[Floats, Floats]:
    """Return how far away walls are along the rays of a view [m], and their normals there."""
    rays = view.directions().reshape(-1, 3)
    cos, sin = np.cos(walls.yaw), np.sin(walls.yaw)
    turned = np.array([[cos, sin], [-sin, cos]])
    along, begin = rays[:, :2] @ turned.T, turned @ (view.position[:2] - walls.middle)
    away = np.where(np.abs(along) > 1e-9, along, 1e-9)
    ways = (walls.distance * np.sign(away) - begin) / away
    rows, which = np.arange(len(rays)), np.argmin(ways, axis=1)
    inwards = np.zeros((len(rays), 2))
    inwards[rows, which] = -np.sign(away[rows, which])
    return ways[rows, which], np.column_stack([inwards @ turned, np.zeros(len(rays))])


def _lit(colour: Floats, normals: Floats, lights: Sequence[Light], ambient: float) -> NDArray[np.uint8]:
    """Return the bytes of a colour on upright walls, as `shading.shaded` has them, without shadows."""
    around = 0.5 * (np.array(shading.SKY) + np.array(shading.GROUND)) * ambient
    light = np.repeat(around[None], len(normals), axis=0)
    for one in lights:
        facing = np.maximum(normals @ np.array(one.towards), 0.0)
        light += facing[:, None] * np.array(one.colour) * one.strength
    seen = from_linear(to_linear(colour) * light)
    return (np.clip(seen, 0.0, 1.0) * 255).astype(np.uint8)


def lights_of(lights: Sequence[Light], ambient: float, device: wp.Device) -> shading.Lights:
    """Return directional lights, where they are needed."""
    found = shading.Lights()
    towards = np.array([light.towards for light in lights])
    ahead = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    # Any two axes across will do.
    across = np.cross(ahead, np.where(np.abs(ahead[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    found.towards, found.across = (wp.array(rows, dtype=wp.vec3, device=device) for rows in (ahead, across))
    found.upwards = wp.array(np.cross(ahead, across), dtype=wp.vec3, device=device)
    colours = np.array([np.array(light.colour) * light.strength for light in lights])
    found.colour = wp.array(colours, dtype=wp.vec3, device=device)
    found.ambient = ambient
    return found
