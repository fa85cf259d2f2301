"""Looks on a stage of Isaac Sim: on a real one in memory, and in a run's renderer over the stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdSemantics, UsdShade

from mimicgen.datagen.dataset.images.looks import Light, Look, Paint, draw_look
from mimicgen.datagen.dataset.images.pixels import from_linear, to_linear
from mimicgen.datagen.dataset.images.room import Room
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import Kit
from tests.kit.standins.scenario import facts_of

FIRST = "/World/envs/env_0"
RENDER = build({"render.width": 64, "render.height": 32, "render.looks.distractors": 8}).render
ROOM = Room.over(
    ("cube", "table"), np.array([0.0, -0.6, -1.0]), np.array([1.0, 0.6, 0.0]), np.zeros((0, 3)), np.zeros((0, 3))
)


def labelled(prim: Usd.Prim, label: str) -> Usd.Prim:
    UsdSemantics.LabelsAPI.Apply(prim, "class").CreateLabelsAttr().Set([label])
    return prim


def material(stage: Usd.Stage, path: str, colour: tuple[float, float, float]) -> UsdShade.Material:
    made = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/shader")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.5)
    made.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    return made


@pytest.fixture
def stage(kit: Kit) -> Usd.Stage:
    """Two environments with a table that has a material, a cube with a colour, and an instanced robot."""
    made = Usd.Stage.CreateInMemory()
    labelled(UsdGeom.Mesh.Define(made, "/World/GroundPlane").GetPrim(), "ground")
    UsdLux.DomeLight.Define(made, "/World/light").CreateIntensityAttr(3000.0)
    UsdLux.SphereLight.Define(made, "/World/lamp")
    UsdGeom.Cube.Define(made, "/Robots/arm/link")
    for number in range(2):
        root = f"/World/envs/env_{number}"
        table = labelled(UsdGeom.Cube.Define(made, f"{root}/Table").GetPrim(), "table")
        UsdShade.MaterialBindingAPI.Apply(table).Bind(material(made, f"{root}/Table/wood", (0.2, 0.1, 0.05)))
        cube = UsdGeom.Cube.Define(made, f"{root}/Cube")
        cube.CreateDisplayColorAttr([Gf.Vec3f(0.5, 0.0, 0.0)])
        labelled(cube.GetPrim(), "cube")
        robot = labelled(UsdGeom.Xform.Define(made, f"{root}/Robot").GetPrim(), "robot")
        robot.GetReferences().AddInternalReference("/Robots/arm")
        robot.SetInstanceable(True)
    return made


@pytest.fixture
def dressing(stage: Usd.Stage, tmp_path: Path) -> Any:
    from mimicgen.datagen.kit.looks.dressing import StageDressing
    from mimicgen.datagen.kit.views import define_camera

    for view in views_of(RENDER):
        define_camera(stage, view)
    return StageDressing(stage, views_of(RENDER), tmp_path)


def a_look(**changes: Any) -> Look:
    paint = Paint((0.9, 0.1, 0.3), 0.5, 0.4)
    look = draw_look(RENDER, 1, "demo_0", 1, ROOM)
    paints = dict.fromkeys(("table", "cube", "robot", "ground", "background"), paint)
    return msgspec.structs.replace(look, **{"paints": paints} | changes)


def everything(stage: Usd.Stage) -> str:
    return str(stage.Flatten().ExportToString())


def test_a_look_is_put_on_and_taken_off_without_a_trace(stage: Usd.Stage, dressing: Any) -> None:
    before = everything(stage)
    dressing.put_on(a_look())
    dressed = everything(stage)
    assert dressed != before
    assert not stage.GetRootLayer().GetPrimAtPath(f"{FIRST}/mimicgen_looks"), "nothing is said in the scene's own layer"
    dressing.put_on(None)
    assert everything(stage) == before
    dressing.put_on(a_look())
    assert everything(stage) == dressed
    dressing.take_off()
    assert everything(stage) == before
    assert not stage.GetSessionLayer().subLayerPaths


def test_materials_colours_and_instances_are_painted_in_the_first_environment_alone(
    stage: Usd.Stage, dressing: Any
) -> None:
    look = a_look()
    paint = look.paints["table"]
    dressing.put_on(look)

    def wood(number: int) -> UsdShade.Shader:
        return UsdShade.Shader(stage.GetPrimAtPath(f"/World/envs/env_{number}/Table/wood/shader"))

    expected = to_linear(paint.over(from_linear((0.2, 0.1, 0.05))))
    np.testing.assert_allclose(wood(0).GetInput("diffuseColor").Get(), expected, atol=1e-6)
    assert wood(0).GetInput("roughness").Get() == pytest.approx(0.6)
    np.testing.assert_allclose(wood(1).GetInput("diffuseColor").Get(), (0.2, 0.1, 0.05), atol=1e-6)
    cubes = [UsdGeom.Cube(stage.GetPrimAtPath(f"/World/envs/env_{n}/Cube")).GetDisplayColorAttr() for n in range(2)]
    np.testing.assert_allclose(cubes[0].Get()[0], to_linear(paint.over(from_linear((0.5, 0, 0)))), atol=1e-6)
    np.testing.assert_allclose(cubes[1].Get()[0], (0.5, 0, 0), atol=1e-6)
    robot = stage.GetPrimAtPath(f"{FIRST}/Robot")
    bound = UsdShade.MaterialBindingAPI(robot).ComputeBoundMaterial()[0]
    assert str(bound.GetPath()).startswith(f"{FIRST}/mimicgen_looks/")
    assert robot.IsInstance(), "physics goes on with it as it is"


def test_lights_cameras_and_things_are_where_the_look_has_them(stage: Usd.Stage, dressing: Any) -> None:
    lights = (Light((0.6, 0.0, 0.8), (1.0, 0.9, 0.8), 0.5), Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), 0.25))
    look = a_look(lights=lights, ambient=0.25)
    dressing.put_on(look)
    assert UsdLux.DomeLight(stage.GetPrimAtPath("/World/light")).GetIntensityAttr().Get() == 1500.0
    hidden = UsdGeom.Imageable(stage.GetPrimAtPath("/World/lamp")).ComputeVisibility()
    assert hidden == UsdGeom.Tokens.invisible
    for number, light in enumerate(lights):
        made = UsdLux.DistantLight(stage.GetPrimAtPath(f"{FIRST}/mimicgen_looks/light_{number}"))
        assert made.GetIntensityAttr().Get() == 1500.0 * light.strength
        pose = UsdGeom.Xformable(made).ComputeLocalToWorldTransform(Usd.TimeCode.Default())
        np.testing.assert_allclose(pose.TransformDir(Gf.Vec3d(0, 0, -1)), -np.array(light.towards), atol=1e-6)
    for name, pose in look.cameras.items():
        camera = UsdGeom.Camera(stage.GetPrimAtPath(f"{FIRST}/mimicgen_{name}")).GetCamera()
        np.testing.assert_allclose(camera.frustum.GetPosition(), pose.position, atol=1e-6)
        assert camera.focalLength == pytest.approx(pose.focal_length)
    assert len(look.distractors) == 3
    cache = UsdGeom.BBoxCache(Usd.TimeCode.Default(), [UsdGeom.Tokens.default_])
    for number, thing in enumerate(look.distractors):
        prim = stage.GetPrimAtPath(f"{FIRST}/mimicgen_looks/distractor_{number}")
        box = cache.ComputeWorldBound(prim)
        np.testing.assert_allclose(box.ComputeAlignedRange().GetSize()[2], thing.size[2], atol=1e-5)
        np.testing.assert_allclose(box.ComputeCentroid(), thing.position, atol=1e-5)
        assert list(UsdSemantics.LabelsAPI(prim, "class").GetLabelsAttr().Get()) == ["distractor"]


def test_a_picture_is_on_the_dome_and_the_ground_gives_way(stage: Usd.Stage, dressing: Any, tmp_path: Path) -> None:
    dressing.put_on(a_look(background="kitchen.jpg", walls=None))
    dome = UsdLux.DomeLight(stage.GetPrimAtPath("/World/light"))
    assert dome.GetTextureFileAttr().Get().path == str(tmp_path / "kitchen.jpg")
    ground = UsdGeom.Imageable(stage.GetPrimAtPath("/World/GroundPlane"))
    assert ground.ComputeVisibility() == UsdGeom.Tokens.invisible


DRAWN = """
from mimicgen.datagen.dataset.images.looks import draw_look
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.kit import isaacsim
import numpy as np

async def draw():
    from mimicgen.datagen.kit.replicator import ReplicatorRenderer
    async with isaacsim.workplace("cpu"):
        cubes = lifting.Cubes(1)
        environment = object.__new__(lifting.Environment)
        environment.env = cubes
        config = host.config("drawn", render__looks__count=2, render__modalities=("segmentation", "rgb"))
        renderer = ReplicatorRenderer(environment, config.render, {})
        session = isaac.usd.context().get_stage().GetSessionLayer()
        heights = np.linspace(0.0, 0.5, 20)
        poses = np.stack([np.array([0.3, 0.1, z, 0.0, 0.0, 0.0, 1.0]) for z in heights]).astype(np.float32)
        states = lifting.NONE | {"rigid_object": {"cube_1": {"root_pose": poses, "root_velocity": poses[:, :6] * 0}}}
        room = renderer.room(states)
        facts["classes"] = room.classes
        facts["free"] = [room.is_free(0.3, 0.1, 0.03, 0.1), room.is_free(-0.2, 0.1, 0.03, 0.1)]
        look = draw_look(config.render, 1, "demo_0", 0, room)
        renderer.put_on(look)
        facts["said"] = len(session.subLayerPaths)
        frames = frames_for(views_of(config.render), config.render.drawn(), 1)
        cube = {name: rows[:1] for name, rows in states["rigid_object"]["cube_1"].items()}
        one = lifting.NONE | {"rigid_object": {"cube_1": cube}}
        await renderer.draw(one, frames)
        facts["seen"] = int(np.ptp(frames["table_cam"]["segmentation"].astype(int)))
        facts["distractor"] = "distractor" in renderer.colours and "distractor" not in renderer.labels
        renderer.close()
        facts["left"] = len(session.subLayerPaths)
        cubes.close()
kit.run(draw())
"""


def test_the_renderer_of_isaac_sim_dresses_its_stage(tmp_path: Path) -> None:
    facts = facts_of(DRAWN, tmp_path)
    assert facts["classes"] == ["robot", "cube_1", "table", "ground"]
    assert facts["free"] == [False, True], "the cube is there, and goes up"
    assert (facts["said"], facts["left"]) == (1, 0)
    assert facts["seen"] > 0
    assert facts["distractor"]
