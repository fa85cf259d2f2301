"""The run's cameras in Isaac Sim's stage, and what keeps other environments out of their pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import carb.settings
from pxr import Gf, Sdf, UsdGeom

from mimicgen.datagen.dataset.images.views import View

ENVIRONMENTS = "/World/envs/env_{}"
"""Isaac Lab's path of an environment, by its number."""

PREFIX = "mimicgen_"
"""Begins the names of our prims: tasks have cameras of their own, `table_cam` for instance."""

PARTITIONING = "/renderer/scenePartitioning/enabled"
"""Whether RTX honours partitions of the scene. It has to be set before RTX starts, as Isaac Lab's applications do."""


def define_camera(stage: Any, view: View) -> str:
    """Make a camera of the first environment that looks as a view does, and return its path."""
    path = f"{ENVIRONMENTS.format(0)}/{PREFIX}{view.name}"
    camera = UsdGeom.Camera.Define(stage, path)
    camera.GetFocalLengthAttr().Set(view.camera.focal_length)
    camera.GetHorizontalApertureAttr().Set(view.camera.aperture)
    camera.GetVerticalApertureAttr().Set(view.camera.aperture * view.size[0] / view.size[1])
    camera.GetClippingRangeAttr().Set(Gf.Vec2f(view.camera.near, view.camera.far))
    x, y, z, w = view.camera.orientation
    # A USD camera looks along -z with y up: half a turn about x from z forward, y down.
    turned = Gf.Quatd(w, x, y, z) * Gf.Quatd(0.0, 1.0, 0.0, 0.0)
    pose = UsdGeom.Xformable(camera)
    pose.ClearXformOpOrder()
    pose.AddTranslateOp().Set(Gf.Vec3d(*view.camera.position))
    pose.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(turned.GetNormalized())
    return path


class FirstAlone:
    """Keeps the other environments out of the pictures of the first one.

    By partitions of the scene where RTX honours them, which costs nothing; else by hiding the others meanwhile.

    Args:
        stage: The stage.
        count: Number of environments.
        cameras: Paths of the cameras.
    """

    def __init__(self, stage: Any, count: int, cameras: list[str]):
        prims = [stage.GetPrimAtPath(ENVIRONMENTS.format(number)) for number in range(count)]
        self._others: list[Any] = []
        if not carb.settings.get_settings().get(PARTITIONING):
            self._others = [UsdGeom.Imageable(prim) for prim in prims[1:]]
            return
        # As `IsaacRtxRenderer.prepare_stage` of Isaac Lab does it: inherited by what is in the environment.
        for number, prim in enumerate(prims):
            prim.CreateAttribute("primvars:omni:scenePartition", Sdf.ValueTypeNames.Token).Set(f"env_{number}")
        for path in cameras:
            stage.GetPrimAtPath(path).CreateAttribute("omni:scenePartition", Sdf.ValueTypeNames.Token).Set("env_0")

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """Show the first environment alone, and the others again afterwards."""
        with Sdf.ChangeBlock():
            for other in self._others:
                other.GetVisibilityAttr().Set(UsdGeom.Tokens.invisible)
        try:
            yield
        finally:
            with Sdf.ChangeBlock():
                for other in self._others:
                    other.GetVisibilityAttr().Set(UsdGeom.Tokens.inherited)
