"""Draws recorded states with Newton's ray tracer, in a model of its own: the running simulation is not touched.

On a CPU a ray costs about a microsecond where the robot is and a fifth of that elsewhere, so only rays that can have
changed are traced: those through the outlines of whatever moves. The rest of an image is traced once. The result is
the same, bit for bit, as tracing every ray (a test compares them).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import newton
import numpy as np
import warp as wp
from numpy.typing import NDArray
from pxr import Usd, UsdSemantics

from mimicgen.datagen.dataset.images.pixels import (
    BACKGROUND,
    UNLABELLED,
    Colour,
    Frame,
    colours_of,
)
from mimicgen.datagen.dataset.images.renderer import State
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.embedded.outlines import Outlines
from mimicgen.datagen.embedded.rays import Canvas, Rays
from mimicgen.datagen.errors import SetupError

ENVIRONMENT = "/World/envs/env_0"
"""The environment that is drawn; all of them look alike."""

BASE_JOINT = "FixedJoint"
"""What Isaac Lab calls the joint that fixes a robot's base."""


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
        # PhysX wants a joint that holds a robot's base (`physx.py`); Newton's importer holds it without one.
        others += [f"{ENVIRONMENT}/.*/{BASE_JOINT}"]
        place = wp.transform(-wp.vec3(*origin), wp.quat(0.0, 0.0, 0.0, 1.0))
        builder.add_usd(stage, xform=place, ignore_paths=others, load_sites=False)  # whose marks would be seen
        self._model = builder.finalize(device=device)
        self._state = self._model.state()
        self._joints = _Joints(self._model)
        labels = [_label_of(stage, path) for path in self._model.shape_label]
        visible = self._model.shape_flags.numpy() & int(newton.ShapeFlags.VISIBLE) != 0
        self.labels = tuple(sorted({label for label, seen in zip(labels, visible, strict=True) if seen} - {UNLABELLED}))
        self.colours = colours_of(labels, colours)
        by_shape = [self.colours[label] for label in (*labels, UNLABELLED, BACKGROUND)]
        self._colours = np.array(by_shape, dtype=np.uint8)
        self._outlines = Outlines(self._model, visible & ~np.isin(self._model.shape_body.numpy(), _fixed(self._model)))
        self._modalities = tuple(modalities)
        everything = every_ray or not self._model.device.is_cpu or "rgb" in modalities  # shadows fall anywhere
        self._canvases = [Canvas(view, self._modalities, whole=everything) for view in views]
        self._rays = Rays(self._model, self._state, self._modalities, far=max(view.camera.far for view in views))
        if not everything:
            self._draw_backdrop()

    async def draw(self, state: State) -> Frame:
        """See `Renderer.draw`."""
        return self.drawn(state)

    def drawn(self, state: State) -> Frame:
        """Return the images of a state, for who has no event loop."""
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
        # Of what has joints: a robot, or an object with parts. By the prim that is its own in the environment.
        self._scalar: dict[str, list[int]] = {}
        for index, (begin, end) in enumerate(itertools.pairwise(self._starts)):
            if not free[index] and end - begin == 1:
                own = children[index].removeprefix(f"{ENVIRONMENT}/").partition("/")[0].lower()
                self._scalar.setdefault(own, []).append(int(begin))

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
            own = self._scalar.get(asset.lower(), [])
            if len(positions) != len(own):
                raise SetupError(
                    f"the recorded '{asset}' has {len(positions)} joints, this scene's {len(own)}; "
                    "pass the task of the recording"
                )
            found[own] = positions
        return found


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
