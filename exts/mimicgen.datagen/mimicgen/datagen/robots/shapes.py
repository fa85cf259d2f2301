"""Shapes of robot and task files as USD."""

from __future__ import annotations

import math
from typing import Any

from mimicgen.datagen.robots.schema import Box, Capsule, Colour, Cylinder, Shape, Sphere


def add_shape(stage: Any, path: Any, shape: Shape, *, seen: bool) -> Any:
    """Define a shape, and make it a collider if it is one.

    Args:
        stage: USD stage.
        path: Path of the new prim.
        shape: A box, sphere, cylinder or capsule.
        seen: Whether it may be seen.

    Returns:
        The prim.
    """
    from pxr import Gf, UsdGeom, UsdPhysics

    if isinstance(shape, Box):
        made = UsdGeom.Cube.Define(stage, path)
        made.CreateSizeAttr(1.0)
    elif isinstance(shape, Sphere):
        made = UsdGeom.Sphere.Define(stage, path)
        made.CreateRadiusAttr(shape.radius)
    elif isinstance(shape, (Cylinder, Capsule)):
        made = (UsdGeom.Cylinder if isinstance(shape, Cylinder) else UsdGeom.Capsule).Define(stage, path)
        made.CreateAxisAttr(shape.axis.upper())
        made.CreateRadiusAttr(shape.radius)
        made.CreateHeightAttr(shape.height)
    else:
        raise AssertionError(f"{type(shape).__name__} is no primitive")
    placed = UsdGeom.Xformable(made)
    placed.AddTranslateOp().Set(Gf.Vec3d(*shape.position))
    if any(shape.rotation):
        placed.AddRotateXYZOp().Set(Gf.Vec3f(*map(math.degrees, shape.rotation)))
    if isinstance(shape, Box):
        placed.AddScaleOp().Set(Gf.Vec3f(*shape.size))
    if not (seen and shape.visible):
        made.CreatePurposeAttr(UsdGeom.Tokens.guide)
    if shape.collides:
        UsdPhysics.CollisionAPI.Apply(made.GetPrim())
    return made.GetPrim()


def paint(stage: Any, path: Any, colour: Colour) -> Any:
    """Define a material of a colour, and return it."""
    from pxr import Gf, Sdf, UsdShade

    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, path.AppendChild("shader"))
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.5)
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return material
