"""What a USD file shows, for the page's replay: the links of a robot or of an object, and their joints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimicgen.datagen.report import meshes

GREY = "#cccccc"
"""Colour of what has none."""


def links_of(usd: Path) -> list[dict[str, Any]]:
    """Return the links that a USD file has, as JSON has them: parents first, joints in the file's order.

    A link's `origin` is its place in its parent, with its joint at zero: position [m] and quaternion (x, y, z, w). Its
    `joint` turns about, or slides along, `axis` through `pivot`, both in the link's frame.
    """
    from pxr import Usd, UsdPhysics

    stage = Usd.Stage.Open(str(usd))
    everything = list(Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()))
    bodies = [prim for prim in everything if prim.HasAPI(UsdPhysics.RigidBodyAPI)] or [stage.GetDefaultPrim()]
    paths = {prim.GetPath() for prim in bodies}
    joints = {}
    for prim in everything:
        joint = UsdPhysics.Joint(prim) if prim.IsA(UsdPhysics.Joint) else None
        parent, child = (_target(joint.GetBody0Rel()), _target(joint.GetBody1Rel())) if joint else (None, None)
        if child in paths and parent in paths:
            joints[child] = joint
    links = {prim.GetPath(): _link(prim, joints.get(prim.GetPath())) for prim in bodies}
    shown: dict[Any, dict[str, list[Any]]] = {path: {} for path in links}
    for prim in everything:
        body = _body_of(prim, paths)
        for colour, triangles in _triangles(prim, stage.GetPrimAtPath(body)) if body else ():
            shown[body].setdefault(colour, []).append(triangles)
    for path, by_colour in shown.items():
        links[path]["meshes"] = [
            meshes.as_json(np.concatenate(parts), colour) for colour, parts in by_colour.items() if parts
        ]
    return _parents_first(list(links.values()))


def _target(relation: Any) -> Any:
    targets = relation.GetTargets()
    return targets[0] if targets else None


def _body_of(prim: Any, bodies: set[Any]) -> Any:
    """Return the path of the body that a prim belongs to, None for what belongs to none."""
    while prim and prim.GetPath() not in bodies:
        prim = prim.GetParent()
    return prim.GetPath() if prim else None


def _link(prim: Any, joint: Any) -> dict[str, Any]:
    from pxr import Gf, UsdPhysics

    link: dict[str, Any] = {"name": prim.GetName(), "parent": None, "joint": None, "meshes": []}
    origin = Gf.Matrix4d(1.0)
    if joint is not None:
        link["parent"] = _target(joint.GetBody0Rel()).name
        of_parent, of_child = (_frame(joint, end) for end in (0, 1))
        origin = of_child.GetInverse() * of_parent
        kind = joint.GetPrim().GetTypeName()
        if kind in ("PhysicsRevoluteJoint", "PhysicsPrismaticJoint"):
            own = (UsdPhysics.RevoluteJoint if "Revolute" in kind else UsdPhysics.PrismaticJoint)(joint.GetPrim())
            axis = Gf.Vec3d(*(1.0 if name == own.GetAxisAttr().Get() else 0.0 for name in "XYZ"))
            link["joint"] = {
                "name": joint.GetPrim().GetName(),
                "slides": "Prismatic" in kind,
                "axis": [*of_child.TransformDir(axis)],
                "pivot": [*of_child.ExtractTranslation()],
            }
    turn = origin.ExtractRotationQuat()
    link["origin"] = {
        "position": [*origin.ExtractTranslation()],
        "quaternion": [*turn.GetImaginary(), turn.GetReal()],
    }
    return link


def _frame(joint: Any, end: int) -> Any:
    """Return a joint's frame in one of its two bodies."""
    from pxr import Gf

    place, turn = (joint.GetPrim().GetAttribute(f"physics:local{what}{end}").Get() for what in ("Pos", "Rot"))
    return Gf.Matrix4d(Gf.Rotation(turn or Gf.Quatf(1.0)), Gf.Vec3d(place or Gf.Vec3f(0.0)))


def _triangles(prim: Any, body: Any) -> Iterator[tuple[str, meshes.Array]]:
    """Yield colour and triangles, in the body's frame, of what a prim shows."""
    from pxr import UsdGeom

    if not prim.IsA(UsdGeom.Gprim):
        return
    seen = UsdGeom.Imageable(prim)
    if seen.ComputePurpose() not in ("default", "render") or seen.ComputeVisibility() == UsdGeom.Tokens.invisible:
        return
    corners = _corners(prim)
    if corners is None or not len(corners):
        return
    placed, _ = UsdGeom.XformCache().ComputeRelativeTransform(prim, body)
    matrix = np.array(placed)
    yield _colour(prim), corners @ matrix[:3, :3] + matrix[3, :3]


def _corners(prim: Any) -> meshes.Array | None:
    """Return the triangles of a shape in its own frame; None for a kind of shape that is not drawn."""
    kind = prim.GetTypeName()

    def value(name: str) -> Any:
        return prim.GetAttribute(name).Get()

    if kind == "Mesh":
        if not value("points"):
            return None
        counts, indices = np.array(value("faceVertexCounts")), np.array(value("faceVertexIndices"))
        return meshes.of_faces(np.array(value("points"), dtype=np.float64), counts, indices)
    if prim.HasAttribute("size"):  # a box: its edge, which a transform stretches
        return meshes.box(value("size"))
    if kind == "Sphere":
        return meshes.capsule(value("radius"), 0.0)
    if kind not in ("Cylinder", "Capsule"):
        return None
    made = (meshes.cylinder if kind == "Cylinder" else meshes.capsule)(value("radius"), value("height"))
    return np.roll(made, "ZXY".index(value("axis")), axis=-1)


def _colour(prim: Any) -> str:
    """Return a shape's colour: its material's, else its own."""
    from pxr import UsdGeom, UsdShade

    material, _ = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()
    shader = material.ComputeSurfaceSource()[0] if material else None
    given = shader.GetInput("diffuseColor") if shader else None
    sources = given.GetValueProducingAttributes() if given else ()
    own = UsdGeom.Gprim(prim).GetDisplayColorAttr().Get()
    colour = sources[0].Get() if sources else own[0] if own else None
    return html_colour(colour) if colour is not None and len(colour) == 3 else GREY


def html_colour(linear: Any) -> str:
    """Return a colour as HTML has it, from shares of red, green and blue light."""
    shares = np.clip(np.array(linear, dtype=np.float64), 0.0, 1.0)
    encoded = np.where(shares <= 0.0031308, 12.92 * shares, 1.055 * shares ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in encoded)


def _parents_first(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ordered: list[dict[str, Any]] = []
    left = links
    while left:
        there = {link["name"] for link in ordered}
        ready = [link for link in left if link["parent"] is None or link["parent"] in there]
        ordered += ready[:1]
        left = [link for link in left if link is not ready[0]] if ready else []
    return ordered
