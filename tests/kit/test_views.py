"""Cameras and environments in Isaac Sim's stage, on a real one in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom

from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import Kit

ENVIRONMENTS = 3


@pytest.fixture
def stage(kit: Kit) -> Iterator[Usd.Stage]:
    import carb.settings

    made = Usd.Stage.CreateInMemory()
    for number in range(ENVIRONMENTS):
        UsdGeom.Xform.Define(made, f"/World/envs/env_{number}")
        UsdGeom.Cube.Define(made, f"/World/envs/env_{number}/Cube")
    yield made
    carb.settings.get_settings().destroy_item("/renderer")


def visible(stage: Usd.Stage) -> list[bool]:
    cubes = [UsdGeom.Imageable(stage.GetPrimAtPath(f"/World/envs/env_{n}/Cube")) for n in range(ENVIRONMENTS)]
    return [cube.ComputeVisibility() != UsdGeom.Tokens.invisible for cube in cubes]


def test_a_usd_camera_looks_where_the_view_looks(stage: Usd.Stage) -> None:
    from mimicgen.datagen.kit.views import define_camera

    for view in views_of(build({"render.width": 64, "render.height": 32}).render):
        camera = UsdGeom.Camera(stage.GetPrimAtPath(define_camera(stage, view)))
        frustum = camera.GetCamera().frustum
        np.testing.assert_allclose(frustum.ComputeViewDirection(), view.forward, atol=1e-6)
        np.testing.assert_allclose(frustum.ComputeUpVector(), -view.rotation[:, 1], atol=1e-6)
        np.testing.assert_allclose(frustum.GetPosition(), view.position, atol=1e-6)
        corner = view.directions()[0, 0]
        ray = np.array(frustum.ComputePickRay(Gf.Vec2d(-1.0, 1.0)).direction)
        ray /= np.linalg.norm(ray)
        assert np.degrees(np.arccos(np.clip(np.dot(ray, corner), -1, 1))) < 0.7  # half a pixel


def test_a_tasks_own_camera_keeps_its_pose(stage: Usd.Stage) -> None:
    from mimicgen.datagen.kit.views import define_camera

    own = UsdGeom.Camera.Define(stage, "/World/envs/env_0/table_cam")
    own.AddTranslateOp().Set(Gf.Vec3d(1, 2, 3))
    paths = [define_camera(stage, view) for view in views_of(build({"render.views": ["table_cam"]}).render)]
    assert paths == ["/World/envs/env_0/mimicgen_table_cam"]
    assert own.ComputeLocalToWorldTransform(Usd.TimeCode.Default()).ExtractTranslation() == Gf.Vec3d(1, 2, 3)


def test_other_environments_are_hidden_while_the_first_is_drawn(stage: Usd.Stage) -> None:
    from mimicgen.datagen.kit.views import FirstAlone

    alone = FirstAlone(stage, ENVIRONMENTS, [])
    assert visible(stage) == [True, True, True]

    def draw() -> None:
        with alone.shown():
            assert visible(stage) == [True, False, False]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draw()
    assert visible(stage) == [True, True, True]


def test_where_rtx_honours_partitions_nothing_is_hidden(stage: Usd.Stage) -> None:
    import carb.settings

    from mimicgen.datagen.kit.views import PARTITIONING, FirstAlone

    camera = UsdGeom.Camera.Define(stage, "/World/envs/env_0/camera").GetPrim()
    carb.settings.get_settings().set(PARTITIONING, True)
    with FirstAlone(stage, ENVIRONMENTS, ["/World/envs/env_0/camera"]).shown():
        assert visible(stage) == [True, True, True]
    roots = [stage.GetPrimAtPath(f"/World/envs/env_{number}") for number in range(ENVIRONMENTS)]
    tokens = [root.GetAttribute("primvars:omni:scenePartition").Get() for root in roots]
    assert tokens == ["env_0", "env_1", "env_2"]
    assert camera.GetAttribute("omni:scenePartition").Get() == "env_0"
