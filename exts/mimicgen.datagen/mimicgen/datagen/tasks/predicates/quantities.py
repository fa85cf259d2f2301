"""The quantities that conditions measure, a value for every row of a scene, shape (rows,)."""

from __future__ import annotations

import math

from mimicgen.datagen.robots.schema import Vector
from mimicgen.datagen.tasks.predicates.scenes import Array, Scene


def _length(scene: Scene, vectors: Array) -> Array:
    return scene.xp.linalg.vector_norm(vectors, axis=-1)


def offset(scene: Scene, name: str, of: str) -> Array:
    """Return from an object's centre to another's, shape (rows, 3) [m]."""
    return scene.position(name) - scene.position(of)


def seen_from(scene: Scene, name: str, point: Vector, of: str, origin: Vector) -> Array:
    """Return a point of an object relative to a point of another, in the other's frame, shape (rows, 3) [m]."""
    away = scene.point(name, point) - scene.position(of)
    inside = (away[:, None, :] @ scene.rotation(of))[:, 0]
    return inside - scene.constant(origin) if any(origin) else inside


def tool_to_point(scene: Scene, arm: str | None, name: str, point: Vector) -> Array:
    """Return the distance of a tool from a point of an object [m]."""
    return _length(scene, scene.point(name, point) - scene.tool(arm))


def from_position(scene: Scene, arm: str | None, position: float) -> Array:
    """Return how far each joint of a gripper is from a position, shape (rows, joints) [m or rad]."""
    return abs(scene.fingers(arm) - position)


def least_from(scene: Scene, arm: str | None, position: float) -> Array:
    """Return how far the joint of a gripper that is nearest to a position is from it [m or rad]."""
    return scene.xp.amin(scene.once(from_position, arm, position), axis=-1)


def most_from(scene: Scene, arm: str | None, position: float) -> Array:
    """Return how far the joint of a gripper that is farthest from a position is from it [m or rad]."""
    return scene.xp.amax(scene.once(from_position, arm, position), axis=-1)


def lift(scene: Scene, name: str) -> Array:
    """Return how much higher an object is than when the attempt began [m]."""
    return scene.position(name)[:, 2] - scene.start_height(name)


def beside(scene: Scene, upper: str, lower: str) -> Array:
    """Return the horizontal distance of two objects' centres [m]."""
    return _length(scene, scene.once(offset, upper, lower)[:, :2])


def over_height(scene: Scene, upper: str, lower: str, height: float) -> Array:
    """Return how much farther than a height an object's centre is above another's [m]."""
    return scene.once(offset, upper, lower)[:, 2] - height


def over_top(scene: Scene, upper: str, lower: str, box: tuple[Vector, Vector], below: tuple[Vector, Vector]) -> Array:
    """Return how far an object's lowest point is above the highest one of another [m].

    Args:
        scene: The scene.
        upper: The object.
        lower: The other one.
        box: Centre and half of the edges of the box around the object, in its own frame [m].
        below: Likewise of the other one.
    """
    up, up_below = (scene.rotation(name)[:, 2] for name in (upper, lower))
    bottom = up @ scene.constant(box[0]) - abs(up) @ scene.constant(box[1])
    top = up_below @ scene.constant(below[0]) + abs(up_below) @ scene.constant(below[1])
    return scene.once(offset, upper, lower)[:, 2] + bottom - top


def off_centre(scene: Scene, name: str, of: str, centre: Vector, axis: int) -> Array:
    """Return how far an object's centre is from a point of another, along one of the other's axes [m]."""
    return abs(scene.once(seen_from, name, (0.0, 0.0, 0.0), of, centre)[:, axis])


def off_axis(scene: Scene, name: str, into: str, tip: Vector, opening: Vector) -> Array:
    """Return how far an object's tip is from the axis of an opening [m]."""
    return _length(scene, scene.once(seen_from, name, tip, into, opening)[:, :2])


def depth(scene: Scene, name: str, into: str, tip: Vector, opening: Vector) -> Array:
    """Return how deep an object's tip is below an opening [m]."""
    return -scene.once(seen_from, name, tip, into, opening)[:, 2]


def between_axes(scene: Scene, name: str, of: str, axis: str, symmetry: int) -> Array:
    """Return the angle between an axis of an object and that of another, in the nearest symmetric way [rad]."""
    index = "xyz".index(axis)
    direction = (scene.rotation(name)[:, None, :, index] @ scene.rotation(of))[:, 0]
    x, y, z = direction[:, 0], direction[:, 1], direction[:, 2]
    if axis == "z":
        return scene.xp.atan2(scene.xp.hypot(x, y), z)
    part = 2 * math.pi / symmetry
    turn = scene.xp.atan2(y, x) - (0.0 if axis == "x" else math.pi / 2)
    turn = (turn + part / 2) % part - part / 2
    flat = scene.xp.hypot(x, y)
    return scene.xp.atan2(scene.xp.hypot(flat * scene.xp.sin(turn), z), flat * scene.xp.cos(turn))


def distance(scene: Scene, name: str | None, arm: str | None, of: str | None, point: Vector) -> Array:
    """Return the distance of an object's centre, or a tool, from a point of another object or of the environment."""
    here = scene.tool(arm) if name is None else scene.position(name)
    return _length(scene, here - (scene.constant(point) if of is None else scene.point(of, point)))


def tilt(scene: Scene, name: str) -> Array:
    """Return the angle between an object's z and the vertical [rad]."""
    axis = scene.rotation(name)[:, :, 2]
    return scene.xp.atan2(_length(scene, axis[:, :2]), axis[:, 2])


def speed(scene: Scene, name: str) -> Array:
    """Return how fast an object moves [m/s]."""
    return _length(scene, scene.velocity(name))
