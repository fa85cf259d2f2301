"""The images of one view, of several frames at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import warp as wp
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.images import kernels
from mimicgen.datagen.embedded.images.placing import room, some
from mimicgen.datagen.embedded.images.scenery import Scenery
from mimicgen.datagen.embedded.images.surfaces import Surfaces

BITS = {"normals": kernels.NORMALS, "segmentation": kernels.SEGMENTATION, "depth": kernels.DEPTH, "rgb": kernels.RGB}

LARGE = 64
"""Pixels from which on a triangle is shared by threads of a GPU: one alone would keep all others waiting."""

LARGE_ONES, SHARERS = 1 << 18, 32
"""How many of these are noted at most, and how many threads share one."""

AT_ONCE = 4096
"""How many of them are worked on at once."""


class Canvas:
    """The images of one view, of several frames.

    Args:
        view: The view.
        modalities: What is drawn.
        surfaces: Of what.
        class_colour: Colours of segmentation by shape, and last that of nothing.
        frames: How many are drawn at once.
        far: What is farther away along a ray is not seen [m].
        placed: Where things are; of these, those that never move are looked at.
        scenery: The lights, and what is behind everything.
        mount: Number of the body that the camera moves with; `view.camera` has its pose there. To it everything moves,
            so nothing of its images stays.
        kept: How many images are kept.
    """

    def __init__(
        self,
        view: View,
        modalities: tuple[str, ...],
        surfaces: Surfaces,
        class_colour: wp.array,
        frames: int,
        far: float,
        placed: kernels.Placed,
        scenery: Scenery,
        *,
        mount: int | None,
        kept: int,
    ):
        self.view = view
        self._device = class_colour.device
        self._modalities, self._surfaces, self._class_colour = modalities, surfaces, class_colour
        self._far, self._mount, self._scenery = far, mount, scenery
        height, width = view.size
        self._count = height * width
        self._lens = kernels.Lens()
        self._lens.position = wp.vec3(*view.position)
        self._lens.world_from_camera = wp.mat33(*view.rotation.ravel())
        self._lens.focal, self._lens.near = view.focal_pixels, view.camera.near
        self._lens.width, self._lens.height = width, height
        self._look_along(view)
        self._lights = scenery.lights(self._device)
        lights = len(self._lights.towards)
        self._corners = self._empty((frames, len(surfaces.points)), wp.vec3)
        self._keys = self._empty((frames, self._count), wp.uint64)
        self._casts = "rgb" in modalities and mount is None
        self._shadows = self._empty((frames, lights, kernels.CELLS**2 if self._casts else 1), wp.uint8)
        self._pixels = self._images(kept)
        # What a camera that moves sees of what stands still, it sees in another place in every frame.
        still = 1 if mount is None else frames
        self._static_keys = self._empty((still, self._count), wp.uint64)
        self._static_shape = self._empty((still, self._count), wp.int32)
        self._static_normal = self._empty((still, self._count), wp.vec3)
        self._static_pixels = self._images(1)
        self._cells = self._empty((lights, self._count), wp.int32)
        self._backdrop = wp.full(self._count, class_colour[-1:].numpy()[0], dtype=wp.vec3ub, device=self._device)
        self._bare = wp.zeros(self._count, dtype=wp.uint8, device=self._device)
        self._world_from_view = self._empty((frames,), wp.transform)
        self._world_from_view.fill_(wp.transform_identity(wp.float32))
        self._large = self._empty((0 if self._device.is_cpu else LARGE_ONES,), wp.vec2i)
        self._larges = wp.zeros(1, dtype=wp.int32, device=self._device)
        if mount is None:
            self._draw_static(some(placed, 0, 1))

    def draw(self, placed: kernels.Placed, begin: int, end: int, into: int) -> None:
        """Draw some frames.

        Args:
            placed: Where things are.
            begin: The first of the frames.
            end: The one after the last.
            into: The image that the first one becomes.
        """
        count, world = end - begin, some(placed, begin, end)
        seen = world if self._mount is None else self._seen_from(world, begin)
        keys, shadows = self._keys[begin:end], self._shadows[begin:end]
        pixels = {name: rows[into : into + count] for name, rows in self._pixels.items()}
        static: tuple[wp.array, ...] = (self._static_keys, self._static_shape, self._static_normal)
        before = self._static_pixels
        if self._mount is not None:
            static, before = tuple(rows[begin:end] for rows in static), {}
            self._trace(seen, *static)
        self._launch(kernels.begin, (count, self._count), [static[0], keys])
        self._rasterise(seen, self._corners[begin:end], keys)
        if self._casts:
            self._cast(world, shadows)
        chosen = self._every_pixel
        if self._device.is_cpu and self._mount is None:
            # Here a thread that has nothing to do costs as much as one that has, and a copy nearly nothing.
            for name in self._modalities:
                wp.copy(pixels[name], before[name])
            chosen = wp.array(self._changed(keys.numpy()[0], shadows.numpy()[0]), dtype=wp.int32, device=self._device)
        about = (seen, world, self._world_from_view[begin:end])
        self._paint(chosen, about, self._surfaces.visible, keys, static, shadows, before, pixels)

    def images(self, count: int) -> dict[str, torch.Tensor]:
        """Return the first images by modality, on the device and without a copy of them."""
        found = {name: wp.to_torch(pixels[:count]) for name, pixels in self._pixels.items()}
        return {name: pixels.reshape(count, *self.view.size, *pixels.shape[2:]) for name, pixels in found.items()}

    def read(self, images: Mapping[str, NDArray[Any]], count: int) -> None:
        """Begin to copy the first images to the host, by modality."""
        for name, rows in images.items():
            pixels = self._pixels[name]
            flat = rows.reshape(count, self._count, *rows.shape[3:])
            host = wp.array(flat, dtype=pixels.dtype, device="cpu", copy=False)
            wp.copy(host, pixels, count=count * self._count)

    def _look_along(self, view: View) -> None:
        """Set the rays of all pixels."""
        directions = view.directions().reshape(-1, 3)
        along = directions @ view.forward
        # There is no near plane, so the rays begin there.
        origins = view.position + directions * (view.camera.near / along)[:, None]
        self._origins = wp.array(origins.astype(np.float32), dtype=wp.vec3, device=self._device)
        self._directions = wp.array(directions.astype(np.float32), dtype=wp.vec3, device=self._device)
        self._along = wp.array(along, dtype=wp.float64, device=self._device)
        self._nearly_along = wp.array(along, dtype=wp.float32, device=self._device)
        self._every_pixel = wp.array(np.arange(self._count), dtype=wp.int32, device=self._device)

    def _seen_from(self, world: kernels.Placed, begin: int) -> kernels.Placed:
        """Return where things are as seen from the body that the camera moves with."""
        frames, shapes = world.poses.shape
        seen = room(frames, shapes, self._device)
        seen.bodies = world.bodies
        where = self._world_from_view[begin : begin + frames]
        self._launch(
            kernels.place_before_body, (frames, shapes), [self._mount, world, self._surfaces.balls, seen, where]
        )
        return seen

    def _trace(self, seen: kernels.Placed, keys: wp.array, shape: wp.array, normal: wp.array) -> None:
        """Find what every ray hits of what never moves."""
        surfaces = self._surfaces
        self._launch(
            kernels.trace_static,
            keys.shape,
            [
                *(self._origins, self._directions, seen, surfaces.shapes, surfaces.static, self._far),
                *(keys, shape, normal),
            ],
        )

    def _rasterise(self, seen: kernels.Placed, corners: wp.array, keys: wp.array) -> None:
        """Find what is visible of what moves."""
        surfaces, count = self._surfaces, len(keys)
        rays, meshes = (self._origins, self._directions), (surfaces.shapes.size, surfaces.points)
        self._launch(
            kernels.project_vertices,
            (count, len(surfaces.points)),
            [self._lens, seen.poses, *meshes, surfaces.vertex_shape, corners],
        )
        self._launch(
            kernels.rasterise_solids,
            (count, len(surfaces.solids), self._lens.height),
            [self._lens, *rays, seen.poses, surfaces.shapes, surfaces.solids, keys],
        )
        about = [self._lens, *rays, self._nearly_along, seen.inverses, *meshes, corners]
        about += [surfaces.triangles, surfaces.triangle_shape]
        self._larges.zero_()
        most = kernels.EVERYTHING if self._device.is_cpu else LARGE
        self._launch(
            kernels.rasterise_triangles,
            (count, len(surfaces.triangles)),
            [*about, most, self._larges, self._large, keys],
        )
        if not self._device.is_cpu:
            self._launch(
                kernels.rasterise_large, (AT_ONCE, SHARERS), [*about, AT_ONCE, SHARERS, self._larges, self._large, keys]
            )

    def _cast(self, world: kernels.Placed, shadows: wp.array) -> None:
        """Find where, as seen from the lights, something that moves may be in the way."""
        surfaces, across = self._surfaces, shadows.shape[:2]
        shadows.zero_()
        faces = (surfaces.triangles, surfaces.triangle_shape)
        self._launch(
            kernels.cast_triangles,
            (*across, len(surfaces.triangles)),
            [world.poses, surfaces.shapes.size, surfaces.points, *faces, self._lights, shadows],
        )
        self._launch(
            kernels.cast_solids,
            (*across, len(surfaces.solids)),
            [world.poses, surfaces.shapes, surfaces.solids, self._lights, shadows],
        )

    def _changed(self, keys: NDArray[np.uint64], shadows: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the pixels that something moving may have changed."""
        changed = keys != self._static_keys.numpy()[0]
        if self._casts:
            for cells, marked in zip(self._cells.numpy(), shadows, strict=True):
                changed |= (cells == kernels.BEYOND) | ((cells >= 0) & (marked[cells] != 0))
        return np.flatnonzero(changed)

    def _draw_static(self, world: kernels.Placed) -> None:
        """Draw what never moves."""
        static = (self._static_keys, self._static_shape, self._static_normal)
        self._trace(world, *static)
        if self._casts:
            rays = (self._origins, self._directions)
            self._launch(kernels.find_cells, self._cells.shape, [*rays, self._lights, *static, self._cells])
            self._see_behind()
        about = (world, world, self._world_from_view)
        visible = self._surfaces.static
        keys, pixels = self._static_keys, self._static_pixels
        self._paint(self._every_pixel, about, visible, keys, static, self._shadows, {}, pixels)

    def _see_behind(self) -> None:
        """Find what is seen behind everything in colour."""
        distance = (self._static_keys.numpy()[0] >> np.uint64(32)).astype(np.uint32).view(np.float32)
        found = self._scenery.behind(self.view, self._static_shape.numpy()[0], distance)
        if found is not None:
            colours, where = found
            shown = np.where(where[:, None], colours, self._class_colour.numpy()[-1]).astype(np.uint8)
            self._backdrop = wp.array(shown, dtype=wp.vec3ub, device=self._device)
            self._bare = wp.array(where.astype(np.uint8), dtype=wp.uint8, device=self._device)

    def _paint(
        self,
        chosen: wp.array,
        about: tuple[Any, ...],
        casters: wp.array,
        keys: wp.array,
        static: tuple[wp.array, ...],
        shadows: wp.array,
        before: Mapping[str, wp.array],
        pixels: Mapping[str, wp.array],
    ) -> None:
        surfaces = self._surfaces
        self._launch(
            kernels.paint,
            (len(keys), len(chosen)),
            [
                *(self._lens, self._origins, self._directions, self._along, self.view.camera.far),
                *(chosen, *about, surfaces.shapes, casters, surfaces.moving),
                *(surfaces.points, surfaces.triangles, surfaces.triangle_shape),
                *(keys, *static, self._class_colour, surfaces.own_colour),
                *(self._lights, self._cells, shadows, self._backdrop, self._bare),
                *(sum(BITS[name] for name in self._modalities), _pixels(before), _pixels(pixels)),
            ],
        )

    def _launch(self, kernel: wp.Kernel, across: tuple[int, ...], inputs: list[Any]) -> None:
        wp.launch(kernel, dim=across, inputs=inputs, device=self._device)

    def _empty(self, shape: tuple[int, ...], kind: Any) -> wp.array:
        return wp.empty(shape, dtype=kind, device=self._device)

    def _images(self, frames: int) -> dict[str, wp.array]:
        kinds = {name: wp.uint16 if name == "depth" else wp.vec3ub for name in self._modalities}
        return {name: self._empty((frames, self._count), kind) for name, kind in kinds.items()}


def _pixels(images: Mapping[str, wp.array]) -> kernels.Pixels:
    """Return images for kernels."""
    found = kernels.Pixels()
    found.count = len(images)
    for name, pixels in images.items():
        setattr(found, name, pixels)
    return found
