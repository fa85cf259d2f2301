"""Putting a look on the shapes of a model: colours, highlights, and the things that stand about."""

from __future__ import annotations

from collections.abc import Sequence

import newton
import numpy as np
import warp as wp

from mimicgen.datagen.dataset.images.looks import PATTERNS, Look
from mimicgen.datagen.dataset.images.room import Shape, Standing
from mimicgen.datagen.embedded.images.surfaces import Surfaces

KINDS: dict[Shape, newton.GeoType] = {
    "box": newton.GeoType.BOX,
    "cylinder": newton.GeoType.CYLINDER,
    "ball": newton.GeoType.SPHERE,
    "cone": newton.GeoType.CONE,
}


def add_spares(builder: newton.ModelBuilder, count: int) -> list[int]:
    """Add shapes that are not seen, and become things that stand about; return their numbers."""
    unseen = newton.ModelBuilder.ShapeConfig(is_visible=False, has_shape_collision=False, has_particle_collision=False)
    return [builder.add_shape_box(-1, cfg=unseen, label=f"distractor_{number}") for number in range(count)]


class Dressing:
    """What dresses the shapes of a model.

    Args:
        model: The model.
        surfaces: Its surfaces.
        labels: The class of each shape.
        spares: Shapes of `add_spares`.
    """

    def __init__(self, model: newton.Model, surfaces: Surfaces, labels: Sequence[str], spares: Sequence[int]):
        self._model, self._surfaces, self._labels, self._spares = model, surfaces, labels, spares
        self._own_colour = surfaces.own_colour.numpy().copy()
        self._visible, self._static = surfaces.visible.numpy(), surfaces.static.numpy()

    def put_on(self, look: Look | None) -> None:
        """Dress the shapes; without a look they are as the scene has them."""
        colours, gloss = self._own_colour.copy(), np.zeros(len(self._labels), np.float32)
        patterns = np.zeros((len(self._labels), 3), np.float32)
        for shape, label in enumerate(self._labels):
            paint = look.paints.get(label) if look is not None else None
            if paint is not None:
                colours[shape], gloss[shape] = paint.over(colours[shape]), paint.gloss
                patterns[shape] = (PATTERNS.index(paint.pattern), paint.size, paint.contrast)
        things = look.distractors if look is not None else ()
        used = self._spares[: len(things)]
        for shape, thing in zip(used, things, strict=True):
            colours[shape], gloss[shape] = thing.colour, thing.gloss
        self._stand(used, things)
        surfaces = self._surfaces
        surfaces.own_colour.assign(colours)
        surfaces.shapes.gloss.assign(gloss)
        surfaces.shapes.pattern.assign(patterns)
        for name, before in (("visible", self._visible), ("static", self._static)):
            now = np.concatenate([before, used]).astype(np.int32)
            setattr(surfaces, name, wp.array(now, dtype=wp.int32, device=self._model.device))

    def _stand(self, shapes: Sequence[int], things: Sequence[Standing]) -> None:
        if not shapes:
            return
        model = self._model
        kinds, sizes = model.shape_type.numpy(), model.shape_scale.numpy()
        poses, balls = model.shape_transform.numpy(), self._surfaces.balls.numpy()
        for shape, thing in zip(shapes, things, strict=True):
            half = np.array(thing.size) / 2
            kinds[shape] = int(KINDS[thing.shape])
            sizes[shape] = half if thing.shape == "box" else (half[0], half[2], 0.0)
            poses[shape] = (*thing.position, 0.0, 0.0, np.sin(thing.yaw / 2), np.cos(thing.yaw / 2))
            balls[shape] = (0.0, 0.0, 0.0, thing.radius * 1.001 + 1e-4)
        model.shape_type.assign(kinds)
        model.shape_scale.assign(sizes)
        model.shape_transform.assign(poses)
        self._surfaces.balls.assign(balls)
