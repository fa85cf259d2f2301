"""Which surfaces a scene shows: triangles of what moves, solids, and what never moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import newton
import numpy as np
import warp as wp
from numpy.typing import NDArray

from mimicgen.datagen.embedded.images.kernels.scene import Meshes, Shapes


class Surfaces:
    """The visible shapes of a model of one environment, on its device.

    Args:
        model: The model.

    Attributes:
        shapes: All of its shapes.
        visible, moving, static, solids: Numbers of shapes: those that are seen; of these, those whose body moves, those
            that stand still, and those that move and are no mesh.
        balls: Middle and radius of a ball around each shape, in its frame.
        meshes: The triangles of the moving meshes.
        own_colour: Display colour by shape, (0, 0, 0) to (1, 1, 1).
    """

    def __init__(self, model: newton.Model):
        device, bodies = model.device, model.shape_body.numpy()
        kinds, sizes = model.shape_type.numpy(), model.shape_scale.numpy()
        visible = model.shape_flags.numpy() & int(newton.ShapeFlags.VISIBLE) != 0
        moves = visible & (bodies >= 0) & ~np.isin(bodies, fixed_bodies(model))
        meshes = kinds == int(newton.GeoType.MESH)
        self.visible, self.moving = self._numbers(visible, device), self._numbers(moves, device)
        self.static, self.solids = self._numbers(visible & ~moves, device), self._numbers(moves & ~meshes, device)
        self.own_colour = wp.clone(model.shape_color)
        self.shapes = Shapes()
        self.shapes.kind, self.shapes.size = model.shape_type, model.shape_scale
        self.shapes.mesh = model.shape_source_ptr
        self.shapes.gloss = wp.zeros(len(kinds), dtype=wp.float32, device=device)
        self.shapes.pattern = wp.zeros(len(kinds), dtype=wp.vec3, device=device)
        balls = [_ball(model, shape, bool(meshes[shape]), sizes[shape]) for shape in range(len(kinds))]
        self.balls = wp.array(np.array(balls), dtype=wp.vec4, device=device)
        points, triangles, vertex_shape, triangle_shape = [], [], [], []
        begin = 0
        for shape in np.flatnonzero(moves & meshes):
            mesh = model.shape_source[shape]
            faces = np.asarray(mesh.indices, dtype=np.int32).reshape(-1, 3)
            points.append(np.asarray(mesh.vertices, dtype=np.float32))
            triangles.append(faces + begin)
            vertex_shape.append(np.full(len(mesh.vertices), shape, dtype=np.int32))
            triangle_shape.append(np.full(len(faces), shape, dtype=np.int32))
            begin += len(mesh.vertices)
        self.meshes = Meshes()
        self.meshes.points = _joined(points, (0, 3), wp.vec3, device)
        self.meshes.triangles = _joined(triangles, (0, 3), wp.int32, device)
        self.meshes.vertex_shape = _joined(vertex_shape, (0,), wp.int32, device)
        self.meshes.triangle_shape = _joined(triangle_shape, (0,), wp.int32, device)

    @staticmethod
    def _numbers(which: NDArray[np.bool_], device: wp.Device) -> wp.array:
        return wp.array(np.flatnonzero(which), dtype=wp.int32, device=device)


def fixed_bodies(model: newton.Model) -> NDArray[np.int32]:
    """Return the bodies that are fixed to the world, directly: a robot's base."""
    fixed = (model.joint_type.numpy() == int(newton.JointType.FIXED)) & (model.joint_parent.numpy() == -1)
    return np.asarray(model.joint_child.numpy()[fixed])


def _joined(parts: Sequence[NDArray[Any]], empty: tuple[int, ...], kind: type, device: wp.Device) -> wp.array:
    return wp.array(np.concatenate(parts) if parts else np.zeros(empty), dtype=kind, device=device)


def _ball(model: newton.Model, shape: int, is_mesh: bool, size: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the middle and the radius of a ball that contains a shape, in the shape's frame, a little larger."""
    if is_mesh:
        points = np.asarray(model.shape_source[shape].vertices, dtype=np.float64) * size
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        return np.append(middle, np.linalg.norm(points - middle, axis=1).max() * 1.001 + 1e-4)
    # Capsules, cylinders and the like keep their radius and half length in their size; an endless plane has none.
    radius = float(np.linalg.norm(size)) if size.any() else 1e4
    return np.array([0.0, 0.0, 0.0, radius * 1.5 + 1e-4])
