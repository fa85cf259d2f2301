"""Draws recorded states by rasterising, in a model of its own: the running simulation is not touched."""

from __future__ import annotations

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

from mimicgen.datagen.dataset.images.pixels import BACKGROUND, UNLABELLED, Colour, Frames, colours_of
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.embedded.images import kernels
from mimicgen.datagen.embedded.images.joints import Joints
from mimicgen.datagen.embedded.images.surfaces import Surfaces
from mimicgen.datagen.errors import SetupError

ENVIRONMENT = "/World/envs/env_0"
"""The environment that is drawn; all of them look alike."""

BASE_JOINT = "FixedJoint"
"""What Isaac Lab calls the joint that fixes a robot's base."""

BATCH = 32
"""Frames that a GPU draws at once."""

BITS = {"normals": kernels.NORMALS, "segmentation": kernels.SEGMENTATION, "depth": kernels.DEPTH, "rgb": kernels.RGB}

LIGHT = (1.0, -1.0, 1.0)
"""Where the light is: the direction towards it, as of Newton's default light."""


class Rasteriser:
    """Implements `mimicgen.datagen.dataset.images.renderer.Renderer` for the embedded runtime.

    Args:
        stage: The USD stage of an open environment.
        views: What to draw.
        modalities: What to draw of it.
        device: Where to draw.
        origin: Where the drawn environment stands in the stage, x, y, z [m]; cameras and states are relative to it.
        colours: Colours that the task gives classes in segmentation images.
        room: Frames whose images `images_of` can keep on the device.

    Raises:
        SetupError: A view is mounted on what the scene does not have.
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
        room: int = 0,
    ):
        self._model = model = model_of(stage, origin, device)
        self.joints = Joints(model, ENVIRONMENT)
        self._surfaces = Surfaces(model)
        labels = [_label_of(stage, path) for path in model.shape_label]
        seen = {labels[shape] for shape in self._surfaces.visible.numpy()}
        self.labels = tuple(sorted(seen - {UNLABELLED}))
        self.colours = colours_of(labels, colours)
        by_shape = [self.colours[label] for label in (*labels, BACKGROUND)]
        class_colour = wp.array(np.array(by_shape, dtype=np.uint8), dtype=wp.vec3ub, device=model.device)
        cores = os.cpu_count() or 1
        self.batch = max(1, cores // len(views)) if model.device.is_cpu else BATCH
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="mimicgen.datagen drawing")
        self._views, self._modalities = tuple(views), tuple(modalities)
        self._lent: LentMemory | None = None
        self._placed = Placed.of(self.batch, model)
        self._place(wp.clone(model.joint_q).reshape((1, -1)))
        far = max(view.camera.far for view in views)
        self._canvases = [
            Canvas(
                *(view, self._modalities, self._surfaces, class_colour, self.batch, far, self._placed),
                mount=None if view.camera.mount is None else mount_of(model, view),
                room=max(self.batch, room),
            )
            for view in views
        ]

    def lend(self, memory: NDArray[np.uint8]) -> None:
        """See `Renderer.lend`."""
        if not self._model.device.is_cpu:
            self._lent = LentMemory(memory)

    async def draw(self, states: States, frames: Frames) -> None:
        """See `Renderer.draw`."""
        self._draw(states, frames)

    def drawn(self, states: States) -> Frames:
        """Return the images of states, for who has no event loop."""
        coordinates = self.joints.coordinates(states)
        frames = frames_for(self._views, self._modalities, len(coordinates))
        self._draw(states, frames)
        return frames

    def images_of(self, coordinates: wp.array) -> dict[str, dict[str, torch.Tensor]]:
        """Return the images of states by view and modality, which stay on the device until the next ones are drawn.

        Args:
            coordinates: Joint coordinates in the model's order (`Joints`), on the device, a row a state, as many as
                there is room for at most.

        Returns:
            Shape (states, height, width, 3), uint8; depth (states, height, width), uint16 [mm].
        """
        for begin in range(0, len(coordinates), self.batch):
            some = coordinates[begin : begin + self.batch]
            self._place(some)
            self._rasterise(len(some), begin)
        return {canvas.view.name: canvas.images(len(coordinates)) for canvas in self._canvases}

    def close(self) -> None:
        """See `Renderer.close`."""
        self._pool.shutdown()
        if self._lent is not None:
            self._lent.give_back()

    def _draw(self, states: States, frames: Frames) -> None:
        coordinates = self.joints.coordinates(states)
        count = len(coordinates)
        self._place(wp.array(coordinates, dtype=wp.float32, device=self._model.device))
        self._rasterise(count, 0)
        for canvas in self._canvases:
            canvas.read(frames[canvas.view.name], count)
        wp.synchronize_device(self._model.device)

    def _rasterise(self, count: int, begin: int) -> None:
        """Draw the first frames that are placed, as the images from one on."""
        if self._model.device.is_cpu:
            jobs = [(canvas, frame) for canvas in self._canvases for frame in range(count)]
            list(self._pool.map(lambda job: job[0].draw(self._placed, job[1], job[1] + 1, begin + job[1]), jobs))
        else:
            for canvas in self._canvases:
                canvas.draw(self._placed, 0, count, begin)

    def _place(self, coordinates: wp.array) -> None:
        """Put the shapes of the first frames where they are in some states."""
        model, count, device = self._model, len(coordinates), self._model.device
        bodies = self._placed.bodies[:count]
        speeds = wp.zeros((count, model.joint_dof_count), dtype=wp.float32, device=device)
        moved = wp.empty((count, model.body_count), dtype=wp.spatial_vector, device=device)
        eval_fk_batched(model, coordinates, speeds, bodies, moved)
        wp.launch(
            kernels.place_shapes,
            dim=(count, model.shape_count),
            inputs=[bodies, model.shape_body, model.shape_transform, self._placed.poses, self._placed.inverses],
            device=device,
        )


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
    """Where things are, by frame.

    Attributes:
        bodies: `world_from_body`.
        poses: `world_from_shape`, or `view_from_shape` of a camera that moves.
        inverses: Of these.
    """

    bodies: wp.array
    poses: wp.array
    inverses: wp.array

    @classmethod
    def of(cls, frames: int, model: newton.Model) -> Placed:
        """Return room for the bodies and shapes of a model."""
        counts = (model.body_count, model.shape_count, model.shape_count)
        return cls(*(wp.empty((frames, count), dtype=wp.transform, device=model.device) for count in counts))

    def some(self, begin: int, end: int) -> Placed:
        """Return some of the frames."""
        return Placed(self.bodies[begin:end], self.poses[begin:end], self.inverses[begin:end])


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
        mount: Number of the body that the camera moves with; `view.camera` has its pose there. To it everything moves,
            so nothing of its images stays.
        room: How many images are kept.
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
        *,
        mount: int | None = None,
        room: int,
    ):
        self.view = view
        self._device = class_colour.device
        height, width = view.size
        self._count = height * width
        directions = view.directions().reshape(-1, 3)
        along = directions @ view.forward
        # There is no near plane, so the rays begin there.
        origins = view.position + directions * (view.camera.near / along)[:, None]
        self._modalities = modalities
        self._surfaces = surfaces
        self._far = far
        self._mount = mount
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
        self._lights = lights_of([LIGHT], self._device)
        self._corners = self._empty((frames, len(surfaces.points)), wp.vec3)
        self._keys = self._empty((frames, self._count), wp.uint64)
        marked = (frames, len(self._lights.towards), kernels.CELLS**2) if "rgb" in modalities else (frames, 1, 1)
        self._shadows = self._empty(marked, wp.uint8)
        self._pixels = self._images(room)
        # What a camera that moves sees of what stands still, it sees in another place in every frame.
        still = 1 if mount is None else frames
        self._static_keys = self._empty((still, self._count), wp.uint64)
        self._static_shape = self._empty((still, self._count), wp.int32)
        self._static_normal = self._empty((still, self._count), wp.vec3)
        self._static_pixels = self._images(1)
        self._world_from_view = self._empty((frames,), wp.transform)
        self._world_from_view.fill_(wp.transform_identity(dtype=wp.float32))
        if mount is None:
            world = placed.some(0, 1)
            self._trace(world, 0)
            args = (world, world, 0, surfaces.static, self._static_keys, self._shadows, self._static_pixels)
            self._paint(self._every_pixel, *args, everything=True)

    def draw(self, placed: Placed, begin: int, end: int, into: int) -> None:
        """Draw some frames.

        Args:
            placed: Where things are.
            begin: The first of the frames.
            end: The one after the last.
            into: The image that the first one becomes.
        """
        surfaces, count = self._surfaces, end - begin
        world = placed.some(begin, end)
        seen = world if self._mount is None else self._seen_from(world, begin)
        keys, corners = self._keys[begin:end], self._corners[begin:end]
        rays, meshes = [self._origins, self._directions], [surfaces.shapes.size, surfaces.points]
        faces = [surfaces.triangles, surfaces.triangle_shape]
        pixels = {name: self._pixels[name][into : into + count] for name in self._modalities}
        if self._mount is None:
            for frame in range(count):
                wp.copy(keys, self._static_keys, dest_offset=frame * self._count, count=self._count)
                for name in self._modalities:
                    wp.copy(pixels[name], self._static_pixels[name], dest_offset=frame * self._count, count=self._count)
        else:
            self._trace(seen, begin)
            wp.copy(keys, self._static_keys[begin:end])
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
        self._launch(
            kernels.rasterise_triangles,
            (count, len(surfaces.triangles)),
            [self._lens, *rays, self._nearly_along, seen.inverses, *meshes, corners, *faces, keys],
        )
        shadows = self._shadows[begin:end]
        if "rgb" in self._modalities and self._mount is None:
            lights = len(self._lights.towards)
            shadows.zero_()
            self._launch(
                kernels.cast_triangles,
                (count, lights, len(surfaces.triangles)),
                [world.poses, *meshes, *faces, self._lights, shadows],
            )
            self._launch(
                kernels.cast_solids,
                (count, lights, len(surfaces.solids)),
                [world.poses, surfaces.shapes, surfaces.solids, self._lights, shadows],
            )
        chosen = self._every_pixel
        if self._device.is_cpu and "rgb" not in self._modalities and self._mount is None:  # on a GPU they cost nothing
            changed = np.flatnonzero(keys.numpy()[0] != self._static_keys.numpy()[0])
            chosen = wp.array(changed, dtype=wp.int32, device=self._device)
        args = (seen, world, begin, surfaces.visible, keys, shadows, pixels)
        self._paint(chosen, *args, everything=self._mount is not None)

    def images(self, count: int) -> dict[str, torch.Tensor]:
        """Return the first images by modality, on the device and without a copy of them."""
        found = {name: wp.to_torch(pixels[:count]) for name, pixels in self._pixels.items()}
        return {name: pixels.reshape(count, *self.view.size, *pixels.shape[2:]) for name, pixels in found.items()}

    def read(self, images: Mapping[str, NDArray[Any]], count: int) -> None:
        """Begin to copy the first frames to the host, by modality."""
        for name, rows in images.items():
            pixels = self._pixels[name]
            flat = rows.reshape(count, self._count, *rows.shape[3:])
            host = wp.array(flat, dtype=pixels.dtype, device="cpu", copy=False)
            wp.copy(host, pixels, count=count * self._count)

    def _seen_from(self, world: Placed, begin: int) -> Placed:
        """Return where things are as seen from the body that the camera moves with."""
        poses, inverses = (self._empty(world.poses.shape, wp.transform) for _ in range(2))
        self._launch(
            kernels.place_before_body,
            world.poses.shape,
            [world.bodies, self._mount, world.poses, poses, inverses, self._world_from_view[begin:]],
        )
        return Placed(world.bodies, poses, inverses)

    def _trace(self, seen: Placed, begin: int) -> None:
        """Look at what never moves."""
        surfaces, end = self._surfaces, begin + len(seen.poses)
        found = (self._static_keys, self._static_shape, self._static_normal)
        self._launch(
            kernels.trace_static,
            (len(seen.poses), self._count),
            [
                *(self._origins, self._directions, seen.poses, surfaces.shapes, surfaces.static, self._far),
                *(rows[begin:end] for rows in found),
            ],
        )

    def _paint(
        self,
        chosen: wp.array,
        seen: Placed,
        world: Placed,
        begin: int,
        casters: wp.array,
        keys: wp.array,
        shadows: wp.array,
        pixels: dict[str, wp.array],
        *,
        everything: bool,
    ) -> None:
        surfaces = self._surfaces
        still = (self._static_keys, self._static_shape, self._static_normal)
        if self._mount is not None:
            still = tuple(rows[begin:] for rows in still)
        self._launch(
            kernels.paint,
            (len(seen.poses), len(chosen)),
            [
                *(self._lens, self._origins, self._directions, self._along, self.view.camera.far),
                *(chosen, seen.poses, seen.inverses, self._world_from_view[begin:], world.poses),
                *(surfaces.shapes, casters, surfaces.moving),
                *(surfaces.points, surfaces.triangles, surfaces.triangle_shape),
                *(keys, *still),
                *(self._class_colour, surfaces.own_colour, self._lights, shadows),
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


def lights_of(towards: Sequence[Sequence[float]], device: wp.Device) -> kernels.Lights:
    """Return white directional lights.

    Args:
        towards: Directions towards them.
        device: Where they are needed.
    """
    lights = kernels.Lights()
    ahead = np.array(towards) / np.linalg.norm(towards, axis=1, keepdims=True)
    # Any two axes across will do.
    across = np.cross(ahead, np.where(np.abs(ahead[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    lights.towards, lights.across = (wp.array(rows, dtype=wp.vec3, device=device) for rows in (ahead, across))
    lights.upwards = wp.array(np.cross(ahead, across), dtype=wp.vec3, device=device)
    lights.colour = wp.array(np.ones_like(ahead), dtype=wp.vec3, device=device)
    lights.ambient = 0.5
    return lights


def model_of(stage: Usd.Stage, origin: Sequence[float], device: str) -> newton.Model:
    """Return a model of the first environment of a stage, at the origin.

    Args:
        stage: The stage of an open environment.
        origin: Where the environment stands in it, x, y, z [m].
        device: Where the model is.
    """
    builder = newton.ModelBuilder()
    others = [
        p.GetPath().pathString for p in stage.GetPrimAtPath("/World/envs").GetChildren() if p.GetName() != "env_0"
    ]
    # PhysX wants a joint that holds a robot's base (`physx.py`); Newton's importer holds it without one.
    others += [f"{ENVIRONMENT}/.*/{BASE_JOINT}"]
    place = wp.transform(-wp.vec3(*origin), wp.quat(0.0, 0.0, 0.0, 1.0))
    builder.add_usd(stage, xform=place, ignore_paths=others, load_sites=False)  # whose marks would be seen
    return builder.finalize(device=device)


def mount_of(model: newton.Model, view: View) -> int:
    """Return the number of the body that a view is mounted on.

    Raises:
        SetupError: The scene has no such body, or several.
    """
    asset, _, name = (view.camera.mount or "").rpartition("/")
    paths = [path.removeprefix(f"{ENVIRONMENT}/").split("/") for path in model.body_label]
    found = [number for number, path in enumerate(paths) if path[-1] == name and asset.lower() in ("", path[0].lower())]
    if len(found) != 1:
        known = ", ".join(sorted(f"{path[0].lower()}/{path[-1]}" for path in paths))
        raise SetupError(
            f"camera '{view.name}': mount = '{view.camera.mount}': expected one of the scene's bodies: {known}"
        )
    return found[0]


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
