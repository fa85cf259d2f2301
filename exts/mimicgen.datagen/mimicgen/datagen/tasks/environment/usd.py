"""A task's objects as USD, made from what its file says, in the user's cache.

A body is a prim with the shapes below it. What joints move are bodies beside it, so that an object with parts is an
articulation, whose base is the object itself.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mimicgen.datagen.dataset.replacing import name_folder
from mimicgen.datagen.robots.schema import Colour
from mimicgen.datagen.robots.shapes import add_shape, paint
from mimicgen.datagen.tasks.meshes import read_mesh
from mimicgen.datagen.tasks.objects import AnyShape, Joint, Mesh, Object

_FORMAT = 2
"""Of what is made here; another number makes everything anew."""


class Body(StrEnum):
    """What an object is to the physics engine."""

    STATIC = "static"
    """A part of the world, in the same place in every attempt."""
    PLACED = "placed"
    """Stands still in an attempt, and elsewhere in the next one."""
    MOVABLE = "movable"


def object_usd(name: str, content: Object, body: Body, folder: Path, cache: Path) -> Path:
    """Return the USD file of an object, made first if the cache has none of this description.

    Args:
        name: The object's name.
        content: What the task file says of it.
        body: What it is to the physics engine.
        folder: The task file's folder, which meshes are relative to.
        cache: Folder that holds what was made; made when missing.

    Raises:
        TaskError: A mesh or a USD file is missing or cannot be read.
    """
    if content.usd is not None:
        return folder / content.usd
    drawn = msgspec.structs.replace(content, position=(0.0, 0.0, 0.0), rotation=(0.0, 0.0, 0.0))
    told = msgspec.json.encode((_FORMAT, name, str(body), drawn))
    for mesh in meshes_of(content):
        told += (folder / mesh.file).read_bytes()
    made = cache / f"{name}-{hashlib.sha256(told).hexdigest()[:12]}"
    usd = made / f"{name}.usda"
    if usd.is_file():
        return usd
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=cache, ignore_cleanup_errors=True) as scratch:
        whole = Path(scratch) / "usd"
        whole.mkdir()
        _draw(whole / usd.name, name, content, body, folder)
        try:
            name_folder(whole, made)
        except OSError:
            if not usd.is_file():  # not simply another process that was first
                raise
    return usd


def _draw(usd: Path, name: str, content: Object, body: Body, folder: Path) -> None:
    from pxr import Usd, UsdGeom, UsdPhysics

    stage = Usd.Stage.CreateNew(str(usd))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, f"/{name}")
    stage.SetDefaultPrim(root.GetPrim())
    bodies = {"": root.GetPath().AppendChild("base") if content.parts else root.GetPath()}
    bodies |= {part: root.GetPath().AppendChild(part) for part in content.parts}
    if content.parts:
        # On a body: only such a root can be fixed by Isaac Lab.
        UsdPhysics.ArticulationRootAPI.Apply(UsdGeom.Xform.Define(stage, bodies[""]).GetPrim())
    for part, path in bodies.items():
        own = content.parts[part] if part else content
        prim = UsdGeom.Xform.Define(stage, path).GetPrim()
        if part:
            UsdGeom.Xformable(prim).AddTranslateOp().Set(_where(content, part))
        if content.parts or body is not Body.STATIC:
            rigid = UsdPhysics.RigidBodyAPI.Apply(prim)
            if body is Body.PLACED and not content.parts:
                rigid.CreateKinematicEnabledAttr(True)
            UsdPhysics.MassAPI.Apply(prim).CreateMassAttr(own.mass)
        _add_shapes(stage, path, own.shapes, own.colour or content.colour, content.friction, folder)
    for part, own in content.parts.items():
        _add_joint(stage, root.GetPath().AppendChild(f"{part}_joint"), bodies, part, own.joint)
    stage.GetRootLayer().Save()


def _where(content: Object, part: str) -> Any:
    """Return where a part's frame is in the object's, with all joints at zero."""
    from pxr import Gf

    joint = content.parts[part].joint
    above = _where(content, joint.parent) if joint.parent else Gf.Vec3d(0.0)
    return above + Gf.Vec3d(*joint.position)


def _add_shapes(
    stage: Any, body: Any, shapes: tuple[AnyShape, ...], colour: Colour, friction: float, folder: Path
) -> None:
    from pxr import UsdPhysics, UsdShade

    rubbing = UsdShade.Material.Define(stage, body.AppendChild("rubbing"))
    material = UsdPhysics.MaterialAPI.Apply(rubbing.GetPrim())
    material.CreateStaticFrictionAttr(friction)
    material.CreateDynamicFrictionAttr(friction)
    for index, shape in enumerate(shapes):
        path = body.AppendChild(f"shape_{index}")
        if isinstance(shape, Mesh):
            prim = _add_mesh(stage, path, shape, folder)
        else:
            prim = add_shape(stage, path, shape, seen=True)
        if shape.visible:
            looks = paint(stage, body.AppendChild(f"paint_{index}"), shape.colour or colour)
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(looks)
        if shape.collides:
            UsdShade.MaterialBindingAPI.Apply(prim).Bind(
                rubbing, bindingStrength=UsdShade.Tokens.weakerThanDescendants, materialPurpose="physics"
            )


def _add_mesh(stage: Any, path: Any, shape: Mesh, folder: Path) -> Any:
    from pxr import Gf, UsdGeom, UsdPhysics, Vt

    vertices, faces = read_mesh(folder / shape.file)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy((vertices * np.array(shape.scale)).astype(np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, dtype=np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    placed = UsdGeom.Xformable(mesh)
    placed.AddTranslateOp().Set(Gf.Vec3d(*shape.position))
    if any(shape.rotation):
        placed.AddRotateXYZOp().Set(Gf.Vec3f(*map(math.degrees, shape.rotation)))
    if not shape.visible:
        mesh.CreatePurposeAttr(UsdGeom.Tokens.guide)
    if shape.collides:
        UsdPhysics.CollisionAPI.Apply(mesh.GetPrim())
        UsdPhysics.MeshCollisionAPI.Apply(mesh.GetPrim()).CreateApproximationAttr(UsdPhysics.Tokens.convexHull)
    return mesh.GetPrim()


def _add_joint(stage: Any, path: Any, bodies: dict[str, Any], part: str, joint: Joint) -> None:
    from pxr import Gf, Sdf, UsdPhysics

    slides = joint.kind == "slide"
    made = (UsdPhysics.PrismaticJoint if slides else UsdPhysics.RevoluteJoint).Define(stage, path)
    made.CreateBody0Rel().SetTargets([bodies[joint.parent or ""]])
    made.CreateBody1Rel().SetTargets([bodies[part]])
    made.CreateLocalPos0Attr(Gf.Vec3f(*joint.position))
    made.CreateLocalPos1Attr(Gf.Vec3f(0.0))
    made.CreateLocalRot0Attr(Gf.Quatf(1.0))
    made.CreateLocalRot1Attr(Gf.Quatf(1.0))
    made.CreateAxisAttr(joint.axis.upper())
    unit = (lambda value: value) if slides else math.degrees
    made.CreateLowerLimitAttr(unit(joint.low))
    made.CreateUpperLimitAttr(unit(joint.high))
    drive = UsdPhysics.DriveAPI.Apply(made.GetPrim(), "linear" if slides else "angular")
    drive.CreateTypeAttr(UsdPhysics.Tokens.force)
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(joint.damping if slides else joint.damping * math.pi / 180)
    made.GetPrim().CreateAttribute("mjc:frictionloss", Sdf.ValueTypeNames.Double).Set(joint.friction)
    made.GetPrim().CreateAttribute("physxJoint:jointFriction", Sdf.ValueTypeNames.Float).Set(joint.friction)


def meshes_of(content: Object) -> list[Mesh]:
    """Return the meshes of an object and its parts."""
    shapes = [*content.shapes, *(shape for part in content.parts.values() for shape in part.shapes)]
    return [shape for shape in shapes if isinstance(shape, Mesh)]
