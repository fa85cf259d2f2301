"""Rays of a view, and what they hit, for the ray tracer."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import newton
import numpy as np
import warp as wp
from newton.sensors import SensorTiledCamera
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.pixels import encode_depth, encode_normals
from mimicgen.datagen.dataset.images.views import View

RAYS_AT_ONCE = 16_384
"""Rays that a thread traces in one go."""


class Canvas:
    """The images of one view, and the rays chosen to draw them.

    Attributes:
        view: The view.
        whole: Every ray is chosen, always.
        images: By modality.
        origins: World position where each chosen ray begins, on the near plane, (n, 3).
        directions: Unit vectors, (n, 3).
    """

    def __init__(self, view: View, modalities: Sequence[str], *, whole: bool):
        self.view = view
        self.whole = whole
        height, width = view.size
        directions = view.directions().reshape(-1, 3)
        # Newton knows no near plane, so the rays begin there.
        self._along = directions @ view.forward
        self._all_origins = (view.position + directions * (view.camera.near / self._along)[:, None]).astype(np.float32)
        self._all_directions = directions.astype(np.float32)
        shapes = {"depth": ((height, width), np.uint16)}
        self.images: dict[str, NDArray[Any]] = {
            name: np.zeros(*shapes.get(name, ((height, width, 3), np.uint8))) for name in modalities
        }
        self._backdrop: dict[str, NDArray[Any]] = {}
        self.choose(None)

    def choose(self, mask: NDArray[np.bool_] | None) -> None:
        """Choose the rays through some pixels, or through all."""
        self._chosen = None if mask is None else np.flatnonzero(mask.reshape(-1))
        which = slice(None) if self._chosen is None else self._chosen
        self.origins, self.directions = self._all_origins[which], self._all_directions[which]
        self._along_chosen = self._along[which]

    def keep_as_backdrop(self) -> None:
        """Let the images as they are now be what is seen where no ray is traced."""
        self._backdrop = {name: image.copy() for name, image in self.images.items()}

    def paint(self, hits: dict[str, NDArray[Any]], colours: NDArray[np.uint8]) -> None:
        """Put what the chosen rays hit into the images."""
        near, far = self.view.camera.near, self.view.camera.far
        depth = near + hits["distance"] * self._along_chosen
        hit = (hits["distance"] >= 0.0) & (depth <= far)
        for name, image in self.images.items():
            if self._chosen is not None:
                np.copyto(image, self._backdrop[name])
            flat = image.reshape(-1, *image.shape[2:])
            which = slice(None) if self._chosen is None else self._chosen
            if name == "normals":
                flat[which] = encode_normals(np.where(hit[:, None], hits["normal"], 0.0))
            elif name == "segmentation":
                # Newton numbers what is not a shape of the model, particles for instance, from the top downwards.
                index = np.minimum(hits["shape"], len(colours) - 2)
                flat[which] = colours[np.where(hit, index, len(colours) - 1)]
            elif name == "depth":
                flat[which] = encode_depth(np.where(hit, depth, 0.0))
            else:
                rgba = hits["colour"].view(np.uint8).reshape(-1, 4)
                flat[which] = np.where(hit[:, None], rgba[:, :3], colours[-1])


class Rays:
    """Traces any number of rays, in as many threads as the machine has cores."""

    def __init__(self, model: newton.Model, state: newton.State, modalities: Sequence[str], *, far: float):
        self._model, self._state = model, state
        self._colour = "rgb" in modalities
        config = SensorTiledCamera.RenderConfig(
            enable_textures=False,
            enable_shadows=True,
            enable_particles=False,
            max_distance=far,
            render_order=SensorTiledCamera.RenderOrder.PIXEL_PRIORITY,
        )
        threads = max(1, os.cpu_count() or 1) if model.device.is_cpu else 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="mimicgen.datagen rays")
        self._threads = threads
        # A sensor keeps what it is about to render in itself, so threads cannot share one.
        self._sensors = [
            SensorTiledCamera(model, default_render_config=config, load_textures=False) for _ in range(threads)
        ]
        for sensor in self._sensors:
            sensor.utils.create_default_light(enable_shadows=True)
        self._pose = wp.array([[wp.transform_identity(wp.float32)]], dtype=wp.transformf, device=model.device)

    def trace(self, origins: NDArray[np.float32], directions: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Return what rays hit: 'distance' [m] (negative: nothing), 'normal', 'shape', and 'colour' if wanted."""
        count = len(directions)
        rays = np.stack([origins, directions], axis=1)
        hits: dict[str, NDArray[Any]] = {
            "distance": np.empty(count, np.float32),
            "normal": np.empty((count, 3), np.float32),
            "shape": np.empty(count, np.uint32),
        }
        if self._colour:
            hits["colour"] = np.empty(count, np.uint32)
        if self._model.device.is_cpu:
            # Neighbouring rays cost alike, so a thread takes many small shares rather than one half of the image.
            share = math.ceil(count / max(1, math.ceil(count / RAYS_AT_ONCE)))
            parts = [slice(begin, min(begin + share, count)) for begin in range(0, count, share)] if count else []

            def trace_own(thread: int) -> None:
                for part in parts[thread :: self._threads]:
                    self._trace_part(self._sensors[thread], rays, hits, part)

            list(self._pool.map(trace_own, range(self._threads)))
        elif count:
            self._trace_part(self._sensors[0], rays, hits, slice(0, count))
        return hits

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _trace_part(
        self, sensor: SensorTiledCamera, rays: NDArray[np.float32], hits: dict[str, NDArray[Any]], part: slice
    ) -> None:
        device = self._model.device
        count = part.stop - part.start

        kinds = {"distance": wp.float32, "normal": wp.vec3f, "shape": wp.uint32, "colour": wp.uint32}
        arrays = {name: wp.empty((1, 1, 1, count), dtype=kinds[name], device=device) for name in hits}
        sensor.update(
            self._state,
            self._pose,
            wp.array(rays[part].reshape(1, 1, count, 2, 3), dtype=wp.vec3f, device=device),
            depth_image=arrays["distance"],
            normal_image=arrays["normal"],
            shape_index_image=arrays["shape"],
            color_image=arrays.get("colour"),
            clear_data=SensorTiledCamera.ClearData(clear_depth=-1.0),
        )
        for name, array in arrays.items():
            hits[name][part] = array.numpy().reshape(count, *hits[name].shape[1:])
