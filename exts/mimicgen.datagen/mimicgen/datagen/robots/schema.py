"""What a robot is, as its file says it.

A robot file (`data/robots/NAME.toml`) describes one robot: where its model comes from, what moves it, and its arms with
their end effectors. Lengths in m, angles in rad, masses in kg, forces in N and N m; quaternions are x, y, z, w; frames
are the links' own. `docs/robots.md` explains the keys.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$(?!\n)")]
"""A name that can be a key, a part of a path in a dataset and the name of a prim."""

Text = Annotated[str, Meta(min_length=1, max_length=2000)]

Link = Annotated[str, Meta(min_length=1, max_length=200)]
"""Name of a link, or of a joint, of a robot's model."""

Joints = Annotated[tuple[Link, ...], Meta(min_length=1, max_length=100)]
"""Names of joints, or regular expressions that match whole names: `shoulder`, `joint[1-7]`, `finger.*`."""

Length = Annotated[float, Meta(ge=-100, le=100)]
"""A coordinate [m]."""

Size = Annotated[float, Meta(ge=1e-4, le=100)]
"""An edge, a radius or a height [m]."""

Mass = Annotated[float, Meta(ge=1e-4, le=1000)]
"""[kg]"""

Angle = Annotated[float, Meta(ge=-6.2832, le=6.2832)]
"""[rad]."""

Home = Annotated[dict[Link, Length], Meta(max_length=200)]
"""Positions of joints by name or regular expression [rad, m]."""

Vector = tuple[Length, Length, Length]
Sizes = tuple[Size, Size, Size]
Angles = tuple[Angle, Angle, Angle]
"""Roll, pitch and yaw about the fixed axes x, y and z [rad]."""

Share = Annotated[float, Meta(ge=0, le=1)]
Colour = tuple[Share, Share, Share]
"""Red, green and blue."""


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape"):
    """A solid in the frame of what it belongs to.

    Attributes:
        position: Of its centre [m].
        rotation: Roll, pitch and yaw [rad].
        colour: Its own, in place of the one of what it belongs to.
        collides: Whether anything can touch it.
        visible: Whether it is seen.
    """

    position: Vector = (0.0, 0.0, 0.0)
    rotation: Angles = (0.0, 0.0, 0.0)
    colour: Colour | None = None
    collides: bool = True
    visible: bool = True


class Box(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="box"):
    """A box.

    Attributes:
        size: Edges along x, y and z [m].
    """

    size: Sizes


class Sphere(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="sphere"):
    """A sphere.

    Attributes:
        radius: [m]
    """

    radius: Size


class Cylinder(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="cylinder"):
    """A cylinder.

    Attributes:
        radius: [m]
        height: [m]
        axis: That it is along.
    """

    radius: Size
    height: Size
    axis: Literal["x", "y", "z"] = "z"


class Capsule(Shape, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="capsule"):
    """A capsule: a cylinder with half a sphere at either end.

    Attributes:
        radius: [m]
        height: Of the cylinder alone [m].
        axis: That it is along.
    """

    radius: Size
    height: Size
    axis: Literal["x", "y", "z"] = "z"


Collider = Box | Sphere | Cylinder | Capsule


class Packaged(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a robot's model comes from.

    Attributes:
        format: What the file is; URDF and MJCF are converted to USD, once, into the user's cache.
        package: Installed Python package that holds the file; left out for a file beside the robot file.
        path: The file, inside the package, or inside the robot file's folder.
        ros_packages: Folders, likewise, that `package://NAME/` in a URDF stands for.
        install: How the package gets installed, for the message when it is not.
    """

    format: Literal["urdf", "mjcf", "usd"]
    path: Text
    package: Text | None = None
    ros_packages: Annotated[dict[Link, Text], Meta(max_length=20)] = {}
    install: Text = "./scripts/setup.sh"


class LinkJoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a link of the file's own moves against the one that it is on.

    Attributes:
        kind: Along the axis, or about it.
        axis: In the link's own frame.
        low: Smallest position [m or rad].
        high: Largest position, likewise.
    """

    kind: Literal["slide", "hinge"]
    axis: Literal["x", "y", "z"]
    low: Length
    high: Length


class OwnLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link that the model lacks: a part of a gripper, or, without shapes, a frame for a tool.

    Attributes:
        on: Link that it is fixed to or moves against, the model's or another one of these.
        position: Where its frame is in that link's, with its joint at zero [m].
        rotation: Likewise, roll, pitch and yaw [rad].
        joint: How it moves, called NAME_joint; left out where it is fixed.
        shapes: What it is made of, in its own frame. The mass is spread evenly over the box around them.
        mass: [kg]
        colour: Of its shapes.
    """

    on: Link
    position: Vector = (0.0, 0.0, 0.0)
    rotation: Angles = (0.0, 0.0, 0.0)
    joint: LinkJoint | None = None
    shapes: Annotated[tuple[Collider, ...], Meta(max_length=50)] = ()
    mass: Mass = 0.1
    colour: Colour = (0.25, 0.26, 0.28)


Force = Annotated[float, Meta(ge=0, le=1e7)]
"""A largest force or torque [N, N m]."""


class Drive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What moves some joints: a spring and a damper towards their targets.

    Attributes:
        joints: Names, or patterns of them.
        stiffness: [N m/rad] or [N/m].
        damping: [N m s/rad] or [N s/m].
        effort: Largest torque or force [N m, N], by joint pattern, or one for all; the model's own where left out.
    """

    joints: Joints
    stiffness: Annotated[float, Meta(ge=0, le=1e7)]
    damping: Annotated[float, Meta(ge=0, le=1e7)]
    effort: Force | Annotated[dict[Link, Force], Meta(max_length=100)] | None = None


class Gripper(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gripper that opens and closes.

    Attributes:
        joints: Names of its joints, or patterns of them.
        open: Their positions when it is open [m or rad].
        closed: The same when it is closed.
        fingers: Links that grasp, with a point on each between which an object is held, in the link's frame [m].
        reach: Largest width that fits between the fingers [m].
    """

    joints: Joints
    open: Length
    closed: Length
    fingers: Annotated[dict[Link, Vector], Meta(max_length=20)] = {}
    reach: Size = 0.08


class Controller(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an arm's actions move it.

    Attributes:
        kind: Differential inverse kinematics, with poses relative to where the hand is, or absolute ones.
        scale: What a relative action is multiplied with, as Isaac Lab's action term does.
        method: Of the inverse kinematics.
    """

    kind: Literal["relative_ik", "absolute_ik"] = "relative_ik"
    scale: Annotated[float, Meta(ge=1e-3, le=100)] = 0.5
    method: Literal["dls"] = "dls"


class Arm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An arm with its end effector.

    Attributes:
        joints: Names of the joints that the controller moves, from the base to the hand, or patterns of them.
        links: Names of the links from the shoulder to the hand, for how far it reaches.
        body: Link that the tool is fixed to.
        tool: The end effector's frame in the frame of `body`: position [m]. Its z points where the hand does, and its y
            along the way of the fingers.
        controlled: Point that the controller moves, in the frame of `body` [m]; the tool where it is left out.
        speeds: Largest speeds of the joints [rad/s], for the checks of demonstrations.
        controller: How actions move it.
        gripper: What it grasps with; left out for a tool that does not.
    """

    joints: Joints
    links: Annotated[tuple[Link, ...], Meta(min_length=2, max_length=100)]
    body: Link
    tool: Vector = (0.0, 0.0, 0.0)
    controlled: Vector | None = None
    speeds: Annotated[tuple[Annotated[float, Meta(ge=0, le=100)], ...], Meta(max_length=100)] = ()
    controller: Controller = Controller()
    gripper: Gripper | None = None


class Robot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A robot.

    Attributes:
        description: What it is, in words.
        label: Its class in segmentation images.
        model: Where it comes from.
        links: Links that the model lacks, by name.
        base: Link that the environment's frame is told from.
        fixed: Whether the base stands still.
        gravity: Whether gravity pulls at it; controllers of real arms compensate it.
        independent: Joints that follow others in the model, and are moved on their own here.
        home: Positions of the joints at a reset, by name or pattern [rad, m].
        drives: What moves the joints, by name.
        model_colliders: Links that keep the colliders of the model; all others lose theirs.
        colliders: Shapes by link that stand for it when something touches it, in the link's frame. `docs/physics.md`
            says why boxes and capsules in place of meshes.
        arms: Its arms by name.
    """

    description: Text
    label: Name = "robot"
    model: Packaged
    links: Annotated[dict[Name, OwnLink], Meta(max_length=50)] = {}
    base: Link
    fixed: bool = True
    gravity: bool = False
    independent: Annotated[tuple[Link, ...], Meta(max_length=100)] = ()
    home: Home
    drives: Annotated[dict[Name, Drive], Meta(min_length=1, max_length=50)]
    model_colliders: Annotated[tuple[Link, ...], Meta(max_length=200)] = ()
    colliders: Annotated[dict[Link, Annotated[tuple[Collider, ...], Meta(max_length=50)]], Meta(max_length=200)] = {}
    arms: Annotated[dict[Name, Arm], Meta(min_length=1, max_length=8)]

    def touching(self, link: str) -> tuple[Collider, ...]:
        """Return the shapes that the file says a link is touched by, in the link's frame."""
        own = self.links.get(link)
        return tuple(shape for shape in own.shapes if shape.collides) if own else self.colliders.get(link, ())
