"""The objects of a task, as its file draws them. Lengths in m, angles in rad, masses in kg."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mimicgen.datagen.robots.schema import (
    Angles,
    Box,
    Capsule,
    Colour,
    Cylinder,
    Length,
    Mass,
    Name,
    Shape,
    Sizes,
    Sphere,
    Text,
    Vector,
)


class Mesh(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="mesh"):
    """A mesh: an OBJ or STL file, met as its convex hull.

    Attributes:
        file: Path relative to the task file, inside its folder.
        scale: Of its coordinates along x, y and z.
    """

    file: Text
    scale: Sizes = (1.0, 1.0, 1.0)


AnyShape = Box | Sphere | Cylinder | Capsule | Mesh


class Joint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a part of an object moves against another.

    Attributes:
        kind: Along the axis, or about it.
        parent: The part that it moves against; the object itself where left out.
        axis: In the part's frame.
        position: Where the part's frame is in its parent's, with the joint at zero [m].
        low: Smallest position [m or rad].
        high: Largest position, likewise.
        damping: [N s/m or N m s/rad].
        friction: [N or N m].
    """

    kind: Literal["slide", "hinge"]
    parent: Name | None = None
    axis: Literal["x", "y", "z"]
    position: Vector = (0.0, 0.0, 0.0)
    low: Length
    high: Length
    damping: Annotated[float, Meta(ge=0, le=1e4)] = 1.0
    friction: Annotated[float, Meta(ge=0, le=1e4)] = 0.0


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of an object that a joint moves.

    Attributes:
        shapes: What it is made of, in its own frame.
        joint: How it moves.
        mass: [kg].
        colour: As an object's.
    """

    shapes: Annotated[tuple[AnyShape, ...], Meta(min_length=1, max_length=200)]
    joint: Joint
    mass: Mass = 0.2
    colour: Colour | None = None


Byte = Annotated[int, Meta(ge=0, le=255)]


class Object(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object of the scene.

    Attributes:
        shapes: What it is made of, in its own frame; or
        usd: a USD file with rigid bodies, relative to the task file.
        parts: What joints move, by name.
        movable: Whether it can be pushed. One that cannot may still start in different places.
        mass: [kg], without the parts'.
        friction: Coulomb friction against whatever touches it.
        colour: Of its shapes.
        label: Its class in segmentation images; its name where it is left out.
        class_colour: Colour of its class in segmentation images, as bytes; chosen by name if left out.
        position: Where it starts when no variant says it [m].
        rotation: Roll, pitch and yaw, likewise [rad].
    """

    shapes: Annotated[tuple[AnyShape, ...], Meta(max_length=200)] = ()
    usd: Text | None = None
    parts: Annotated[dict[Name, Part], Meta(max_length=20)] = {}
    movable: bool = True
    mass: Mass = 0.1
    friction: Annotated[float, Meta(ge=0, le=10)] = 1.0
    colour: Colour = (0.6, 0.6, 0.6)
    label: Name | None = None
    class_colour: tuple[Byte, Byte, Byte] | None = None
    position: Vector = (0.0, 0.0, 0.0)
    rotation: Angles = (0.0, 0.0, 0.0)
