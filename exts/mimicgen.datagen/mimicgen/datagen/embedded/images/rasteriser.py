"""Draws recorded states by rasterising, in a model of its own: the running simulation is not touched."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import warp as wp
from numpy.typing import NDArray
from pxr import Usd

from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.dataset.images.looks import Look
from mimicgen.datagen.dataset.images.pixels import BACKGROUND, DISTRACTOR, UNLABELLED, Colour, Frames, colours_of
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.room import Room, near_to
from mimicgen.datagen.dataset.images.room import placed as points_at
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.embedded.images.canvas import Canvas
from mimicgen.datagen.embedded.images.dressing import Dressing
from mimicgen.datagen.embedded.images.joints import Joints
from mimicgen.datagen.embedded.images.kernels import covering
from mimicgen.datagen.embedded.images.placing import (
    ENVIRONMENT,
    bodies_in,
    label_of,
    model_of,
    mount_of,
    placed,
)
from mimicgen.datagen.embedded.images.points import points_on
from mimicgen.datagen.embedded.images.scenery import Scenery
from mimicgen.datagen.embedded.images.surfaces import Surfaces

BATCH = 32
"""Frames that a GPU draws at once."""

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
        kept: Frames whose images `images_of` can keep on the device.

    Attributes:
        joints: The joints of the scene that is drawn.

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
        looks: LooksConfig = NO_LOOKS,
        kept: int = 0,
    ):
        spares = looks.distractors if looks.count else 0
        self._model = model = model_of(stage, origin, device, spares)
        self.joints = Joints(model, ENVIRONMENT)
        self._surfaces = Surfaces(model)
        labels = [label_of(stage, path) for path in model.shape_label[: model.shape_count - spares]]
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
        self._kept = max(self.batch, kept)
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="mimicgen.datagen drawing")
        self._views, self._modalities = tuple(views), tuple(modalities)
        self._lent: LentMemory | None = None
        # Or else every thread would compile it. On a CPU it is launched in blocks of one; what is loaded for others, as
        # Warp does by itself, would be compiled for nothing.
        wp.load_module(covering, device=model.device, block_dim=1 if model.device.is_cpu else None)
        self._canvases = self._made(None)

    def room(self, states: States) -> Room:
        """See `Renderer.room`."""
        on_it, others = self._points
        objects = states.get("rigid_object", {}).values()
        targets = np.concatenate([np.zeros((0, 3)), *(own["root_pose"][:, :3] for own in objects)])
        least, most = near_to(on_it.min(axis=0), on_it.max(axis=0), targets)
        coordinates = self.joints.coordinates(states)
        met = [others.get(-1, np.zeros((0, 3)))]
        for begin in range(0, len(coordinates), SOME):
            some = self._on_device(coordinates[begin : begin + SOME])
            bodies = bodies_in(self._model, some).numpy().astype(np.float64)
            met += [points_at(points, bodies[:, body]) for body, points in others.items() if body >= 0]
        return Room.over(self.labels, least, most, np.concatenate(met), targets)

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
        self._draw(self.joints.coordinates(states), frames)

    def drawn(self, states: States) -> Frames:
        """Return the images of states, for who has no event loop."""
        coordinates = self.joints.coordinates(states)
        frames = frames_for(self._views, self._modalities, len(coordinates))
        for begin in range(0, len(coordinates), self.batch):
            end = begin + self.batch
            some = {view: {name: rows[begin:end] for name, rows in own.items()} for view, own in frames.items()}
            self._draw(coordinates[begin:end], some)
        return frames

    def images_of(self, coordinates: wp.array) -> dict[str, dict[str, torch.Tensor]]:
        """Return the images of states by view and modality, which stay on the device until the next ones are drawn.

        Args:
            coordinates: Joint coordinates in the model's order (`Joints`), on the device, a row a state, as many as are
                kept at most.

        Returns:
            Shape (states, height, width, 3), uint8; depth (states, height, width), uint16 [mm].
        """
        for begin in range(0, len(coordinates), self.batch):
            end = min(begin + self.batch, len(coordinates))  # Warp's slices end where the array does
            self._rasterise(coordinates[begin:end], begin)
        return {canvas.view.name: canvas.images(len(coordinates)) for canvas in self._canvases}

    def close(self) -> None:
        """See `Renderer.close`."""
        self._pool.shutdown()
        if self._lent is not None:
            self._lent.give_back()

    def _draw(self, coordinates: NDArray[np.float32], frames: Frames) -> None:
        self._rasterise(self._on_device(coordinates), 0)
        for canvas in self._canvases:
            canvas.read(frames[canvas.view.name], len(coordinates))
        wp.synchronize_device(self._model.device)

    def _rasterise(self, coordinates: wp.array, into: int) -> None:
        """Draw states, as the images from one on."""
        count, where = len(coordinates), placed(self._model, self._surfaces.balls, coordinates)
        if self._model.device.is_cpu:
            jobs = [(canvas, frame) for canvas in self._canvases for frame in range(count)]
            list(self._pool.map(lambda job: job[0].draw(where, job[1], job[1] + 1, into + job[1]), jobs))
        else:
            for canvas in self._canvases:
                canvas.draw(where, 0, count, into)

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
        model, views = self._model, self._views
        if look is not None:
            views = tuple(View(view.name, look.cameras[view.name].on(view.camera)) for view in views)
        where = placed(model, self._surfaces.balls, wp.clone(model.joint_q).reshape((1, -1)))
        far = max(view.camera.far for view in views)
        about = (self._modalities, self._surfaces, self._class_colour, self.batch, far, where)
        return [
            Canvas(
                view,
                *about,
                Scenery(look, self._shape_labels, self._looks.backgrounds),
                mount=None if view.camera.mount is None else mount_of(model, view),
                kept=self._kept,
            )
            for view in views
        ]

    def _on_device(self, coordinates: NDArray[np.float32]) -> wp.array:
        return wp.array(coordinates, dtype=wp.float32, device=self._model.device)


class LentMemory:
    """Memory of the host that a GPU copies into without a detour, until it is given back.

    Args:
        memory: The memory.
    """

    def __init__(self, memory: NDArray[np.uint8]):
        self._memory = memory  # it has to be there when it is given back
        self._address = memory.ctypes.data
        torch.cuda.check_error(torch.cuda.cudart().cudaHostRegister(self._address, memory.nbytes, 0))

    def give_back(self) -> None:
        """Let go of it."""
        torch.cuda.check_error(torch.cuda.cudart().cudaHostUnregister(self._address))
