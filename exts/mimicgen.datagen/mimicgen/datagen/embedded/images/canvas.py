"""The images of one view, of several frames at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import warp as wp
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.images.kernels import choosing, covering, hitting, scene, shading
from mimicgen.datagen.embedded.images.placing import room, some
from mimicgen.datagen.embedded.images.scenery import Scenery
from mimicgen.datagen.embedded.images.surfaces import Surfaces

BITS = {
    "normals": hitting.NORMALS,
    "segmentation": hitting.SEGMENTATION,
    "depth": hitting.DEPTH,
    "rgb": hitting.COLOUR,
}

LARGE = 64
"""Pixels from which on a triangle is shared by threads of a GPU: one alone would keep all others waiting."""

LARGE_ONES, SHARERS = 1 << 18, 32
"""How many of these are noted at most, and how many threads share one."""

AT_ONCE = 4096
"""How many of them are worked on at once."""

PAINTERS = 1 << 18
"""Threads of a GPU that share the pixels to be made; on a CPU one makes them all."""


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
        placed: scene.Placed,
        scenery: Scenery,
        *,
        mount: int | None,
        kept: int,
    ):
        self.view = view
        self._device = class_colour.device
        self._modalities, self._surfaces, self._class_colour = modalities, surfaces, class_colour
        self._far, self._mount, self._scenery = far, mount, scenery
        self._count = view.size[0] * view.size[1]
        self._lens = lens_of(view, self._device)
        self._wanted = sum(BITS[name] for name in modalities)
        self._painters = 1 if self._device.is_cpu else PAINTERS
        self._lights = scenery.lights(self._device)
        lights = len(self._lights.towards)
        self._corners = self._empty((frames, len(surfaces.meshes.points)), wp.vec3)
        self._keys = self._empty((frames, self._count), wp.uint64)
        self._casts = "rgb" in modalities and mount is None
        self._pixels = self._images(kept)
        # What a camera that moves sees of what stands still, it sees in another place in every frame.
        still = 1 if mount is None else frames
        self._static = hitting.Static()
        self._static.keys = self._empty((still, self._count), wp.uint64)
        self._static.shape = self._empty((still, self._count), wp.int32)
        self._static.normal = self._empty((still, self._count), wp.vec3)
        self._static_pixels = self._images(1)
        self._around = shading.Surroundings()
        self._around.cells = self._empty((lights, self._count), wp.int32)
        self._around.shadows = self._empty((frames, lights, shading.BEYOND + 1 if self._casts else 1), wp.uint8)
        nothing = class_colour[-1:].numpy()[0]
        self._around.backdrop = wp.full(self._count, nothing, dtype=wp.vec3ub, device=self._device)
        self._around.bare = wp.zeros(self._count, dtype=wp.uint8, device=self._device)
        self._world_from_view = self._empty((frames,), wp.transform)
        self._world_from_view.fill_(wp.transform_identity(wp.float32))
        self._chosen = self._empty((frames, self._count), wp.int32)
        self._changed = self._empty((frames,), wp.int32)
        self._large = self._empty((0 if self._device.is_cpu else LARGE_ONES,), wp.vec2i)
        self._larges = wp.zeros(1, dtype=wp.int32, device=self._device)
        if mount is None:
            self._draw_static(some(placed, 0, 1))

    def draw(self, placed: scene.Placed, begin: int, end: int, into: int) -> None:
        """Draw some frames.

        Args:
            placed: Where things are.
            begin: The first of the frames.
            end: The one after the last.
            into: The image that the first one becomes.
        """
        count, world = end - begin, some(placed, begin, end)
        seen = world if self._mount is None else self._seen_from(world, begin)
        keys, shadows = self._keys[begin:end], self._around.shadows[begin:end]
        pixels = {name: rows[into : into + count] for name, rows in self._pixels.items()}
        static, before = self._static, self._static_pixels
        if self._mount is not None:
            static, before = _some(static, begin, end), {}
            self._trace(seen, static)
        self._launch(scene.begin, (count, self._count), [static.keys, keys])
        self._rasterise(seen, self._corners[begin:end], keys)
        if self._casts:
            self._cast(world, shadows)
        where = (seen, self._world_from_view[begin:end])
        self._paint(begin, where, world, self._surfaces.visible, keys, static, shadows, before, pixels)

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

    def _seen_from(self, world: scene.Placed, begin: int) -> scene.Placed:
        """Return where things are as seen from the body that the camera moves with."""
        frames, shapes = world.poses.shape
        seen = room(frames, shapes, self._device)
        seen.bodies = world.bodies
        where = self._world_from_view[begin : begin + frames]
        self._launch(scene.place_before_body, (frames, shapes), [self._mount, world, self._surfaces.balls, seen, where])
        return seen

    def _trace(self, seen: scene.Placed, static: hitting.Static) -> None:
        """Find what every ray hits of what never moves."""
        surfaces = self._surfaces
        about = [self._lens, seen, surfaces.shapes, surfaces.static, self._far, static]
        self._launch(hitting.trace_static, static.keys.shape, about)

    def _rasterise(self, seen: scene.Placed, corners: wp.array, keys: wp.array) -> None:
        """Find what is visible of what moves."""
        surfaces, count = self._surfaces, len(keys)
        size, meshes = surfaces.shapes.size, surfaces.meshes
        self._launch(
            scene.project_vertices, (count, len(meshes.points)), [self._lens, seen.poses, size, meshes, corners]
        )
        self._launch(
            covering.rasterise_solids,
            (count, len(surfaces.solids), self._lens.height),
            [self._lens, seen.poses, surfaces.shapes, surfaces.solids, keys],
        )
        about = [self._lens, seen.inverses, size, meshes, corners]
        most = LARGE if len(self._large) else covering.EVERYTHING
        self._larges.zero_()
        self._launch(
            covering.rasterise_triangles,
            (count, len(meshes.triangles)),
            [*about, most, self._larges, self._large, keys],
        )
        if len(self._large):
            shared = [*about, AT_ONCE, SHARERS, self._larges, self._large, keys]
            self._launch(covering.rasterise_large, (AT_ONCE, SHARERS), shared)

    def _cast(self, world: scene.Placed, shadows: wp.array) -> None:
        """Find where, as seen from the lights, something that moves may be in the way."""
        surfaces, across = self._surfaces, shadows.shape[:2]
        shadows.zero_()
        self._launch(
            shading.cast_triangles,
            (*across, len(surfaces.meshes.triangles)),
            [world.poses, surfaces.shapes.size, surfaces.meshes, self._lights, shadows],
        )
        self._launch(
            shading.cast_solids,
            (*across, len(surfaces.solids)),
            [world.poses, surfaces.shapes, surfaces.solids, self._lights, shadows],
        )

    def _draw_static(self, world: scene.Placed) -> None:
        """Draw what never moves."""
        self._trace(world, self._static)
        if self._casts:
            about = [self._lens, self._lights, self._static, self._around.cells]
            self._launch(shading.find_cells, self._around.cells.shape, about)
            self._see_behind()
        where, around = (world, self._world_from_view), (self._static, self._around.shadows)
        casters, keys = self._surfaces.static, self._static.keys
        self._paint(0, where, world, casters, keys, *around, {}, self._static_pixels)

    def _see_behind(self) -> None:
        """Find what is seen behind everything in colour."""
        distance = (self._static.keys.numpy()[0] >> np.uint64(32)).astype(np.uint32).view(np.float32)
        found = self._scenery.behind(self.view, self._static.shape.numpy()[0], distance)
        if found is not None:
            colours, where = found
            shown = np.where(where[:, None], colours, self._class_colour.numpy()[-1]).astype(np.uint8)
            self._around.backdrop = wp.array(shown, dtype=wp.vec3ub, device=self._device)
            self._around.bare = wp.array(where.astype(np.uint8), dtype=wp.uint8, device=self._device)

    def _paint(
        self,
        begin: int,
        where: tuple[scene.Placed, wp.array],
        world: scene.Placed,
        casters: wp.array,
        keys: wp.array,
        static: hitting.Static,
        shadows: wp.array,
        before: Mapping[str, wp.array],
        pixels: Mapping[str, wp.array],
    ) -> None:
        """Set the pixels of frames from one on, from what is visible in them and where that is."""
        surfaces, across, images = self._surfaces, keys.shape, _pixels(pixels)
        around = shading.Surroundings()
        around.cells, around.shadows = self._around.cells, shadows
        around.backdrop, around.bare = self._around.backdrop, self._around.bare
        if before:
            self._launch(choosing.restore, across, [self._wanted, _pixels(before), images])
        changed, chosen = self._changed[begin : begin + 1], self._chosen[begin : begin + len(keys)].flatten()
        changed.zero_()
        parts = (len(keys), -(-self._count // choosing.PART))
        self._launch(choosing.choose, parts, [keys, self._wanted, around, _pixels(before), changed, chosen])
        about = [self._lens, changed, chosen, self._painters]
        about += [*where, surfaces.shapes, surfaces.moving, surfaces.meshes, keys, static]
        if self._wanted & ~hitting.COLOUR:
            self._launch(hitting.paint, (self._painters,), [*about, self._class_colour, self._wanted, images])
        if self._wanted & hitting.COLOUR:
            light = [world, casters, surfaces.own_colour, self._lights, around]
            self._launch(shading.paint_colour, (self._painters,), [*about, *light, images])

    def _launch(self, kernel: wp.Kernel, across: tuple[int, ...], inputs: list[Any]) -> None:
        wp.launch(kernel, dim=across, inputs=inputs, device=self._device)

    def _empty(self, shape: tuple[int, ...], kind: Any) -> wp.array:
        return wp.empty(shape, dtype=kind, device=self._device)

    def _images(self, frames: int) -> dict[str, wp.array]:
        kinds = {name: wp.uint16 if name == "depth" else wp.vec3ub for name in self._modalities}
        return {name: self._empty((frames, self._count), kind) for name, kind in kinds.items()}


def lens_of(view: View, device: wp.Device) -> scene.Lens:
    """Return a view for kernels."""
    directions = view.directions().reshape(-1, 3)
    along = directions @ view.forward
    # There is no near plane, so the rays begin there.
    origins = view.position + directions * (view.camera.near / along)[:, None]
    lens = scene.Lens()
    lens.position = wp.vec3(*view.position)
    lens.world_from_camera = wp.mat33(*view.rotation.ravel())
    lens.focal, lens.near, lens.far = view.focal_pixels, view.camera.near, view.camera.far
    lens.height, lens.width = view.size
    lens.origins = wp.array(origins.astype(np.float32), dtype=wp.vec3, device=device)
    lens.directions = wp.array(directions.astype(np.float32), dtype=wp.vec3, device=device)
    lens.along = wp.array(along, dtype=wp.float64, device=device)
    return lens


def _some(static: hitting.Static, begin: int, end: int) -> hitting.Static:
    """Return what never moves, of some of the frames."""
    found = hitting.Static()
    found.keys, found.shape = static.keys[begin:end], static.shape[begin:end]
    found.normal = static.normal[begin:end]
    return found


def _pixels(images: Mapping[str, wp.array]) -> hitting.Pixels:
    """Return images for kernels."""
    found = hitting.Pixels()
    found.count = len(images)
    for name, pixels in images.items():
        setattr(found, name, pixels)
    return found
