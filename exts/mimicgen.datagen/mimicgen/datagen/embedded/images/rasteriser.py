"""Draws recorded states by rasterising, in a model of its own: the running simulation is not touched."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import newton
import numpy as np
import torch
import warp as wp
from newton._src.sim.ik.ik_common import eval_fk_batched  # `newton.eval_fk` takes one state at a time
from numpy.typing import NDArray
from pxr import Usd, UsdSemantics

from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.dataset.images.looks import Look
from mimicgen.datagen.dataset.images.pixels import BACKGROUND, DISTRACTOR, UNLABELLED, Colour, Frames, colours_of
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.room import Room, near_to, placed
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.embedded.images import kernels
from mimicgen.datagen.embedded.images.dressing import Dressing, add_spares
from mimicgen.datagen.embedded.images.joints import Joints
from mimicgen.datagen.embedded.images.points import points_on
from mimicgen.datagen.embedded.images.scenery import Scenery
from mimicgen.datagen.embedded.images.surfaces import Surfaces

ENVIRONMENT = "/World/envs/env_0"
"""The environment that is drawn; all of them look alike."""

BASE_JOINT = "FixedJoint"
"""What Isaac Lab calls the joint that fixes a robot's base."""

BATCH = 32
"""Frames that a GPU draws at once."""

BITS = {"normals": kernels.NORMALS, "segmentation": kernels.SEGMENTATION, "depth": kernels.DEPTH, "rgb": kernels.RGB}

Floats = NDArray[np.float64]

NO_LOOKS = LooksConfig()

SOME = 64
"""States of which points are looked at in one go."""


class Rasteriser:
    """Implements `mimicgen.datagen.dataset.images.renderer.Renderer` for the embedded runtime.

    Args:
        stage: The USD stage of an open environment.
        views: What to draw.
        modalities: What to draw of it.
        device: Where to draw.
        origin: Where the drawn environment stands in the stage, x, y, z [m]; cameras and states are relative to it.
        colours: Colours that the task gives classes in segmentation images.
        looks: What may be put on.
    """

    borrows_environment = False

    def __init__(
        self,
        stage: Usd.Stage,
        views: Sequence[View],
        modalities: Sequence[str],
        *,
        device: str,
        origin: Sequence[float] = (0.0, 0.0, 0.0),
        colours: Mapping[str, Colour] | None = None,
        looks: LooksConfig = NO_LOOKS,
    ):
        spares = looks.distractors if looks.count else 0
        self._model = model = model_of(stage, origin, device, spares)
        self._joints = Joints(model, ENVIRONMENT)
        self._surfaces = Surfaces(model)
        labels = [_label_of(stage, path) for path in model.shape_label[: model.shape_count - spares]]
        seen = {labels[shape] for shape in self._surfaces.visible.numpy()}
        self.labels = tuple(sorted(seen - {UNLABELLED}))
        labels += [DISTRACTOR] * spares
        self.colours = colours_of(labels, colours)
        self._shape_labels = np.array(labels)
        self._dressing = Dressing(model, self._surfaces, labels, range(model.shape_count - spares, model.shape_count))
        self._looks = looks
        by_shape = [self.colours[label] for label in (*labels, BACKGROUND)]
        self._class_colour = wp.array(np.array(by_shape, dtype=np.uint8), dtype=wp.vec3ub, device=model.device)
        cores = os.cpu_count() or 1
        self.batch = max(1, cores // len(views)) if model.device.is_cpu else BATCH
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="mimicgen.datagen drawing")
        self._views, self._modalities = tuple(views), tuple(modalities)
        self._lent: LentMemory | None = None
        self._placed = Placed.of(self.batch, model)
        self._canvases = self._made(None)

    def room(self, states: States) -> Room:
        """See `Renderer.room`."""
        on_it, others = self._points
        targets = np.concatenate([own["root_pose"][:, :3] for own in states.get("rigid_object", {}).values()])
        least, most = near_to(on_it.min(axis=0), on_it.max(axis=0), targets)
        coordinates = self._joints.coordinates(states)
        met = [others.get(-1, np.zeros((0, 3)))]
        for begin in range(0, len(coordinates), SOME):
            bodies = self._bodies(coordinates[begin : begin + SOME]).numpy().astype(np.float64)
            met += [placed(points, bodies[:, body]) for body, points in others.items() if body >= 0]
        return Room.over(self.labels, least, most, np.concatenate(met), targets.astype(np.float64))

    def put_on(self, look: Look | None) -> None:
        """See `Renderer.put_on`."""
        self._dressing.put_on(look)
        self._canvases = self._made(look)

    def lend(self, memory: NDArray[np.uint8]) -> None:
        """See `Renderer.lend`."""
        if not self._model.device.is_cpu:
            self._lent = LentMemory(memory)

    async def draw(self, states: States, frames: Frames) -> None:
        """See `Renderer.draw`."""
        self._draw(states, frames)

    def drawn(self, states: States) -> Frames:
        """Return the images of states, for who has no event loop."""
        coordinates = self._joints.coordinates(states)
        frames = frames_for(self._views, self._modalities, len(coordinates))
        self._draw(states, frames)
        return frames

    def close(self) -> None:
        """See `Renderer.close`."""
        self._pool.shutdown()
        if self._lent is not None:
            self._lent.give_back()

    def _draw(self, states: States, frames: Frames) -> None:
        coordinates = self._joints.coordinates(states)
        count = len(coordinates)
        self._place(coordinates)
        if self._model.device.is_cpu:
            jobs = [(canvas, frame) for canvas in self._canvases for frame in range(count)]
            list(self._pool.map(lambda job: job[0].draw(self._placed.some(job[1], job[1] + 1), job[1]), jobs))
        else:
            for canvas in self._canvases:
                canvas.draw(self._placed.some(0, count), 0)
        for canvas in self._canvases:
            canvas.read(frames[canvas.view.name], count)
        wp.synchronize_device(self._model.device)

    @functools.cached_property
    def _points(self) -> tuple[Floats, dict[int, Floats]]:
        """Points on the surface that things stand on, and on everything else, by body and in its frame."""
        labels, visible = self._shape_labels, self._surfaces.visible.numpy().tolist()
        surface = [shape for shape in visible if labels[shape] == "table"]
        surface = surface or [shape for shape in visible if labels[shape] == "ground"]
        others = (shape for shape in visible if labels[shape] not in ("table", "ground", DISTRACTOR))
        return np.concatenate([*points_on(self._model, surface).values()]), points_on(self._model, others)

    def _made(self, look: Look | None) -> list[Canvas]:
        """Return canvases for the views as a look has them."""
        self._place(self._model.joint_q.numpy()[None])
        views = self._views
        if look is not None:
            views = tuple(View(view.name, look.cameras[view.name].on(view.camera)) for view in views)
        far = max(view.camera.far for view in views)
        args = (self._modalities, self._surfaces, self._class_colour, self.batch, far, self._placed)
        scenery = Scenery(look, self._shape_labels, self._looks.backgrounds)
        return list(self._pool.map(lambda view: Canvas(view, *args, scenery), views))

    def _place(self, coordinates: NDArray[np.float32]) -> None:
        """Put the shapes of the first frames where they are in some states."""
        model = self._model
        wp.launch(
            kernels.place_shapes,
            dim=(len(coordinates), model.shape_count),
            inputs=[
                *(self._bodies(coordinates), model.shape_body, model.shape_transform),
                *(self._placed.poses, self._placed.inverses),
            ],
            device=model.device,
        )

    def _bodies(self, coordinates: NDArray[np.float32]) -> wp.array:
        """Return `world_from_body` of all bodies in some states."""
        model, count, device = self._model, len(coordinates), self._model.device
        bodies = wp.empty((count, model.body_count), dtype=wp.transform, device=device)
        speeds = wp.zeros((count, model.joint_dof_count), dtype=wp.float32, device=device)
        moved = wp.empty((count, model.body_count), dtype=wp.spatial_vector, device=device)
        eval_fk_batched(model, wp.array(coordinates, dtype=wp.float32, device=device), speeds, bodies, moved)
        return bodies


class LentMemory:
    """Memory of the host that a GPU copies into without a detour, until it is given back.

    Args:
        memory: The memory.
    """

    def __init__(self, memory: NDArray[np.uint8]):
        self._address = memory.ctypes.data
        torch.cuda.check_error(torch.cuda.cudart().cudaHostRegister(self._address, memory.nbytes, 0))

    def give_back(self) -> None:
        """Let go of it."""
        torch.cuda.check_error(torch.cuda.cudart().cudaHostUnregister(self._address))


@dataclass(frozen=True)
class Placed:
    """Where shapes are, by frame: `world_from_shape` and `shape_from_world`."""

    poses: wp.array
    inverses: wp.array

    @classmethod
    def of(cls, frames: int, model: newton.Model) -> Placed:
        """Return room for the shapes of a model."""
        shape = (frames, model.shape_count)
        return cls(*(wp.empty(shape, dtype=wp.transform, device=model.device) for _ in range(2)))

    def some(self, begin: int, end: int) -> Placed:
        """Return some of the frames."""
        return Placed(self.poses[begin:end], self.inverses[begin:end])


class Canvas:
    """The images of one view, of several frames.

    Args:
        view: The view.
        modalities: What is drawn.
        surfaces: Of what.
        class_colour: Colours of segmentation by shape, and last that of nothing.
        frames: How many at once.
        far: What is farther away along a ray is not seen [m].
        placed: Where the shapes are; of these, those that never move are looked at.
        scenery: The lights, and what is behind everything.
    """

    def __init__(
        self,
        view: View,
        modalities: tuple[str, ...],
        surfaces: Surfaces,
        class_colour: wp.array,
        frames: int,
        far: float,
        placed: Placed,
        scenery: Scenery,
    ):
        self.view = view
        self._scenery = scenery
        self._device = class_colour.device
        height, width = view.size
        self._count = height * width
        directions = view.directions().reshape(-1, 3)
        along = directions @ view.forward
        # There is no near plane, so the rays begin there.
        origins = view.position + directions * (view.camera.near / along)[:, None]
        self._modalities = modalities
        self._surfaces = surfaces
        self._class_colour = class_colour
        self._lens = kernels.Lens()
        self._lens.position = wp.vec3(*view.position)
        self._lens.world_from_camera = wp.mat33(*view.rotation.ravel())
        self._lens.focal, self._lens.near = view.focal_pixels, view.camera.near
        self._lens.width, self._lens.height = width, height
        self._origins = wp.array(origins.astype(np.float32), dtype=wp.vec3, device=self._device)
        self._directions = wp.array(directions.astype(np.float32), dtype=wp.vec3, device=self._device)
        self._along = wp.array(along, dtype=wp.float64, device=self._device)
        self._nearly_along = wp.array(along, dtype=wp.float32, device=self._device)
        self._every_pixel = wp.array(np.arange(self._count), dtype=wp.int32, device=self._device)
        self._lights = scenery.lights(self._device)
        self._corners = self._empty((frames, len(surfaces.points)), wp.vec3)
        self._keys = self._empty((frames, self._count), wp.uint64)
        marked = (frames, len(self._lights.towards), kernels.CELLS**2) if "rgb" in modalities else (frames, 1, 1)
        self._shadows = self._empty(marked, wp.uint8)
        self._pixels = self._images(frames)
        self._static_keys = self._empty((1, self._count), wp.uint64)
        self._static_shape = self._empty((self._count,), wp.int32)
        self._static_normal = self._empty((self._count,), wp.vec3)
        self._static_pixels = self._images(1)
        self._backdrop = wp.full(self._count, class_colour[-1:].numpy()[0], dtype=wp.vec3ub, device=self._device)
        self._bare = wp.zeros(self._count, dtype=wp.uint8, device=self._device)
        self._draw_static(placed.some(0, 1), far)

    def draw(self, placed: Placed, begin: int) -> None:
        """Draw some frames, from one on."""
        surfaces, poses, count = self._surfaces, placed.poses, len(placed.poses)
        end = begin + count
        keys, corners = self._keys[begin:end], self._corners[begin:end]
        rays, meshes = [self._origins, self._directions], [surfaces.shapes.size, surfaces.points]
        faces = [surfaces.triangles, surfaces.triangle_shape]
        pixels = {name: self._pixels[name][begin:end] for name in self._modalities}
        for frame in range(count):
            wp.copy(keys, self._static_keys, dest_offset=frame * self._count, count=self._count)
            for name in self._modalities:
                wp.copy(pixels[name], self._static_pixels[name], dest_offset=frame * self._count, count=self._count)
        self._launch(
            kernels.project_vertices,
            (count, len(surfaces.points)),
            [self._lens, poses, *meshes, surfaces.vertex_shape, corners],
        )
        self._launch(
            kernels.rasterise_solids,
            (count, len(surfaces.solids), self._lens.height),
            [self._lens, *rays, poses, surfaces.shapes, surfaces.solids, keys],
        )
        self._launch(
            kernels.rasterise_triangles,
            (count, len(surfaces.triangles)),
            [self._lens, *rays, self._nearly_along, placed.inverses, *meshes, corners, *faces, keys],
        )
        shadows = self._shadows[begin:end]
        if "rgb" in self._modalities:
            lights = len(self._lights.towards)
            shadows.zero_()
            self._launch(
                kernels.cast_triangles,
                (count, lights, len(surfaces.triangles)),
                [poses, *meshes, *faces, self._lights, shadows],
            )
            self._launch(
                kernels.cast_solids,
                (count, lights, len(surfaces.solids)),
                [poses, surfaces.shapes, surfaces.solids, self._lights, shadows],
            )
        chosen = self._every_pixel
        if self._device.is_cpu and "rgb" not in self._modalities:  # on a GPU they cost nothing
            changed = np.flatnonzero(keys.numpy()[0] != self._static_keys.numpy()[0])
            chosen = wp.array(changed, dtype=wp.int32, device=self._device)
        self._paint(chosen, placed, surfaces.visible, keys, shadows, pixels, everything=False)

    def read(self, images: Mapping[str, NDArray[Any]], count: int) -> None:
        """Begin to copy the first frames to the host, by modality."""
        for name, rows in images.items():
            pixels = self._pixels[name]
            flat = rows.reshape(count, self._count, *rows.shape[3:])
            host = wp.array(flat, dtype=pixels.dtype, device="cpu", copy=False)
            wp.copy(host, pixels, count=count * self._count)

    def _draw_static(self, placed: Placed, far: float) -> None:
        """Draw what never moves."""
        surfaces = self._surfaces
        self._launch(
            kernels.trace_static,
            (self._count,),
            [
                *(self._origins, self._directions, placed.poses, surfaces.shapes, surfaces.static, far),
                *(self._static_keys, self._static_shape, self._static_normal),
            ],
        )
        self._see_behind()
        args = (surfaces.static, self._static_keys, self._shadows, self._static_pixels)
        self._paint(self._every_pixel, placed, *args, everything=True)

    def _see_behind(self) -> None:
        """Find what is seen behind everything."""
        if "rgb" not in self._modalities:
            return
        distance = (self._static_keys.numpy()[0] >> 32).astype(np.uint32).view(np.float32)
        found = self._scenery.behind(self.view, self._static_shape.numpy(), distance)
        if found is not None:
            colours, where = found
            nothing = self._class_colour.numpy()[-1]
            shown = np.where(where[:, None], colours, nothing).astype(np.uint8)
            self._backdrop = wp.array(shown, dtype=wp.vec3ub, device=self._device)
            self._bare = wp.array(where.astype(np.uint8), dtype=wp.uint8, device=self._device)

    def _paint(
        self,
        chosen: wp.array,
        placed: Placed,
        casters: wp.array,
        keys: wp.array,
        shadows: wp.array,
        pixels: dict[str, wp.array],
        *,
        everything: bool,
    ) -> None:
        surfaces = self._surfaces
        self._launch(
            kernels.paint,
            (len(placed.poses), len(chosen)),
            [
                *(self._lens, self._origins, self._directions, self._along, self.view.camera.far),
                *(chosen, placed.poses, placed.inverses, surfaces.shapes, casters, surfaces.moving),
                *(surfaces.points, surfaces.triangles, surfaces.triangle_shape),
                *(keys, self._static_keys, self._static_shape, self._static_normal),
                *(self._class_colour, surfaces.own_colour, self._lights, shadows),
                *(self._backdrop, self._bare),
                *(sum(BITS[name] for name in self._modalities), everything),
                *(pixels.get(name) for name in BITS),
            ],
        )

    def _launch(self, kernel: wp.Kernel, across: tuple[int, ...], inputs: list[Any]) -> None:
        wp.launch(kernel, dim=across, inputs=inputs, device=self._device)

    def _empty(self, shape: tuple[int, ...], kind: Any) -> wp.array:
        return wp.empty(shape, dtype=kind, device=self._device)

    def _images(self, frames: int) -> dict[str, wp.array]:
        kinds = {name: wp.uint16 if name == "depth" else wp.vec3ub for name in self._modalities}
        return {name: self._empty((frames, self._count), kind) for name, kind in kinds.items()}


def model_of(stage: Usd.Stage, origin: Sequence[float], device: str, spares: int = 0) -> newton.Model:
    """Return a model of the first environment of a stage, at the origin.

    Args:
        stage: The stage of an open environment.
        origin: Where the environment stands in it, x, y, z [m].
        device: Where the model is.
        spares: How many shapes to add that are not seen, and may become things that stand about.
    """
    builder = newton.ModelBuilder()
    others = [
        p.GetPath().pathString for p in stage.GetPrimAtPath("/World/envs").GetChildren() if p.GetName() != "env_0"
    ]
    # PhysX wants a joint that holds a robot's base (`physx.py`); Newton's importer holds it without one.
    others += [f"{ENVIRONMENT}/.*/{BASE_JOINT}"]
    place = wp.transform(-wp.vec3(*origin), wp.quat(0.0, 0.0, 0.0, 1.0))
    builder.add_usd(stage, xform=place, ignore_paths=others, load_sites=False)  # whose marks would be seen
    add_spares(builder, spares)
    return builder.finalize(device=device)


def _label_of(stage: Usd.Stage, path: str) -> str:
    """Return the class of the nearest labelled prim, upwards from a shape."""
    prim = stage.GetPrimAtPath(path)
    while prim and not prim.IsPseudoRoot():
        if prim.HasAPI(UsdSemantics.LabelsAPI, "class"):
            labels = UsdSemantics.LabelsAPI(prim, "class").GetLabelsAttr().Get()
            if labels:
                return str(labels[0])
        prim = prim.GetParent()
    return UNLABELLED
