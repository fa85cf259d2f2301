"""The conditions that a task file can state: when a subtask's signal comes, and what success is.

Each is a table with the key `is`, for instance `{ is = "on_top", object = "mug", of = "shelf" }`. Here is what they
say; `tasks/predicates/` evaluates them. Lengths in m, angles in rad, speeds in m/s. Objects' frames are their own,
as the task file draws them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from mimicgen.datagen.robots.schema import Length, Name, Sizes, Text, Vector

Tolerance = Annotated[float, Meta(ge=0, le=10)]
"""[m], [rad] or [m/s]."""

Axis = Literal["x", "y", "z"]


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is"):
    """What can be true of a scene."""


class Grasped(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="grasped"):
    """An object is between the fingers of a hand, which have closed, and not all the way.

    Attributes:
        object: The object.
        arm: End effector; may be left out where there is one.
        point: Where it is grasped, in the object's frame [m].
        near: Largest distance of that point from the tool [m].
        closed: Every finger is at least this far from where it is when open [m or rad].
        apart: Likewise from where it is when shut, with nothing in between.
    """

    object: Name
    arm: Name | None = None
    point: Vector = (0.0, 0.0, 0.0)
    near: Tolerance = 0.06
    closed: Tolerance = 0.005
    apart: Tolerance = 0.001


class Lifted(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="lifted"):
    """An object is higher than where attempts start it.

    Attributes:
        object: The object.
        by: By how much at least [m].
    """

    object: Name
    by: Tolerance = 0.03


class OnTop(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="on_top"):
    """An object stands on another one: its lowest point is at the other's highest.

    Attributes:
        object: The upper one.
        of: The lower one.
        beside: Largest horizontal distance of their centres [m].
        within: By how much the upper one may be too high [m].
        below: By how much it may be too low [m]; as much as too high where it is left out.
        height: Height of its centre over the other's when it stands there [m]; where it is left out, the shapes say
            it, however the objects are turned.
    """

    object: Name
    of: Name
    beside: Tolerance = 0.03
    within: Tolerance = 0.006
    below: Tolerance | None = None
    height: Length | None = None


class Inside(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="inside"):
    """An object's centre is inside of another one, in the other's frame.

    Attributes:
        object: The inner one.
        of: The outer one.
        size: Edges of the space inside [m]; those of the outer one's shapes where it is left out.
        centre: Centre of that space in the outer one's frame [m]; likewise.
    """

    object: Name
    of: Name
    size: Sizes | None = None
    centre: Vector | None = None


class Inserted(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="inserted"):
    """A point of an object is below an opening of another one, and straight below it.

    Attributes:
        object: The one that goes in.
        into: The one that it goes into, or onto.
        tip: The point, in the object's frame [m].
        opening: Centre of the opening in the other's frame [m]; its z points out of it.
        depth: How deep at least [m].
        beside: Largest distance from the opening's axis [m].
    """

    object: Name
    into: Name
    tip: Vector = (0.0, 0.0, 0.0)
    opening: Vector = (0.0, 0.0, 0.0)
    depth: Tolerance
    beside: Tolerance = 0.01


class Aligned(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="aligned"):
    """An axis of an object points where one of another object does.

    Attributes:
        object: The object.
        of: The other one.
        axis: Of both.
        within: Largest angle between them [rad].
        symmetry: In how many ways it may be turned about z: 4 for a square; only for the axes x and y.
    """

    object: Name
    of: Name
    axis: Axis = "x"
    within: Tolerance = 0.15
    symmetry: Annotated[int, Meta(ge=1, le=36)] = 1


class Near(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="near"):
    """An object, or a hand, is near another object, or a point.

    Attributes:
        object: The object; or
        arm: the end effector.
        of: The other object; a point of the environment's frame if left out.
        point: In the other's frame, or the environment's [m].
        within: Largest distance [m].
    """

    object: Name | None = None
    arm: Name | None = None
    of: Name | None = None
    point: Vector = (0.0, 0.0, 0.0)
    within: Tolerance


class Upright(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="upright"):
    """An object's z points up.

    Attributes:
        object: The object.
        within: Largest angle between them [rad].
    """

    object: Name
    within: Tolerance = 0.2


class JointBeyond(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="joint_beyond"):
    """A joint of an object is above or below a position: a drawer is open, a lid is shut.

    Attributes:
        object: The object.
        part: The part that the joint moves.
        above: Smallest position [m or rad].
        below: Largest position, likewise.
    """

    object: Name
    part: Name
    above: Length | None = None
    below: Length | None = None


class GripperOpen(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="gripper_open"):
    """The fingers of a hand are open.

    Attributes:
        arm: End effector; may be left out where there is one.
        within: By how much each finger may be away from that [m or rad].
    """

    arm: Name | None = None
    within: Tolerance = 0.001


class AtRest(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="at_rest"):
    """An object does not move.

    Attributes:
        object: The object.
        speed: Largest speed [m/s].
    """

    object: Name
    speed: Tolerance = 0.05


class All(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="all"):
    """All of several conditions hold.

    Attributes:
        of: The conditions.
    """

    of: Annotated[tuple[AnyCondition, ...], Meta(min_length=1, max_length=64)]


class OneOf(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="any"):
    """At least one of several conditions holds.

    Attributes:
        of: The conditions.
    """

    of: Annotated[tuple[AnyCondition, ...], Meta(min_length=1, max_length=64)]


class Not(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="not"):
    """A condition does not hold.

    Attributes:
        condition: The condition.
    """

    condition: AnyCondition


class Held(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="held"):
    """A condition has held for some steps without a break.

    Attributes:
        condition: The condition.
        steps: For how many.
    """

    condition: AnyCondition
    steps: Annotated[int, Meta(ge=1, le=1000)]


class Custom(Condition, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="is", tag="python"):
    """What a Python function says, for what the others cannot.

    Attributes:
        function: `module:function`, imported when it is first used. It gets a `tasks.predicates.scenes.Scene`, and the
            parameters by name, and returns a value for every row of it, shape (rows,): either bool, or how far it is
            from true as a number, which is true at 0 and below. It uses `scene.xp`, which is `torch` where an
            environment is looked at, and `numpy` where a recording is.
        parameters: Passed on by name.
    """

    function: Annotated[
        str, Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$(?!\n)", max_length=200, examples=["module:function"])
    ]
    parameters: Annotated[dict[Name, float | bool | Text], Meta(max_length=50)] = {}


AnyCondition = (
    Grasped
    | Lifted
    | OnTop
    | Inside
    | Inserted
    | Aligned
    | Near
    | Upright
    | JointBeyond
    | GripperOpen
    | AtRest
    | All
    | OneOf
    | Not
    | Held
    | Custom
)
