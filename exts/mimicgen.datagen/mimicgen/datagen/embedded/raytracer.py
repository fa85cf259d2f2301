"""Draws recorded states with Newton's ray tracer, in a model of its own: the running simulation is not touched.

On a CPU a ray costs about a microsecond where the robot is and a fifth of that elsewhere, so only rays that can have
changed are traced: those through the outlines of whatever moves. The rest of an image is traced once. The result is
the same, bit for bit, as tracing every ray (a test compares them).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import newton
import numpy as np
import warp as wp
from newton.sensors import SensorTiledCamera
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from pxr import Usd, UsdSemantics
from scipy.spatial import ConvexHull, QhullError

from mimicgen.datagen.dataset.images.pixels import (
    BACKGROUND,
    UNLABELLED,
    Colour,
    Frame,
    colours_of,
    encode_depth,
    encode_normals,
)
from mimicgen.datagen.dataset.images.renderer import State
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices
from mimicgen.datagen.errors import SetupError

ENVIRONMENT = "/World/envs/env_0"
"""The environment that is drawn; all of them look alike."""

BASE_JOINT = "FixedJoint"
"""What Isaac Lab calls the joint that fixes a robot's base."""

RAYS_AT_ONCE = 16_384
"""Rays that a thread traces in one go."""


class Raytracer:
    """Implements `mimicgen.datagen.dataset.images.renderer.Renderer` for the embedded runtime.

    Args:
        stage: The USD stage of an open environment.
        views: What to draw.
        modalities: What to draw of it.
        device: Where to trace.
        origin: Where the drawn environment stands in the stage, x, y, z [m]; cameras and states are relative to it.
        every_ray: Trace every ray of every image.
        colours: Colours that the task gives classes in segmentation images.
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
        every_ray: bool = False,
        colours: Mapping[str, Colour] | None = None,
    ):
        builder = newton.ModelBuilder()
        others = [
            p.GetPath().pathString for p in stage.GetPrimAtPath("/World/envs").GetChildren() if p.GetName() != "env_0"
        ]
        # PhysX wants a joint that holds the robot's base (`physx.py`); Newton's importer holds it without one.
        others += [f"{ENVIRONMENT}/Robot/.*/{BASE_JOINT}"]
        builder.add_usd(stage, xform=wp.transform(-wp.vec3(*origin), wp.quat(0.0, 0.0, 0.0, 1.0)), ignore_paths=others)
        self._model = builder.finalize(device=device)
        self._state = self._model.state()
        self._joints = _Joints(self._model)
        labels = [_label_of(stage, path) for path in self._model.shape_label]
        visible = self._model.shape_flags.numpy() & int(newton.ShapeFlags.VISIBLE) != 0
        self.labels = tuple(sorted({label for label, seen in zip(labels, visible, strict=True) if seen} - {UNLABELLED}))
        self.colours = colours_of(labels, colours)
        by_shape = [self.colours[label] for label in (*labels, UNLABELLED, BACKGROUND)]
        self._colours = np.array(by_shape, dtype=np.uint8)
        self._outlines = _Outlines(self._model, visible & ~np.isin(self._model.shape_body.numpy(), _fixed(self._model)))
        self._modalities = tuple(modalities)
        everything = every_ray or not self._model.device.is_cpu or "rgb" in modalities  # shadows fall anywhere
        self._canvases = [_Canvas(view, self._modalities, whole=everything) for view in views]
        self._rays = _Rays(self._model, self._state, self._modalities, far=max(view.camera.far for view in views))
        if not everything:
            self._draw_backdrop()

    async def draw(self, state: State) -> Frame:
        """See `Renderer.draw`."""
        self._restore(state)
        bodies = self._state.body_q.numpy()
        for canvas in self._canvases:
            canvas.choose(None if canvas.whole else self._outlines.mask(canvas.view, bodies))
        self._trace()
        return {
            canvas.view.name: {name: image.copy() for name, image in canvas.images.items()} for canvas in self._canvases
        }

    def close(self) -> None:
        """See `Renderer.close`."""
        self._rays.close()

    def _restore(self, state: State) -> None:
        coordinates = self._joints.coordinates(state)
        newton.eval_fk(
            self._model,
            wp.array(coordinates, dtype=wp.float32, device=self._model.device),
            self._model.joint_qd,
            self._state,
        )
        self._model.bvh_refit_shapes(self._state)

    def _trace(self) -> None:
        """Trace the rays that every canvas has chosen, and put what they hit into its images."""
        hits = self._rays.trace(
            np.concatenate([canvas.origins for canvas in self._canvases]),
            np.concatenate([canvas.directions for canvas in self._canvases]),
        )
        begin = 0
        for canvas in self._canvases:
            end = begin + len(canvas.directions)
            canvas.paint({name: values[begin:end] for name, values in hits.items()}, self._colours)
            begin = end

    def _draw_backdrop(self) -> None:
        """Draw what never moves, with everything else far below the ground."""
        away = self._state.body_q.numpy()
        moving = np.setdiff1d(np.arange(len(away)), _fixed(self._model))
        away[moving, 2] -= 1e4
        self._state.body_q.assign(away)
        self._model.bvh_refit_shapes(self._state)
        for canvas in self._canvases:
            canvas.choose(None)
        self._trace()
        for canvas in self._canvases:
            canvas.keep_as_backdrop()


class _Joints:
    """Recorded states as the model's joint coordinates."""

    def __init__(self, model: newton.Model):
        self._first = model.joint_q.numpy().copy()
        self._starts = model.joint_q_start.numpy()
        children = [model.body_label[body] for body in model.joint_child.numpy()]
        free = model.joint_type.numpy() == int(newton.JointType.FREE)
        self._body = {child.rpartition("/")[2].lower(): index for index, child in enumerate(children) if free[index]}
        self._scalar = [
            index
            for index in range(len(free))
            if not free[index] and self._starts[index + 1] - self._starts[index] == 1
        ]

    def coordinates(self, state: State) -> NDArray[np.float32]:
        """Return the coordinates of a state, shape (coordinates,).

        Raises:
            SetupError: The recorded scene is another one.
        """
        found = self._first.copy()
        for asset, values in state.get("rigid_object", {}).items():
            if asset not in self._body:
                raise SetupError(f"the recorded object '{asset}' is not in this scene; pass the task of the recording")
            start = self._starts[self._body[asset]]
            found[start : start + 7] = values["root_pose"][0]
        for asset, values in state.get("articulation", {}).items():
            positions = values["joint_position"][0]
            if len(positions) != len(self._scalar):
                raise SetupError(
                    f"the recorded '{asset}' has {len(positions)} joints, this scene's {len(self._scalar)}; "
                    "pass the task of the recording"
                )
            found[[self._starts[index] for index in self._scalar]] = positions
        return found


class _Outlines:
    """Where moving bodies can be seen: their convex hulls, projected."""

    def __init__(self, model: newton.Model, visible: NDArray[np.bool_]):
        self._hulls: list[tuple[int, NDArray[np.float64]]] = []
        bodies, transforms, kinds = model.shape_body.numpy(), model.shape_transform.numpy(), model.shape_type.numpy()
        scales = model.shape_scale.numpy()
        points: dict[int, list[NDArray[np.float64]]] = {}
        for shape in np.flatnonzero(visible & (bodies >= 0)):
            corners = _points_of(model, int(shape), int(kinds[shape]), scales[shape])
            placed = corners @ rotation_matrices(transforms[shape, 3:]).T + transforms[shape, :3]
            points.setdefault(int(bodies[shape]), []).append(placed)
        for body, parts in points.items():
            cloud = np.concatenate(parts)
            self._hulls.append((body, cloud[ConvexHull(cloud).vertices]))

    def mask(self, view: View, bodies: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Return the pixels through which a moving body may be seen, (height, width); None when any may be.

        Args:
            view: The view.
            bodies: Poses of the bodies, shape (bodies, 7), (x, y, z, w).
        """
        height, width = view.size
        picture = Pillow.new("1", (width, height))
        pen = ImageDraw.Draw(picture)
        for body, hull in self._hulls:
            pose = bodies[body].astype(np.float64)
            pixels, depth = view.project(hull @ rotation_matrices(pose[3:]).T + pose[:3])
            if depth.max() <= 0.0:
                continue
            if depth.min() < 0.01:  # it reaches behind the image plane, where a projection means nothing
                return None
            try:
                outline = pixels[ConvexHull(pixels).vertices]
            except QhullError:  # seen edge-on
                outline = pixels
            # For Pillow, the middle of a pixel has whole coordinates.
            pen.polygon([tuple(corner) for corner in np.clip(outline - 0.5, -1e4, 1e4)], fill=1, outline=1)
        return _widened(np.array(picture))


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add a pixel all around, for what rounding leaves out."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    wide = rows.copy()
    wide[:, 1:] |= rows[:, :-1]
    wide[:, :-1] |= rows[:, 1:]
    return wide


def _points_of(model: newton.Model, shape: int, kind: int, scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return points whose hull contains a shape, in the shape's frame, (n, 3)."""
    if kind in (int(newton.GeoType.MESH), int(newton.GeoType.CONVEX_MESH)):
        return np.asarray(model.shape_source[shape].vertices, dtype=np.float64) * scale
    # Primitive shapes: the box around them. Capsules and cylinders keep their radius and half length in the scale.
    extent = scale.astype(np.float64) if kind == int(newton.GeoType.BOX) else np.full(3, float(scale.sum()))
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return np.asarray(signs * extent)


class _Canvas:
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


class _Rays:
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


def _fixed(model: newton.Model) -> NDArray[np.int32]:
    """Return the bodies that are fixed to the world, directly: the robot's base."""
    fixed = (model.joint_type.numpy() == int(newton.JointType.FIXED)) & (model.joint_parent.numpy() == -1)
    return np.asarray(model.joint_child.numpy()[fixed])


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
