"""Links that a robot file adds to its model: grippers made of boxes, frames for tools."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.robots.models import Limits, Model
from mimicgen.datagen.robots.schema import LinkJoint, OwnLink
from mimicgen.datagen.robots.shapes import add_shape, paint

_FRAME = 0.01
"""Edge of the box that a link without shapes counts as, for its inertia [m]."""

_TURN = 2 * math.pi


def joint_name(link: str) -> str:
    """Return what the joint of a link is called."""
    return f"{link}_joint"


def joined(model: Model, links: Mapping[str, OwnLink]) -> Model:
    """Return a model with the links that a robot file adds."""
    joints: dict[str, Limits | None] = {
        joint_name(name): (own.joint.low, own.joint.high) for name, own in links.items() if own.joint
    }
    return dataclasses.replace(model, links=model.links | set(links), joints=model.joints | joints)


def in_order(links: Mapping[str, OwnLink]) -> list[str]:
    """Return the names of links, each after the one that it is on; those on each other in a circle are left out."""
    found: list[str] = []
    for _ in links:
        found += [name for name, own in links.items() if name not in found and (own.on not in links or own.on in found)]
    return found


def faults_of_links(links: Mapping[str, OwnLink]) -> Iterator[str]:
    """Yield what is wrong with links that a robot file adds, as far as can be seen without the model."""
    for name, own in links.items():
        if name not in in_order(links):
            yield f"links.{name}.on = {quoted(own.on)}: these links are on each other in a circle; put one on the model"
        if own.joint:
            yield from _faults_of_joint(f"links.{name}.joint", own.joint)


def faults_against(links: Mapping[str, OwnLink], model: Model) -> Iterator[str]:
    """Yield what is wrong between links that a robot file adds and the model's own."""
    known = sorted(model.links | set(links))
    for name, own in links.items():
        if name in model.links:
            yield f"links.{name}: the model has a link of that name; give another one"
        if own.joint and joint_name(name) in model.joints:
            yield f"links.{name}: the model has a joint '{joint_name(name)}'; give the link another name"
        if own.on not in known:
            yield f"links.{name}.on = {quoted(own.on)}: there is no such link; {meant(own.on, known)}"


def add_links(stage: Any, links: Mapping[str, OwnLink]) -> None:
    """Add links to a robot's USD, in place.

    Args:
        stage: USD stage of the robot.
        links: Links by name, each on a link that is there.
    """
    from pxr import UsdPhysics

    bodies = {prim.GetName(): prim for prim in stage.Traverse() if prim.HasAPI(UsdPhysics.RigidBodyAPI)}
    for name in in_order(links):
        bodies[name] = _add_link(stage, bodies[links[name].on], name, links[name])


def _faults_of_joint(key: str, joint: LinkJoint) -> Iterator[str]:
    if joint.low >= joint.high:
        yield f"{key}.low = {joint.low:g}: expected less than high, which is {joint.high:g}"
    elif not joint.low <= 0 <= joint.high:
        yield f"{key}: zero, where the link is drawn, is not between low = {joint.low:g} and high = {joint.high:g}"
    if joint.kind == "hinge" and max(-joint.low, joint.high) > _TURN + 1e-3:
        yield f"{key}: low = {joint.low:g} and high = {joint.high:g}: expected angles of at most a turn, in rad"


def _add_link(stage: Any, on: Any, name: str, own: OwnLink) -> Any:
    """Add a link below the one that it is on, as the converters do; returns its prim."""
    from pxr import Gf, UsdGeom, UsdPhysics, UsdShade

    placed = UsdGeom.Xform.Define(stage, on.GetPath().AppendChild(name))
    prim = placed.GetPrim()
    placed.AddTranslateOp().Set(Gf.Vec3d(*own.position))
    placed.AddRotateXYZOp().Set(Gf.Vec3f(*map(math.degrees, own.rotation)))
    for index, shape in enumerate(own.shapes):
        drawn = add_shape(stage, prim.GetPath().AppendChild(f"shape_{index}"), shape, seen=True)
        looks = paint(stage, prim.GetPath().AppendChild(f"paint_{index}"), shape.colour or own.colour)
        UsdShade.MaterialBindingAPI.Apply(drawn).Bind(looks)
    UsdPhysics.RigidBodyAPI.Apply(prim)
    _weigh(prim, own)
    path = stage.GetDefaultPrim().GetPath().AppendChild(joint_name(name))
    kinds = {"slide": UsdPhysics.PrismaticJoint, "hinge": UsdPhysics.RevoluteJoint}
    joint = (kinds[own.joint.kind] if own.joint else UsdPhysics.FixedJoint).Define(stage, path)
    joint.CreateBody0Rel().SetTargets([on.GetPath()])
    joint.CreateBody1Rel().SetTargets([prim.GetPath()])
    joint.CreateLocalPos0Attr(Gf.Vec3f(*own.position))
    joint.CreateLocalRot0Attr(Gf.Quatf(placed.GetLocalTransformation().ExtractRotationQuat()))
    joint.CreateLocalPos1Attr(Gf.Vec3f(0.0))
    joint.CreateLocalRot1Attr(Gf.Quatf(1.0))
    if own.joint:
        unit = math.degrees if own.joint.kind == "hinge" else float
        joint.CreateAxisAttr(own.joint.axis.upper())
        joint.CreateLowerLimitAttr(unit(own.joint.low))
        joint.CreateUpperLimitAttr(unit(own.joint.high))
    return prim


def _weigh(prim: Any, own: OwnLink) -> None:
    """Spread a link's mass evenly over the box around its shapes."""
    from pxr import Gf, Usd, UsdGeom, UsdPhysics

    purposes = [UsdGeom.Tokens.default_, UsdGeom.Tokens.guide]
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), purposes).ComputeUntransformedBound(prim).ComputeAlignedRange()
    x, y, z = box.GetSize() if own.shapes else (_FRAME,) * 3
    inertia = [own.mass / 12 * (one**2 + other**2) for one, other in ((y, z), (x, z), (x, y))]
    weighed = UsdPhysics.MassAPI.Apply(prim)
    weighed.CreateMassAttr(own.mass)
    weighed.CreateCenterOfMassAttr(Gf.Vec3f(box.GetMidpoint()) if own.shapes else Gf.Vec3f(0.0))
    weighed.CreateDiagonalInertiaAttr(Gf.Vec3f(*inertia))
    weighed.CreatePrincipalAxesAttr(Gf.Quatf(1.0))
