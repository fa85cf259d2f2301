"""Links that a robot file adds to its model: what they become in USD, and in the simulation of an arm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.robots.catalogue import ROBOTS, load_robot, model_file
from mimicgen.datagen.robots.checking import check_against_model
from mimicgen.datagen.robots.models import read_model
from mimicgen.datagen.robots.urdf import with_found_meshes
from tests.robots.models import ROBOT, write_robot

LINKS = """
[links.finger]
on = "palm"
position = [0.0, 0.02, 0.0]
joint = { kind = "slide", axis = "y", low = 0.0, high = 0.03 }
shapes = [{ shape = "box", size = [0.02, 0.01, 0.04], position = [0.0, 0.0, 0.02] }]
mass = 0.12

[links.palm]
on = "left_lower"
position = [0.0, 0.0, 0.1]
rotation = [0.0, 1.5708, 0.0]
shapes = [{ shape = "box", size = [0.1, 0.1, 0.02], collides = false }]

[links.frame]
on = "right_lower"

[home]
finger_joint = 0.01
"""

CODE = """
import json, sys
from pathlib import Path
from mimicgen.datagen.robots.catalogue import load_robot
from mimicgen.datagen.robots.usd import robot_usd
path = Path(sys.argv[1])
usd = robot_usd(load_robot(path), path, Path(sys.argv[2]))
from pxr import Usd, UsdGeom, UsdPhysics
stage = Usd.Stage.Open(str(usd))
found = {prim.GetName(): prim for prim in stage.Traverse()}
def place(name):
    matrix = UsdGeom.Xformable(found[name]).ComputeLocalToWorldTransform(0)
    return [*matrix.ExtractTranslation()], [*matrix.TransformDir((0, 0, 1))]
finger = UsdPhysics.MassAPI(found["finger"])
joint = UsdPhysics.PrismaticJoint(found["finger_joint"])
print("RESULT", json.dumps({
    "places": {name: place(name) for name in ("left_lower", "palm", "finger")},
    "inertia": [*finger.GetDiagonalInertiaAttr().Get()],
    "centre": [*finger.GetCenterOfMassAttr().Get()],
    "limits": [joint.GetLowerLimitAttr().Get(), joint.GetUpperLimitAttr().Get()],
    "joints": [found[f"{name}_joint"].GetTypeName() for name in ("finger", "palm", "frame")],
    "touching": sorted(str(p.GetParent().GetName()) for p in stage.Traverse() if p.HasAPI(UsdPhysics.CollisionAPI)),
    "frame": UsdPhysics.MassAPI(found["frame"]).GetMassAttr().Get(),
}))
"""


def told(path: Path, cache: Path) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(path), str(cache)], capture_output=True, text=True, timeout=120, check=True
    )
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("RESULT "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


@pytest.mark.parametrize(("kind", "name"), [("urdf", "two_arms.urdf"), ("mjcf", "two_arms.xml")])
def test_they_are_where_the_file_says(kind: str, name: str, tmp_path: Path) -> None:
    text = ROBOT.replace("[home]", LINKS).replace('"urdf"', f'"{kind}"').replace("two_arms.urdf", name)
    text = text.replace('[".*_finger"]', '[".*_finger", "finger_joint"]')
    path = write_robot(tmp_path, text)
    robot = load_robot(path)
    whole = check_against_model(robot, read_model(model_file(robot.model, tmp_path), kind), str(path))
    assert {"palm", "finger", "frame"} <= whole.links
    assert whole.joints["finger_joint"] == (0.0, 0.03)
    assert "palm_joint" not in whole.joints
    found = told(path, tmp_path / "cache")
    (x, y, z), _ = found["places"]["left_lower"]
    place, points = found["places"]["palm"]
    assert place == pytest.approx([x, y, z + 0.1])
    assert points == pytest.approx([1.0, 0.0, 0.0], abs=1e-4)
    assert found["places"]["finger"][0] == pytest.approx([x, y + 0.02, z + 0.1])
    x, y, z = 0.02, 0.01, 0.04
    even = [0.12 / 12 * (one**2 + other**2) for one, other in ((y, z), (x, z), (x, y))]
    assert found["inertia"] == pytest.approx(even, rel=1e-3)
    assert found["centre"] == pytest.approx([0.0, 0.0, 0.02])
    assert found["limits"] == pytest.approx([0.0, 0.03])
    assert found["joints"] == ["PhysicsPrismaticJoint", "PhysicsFixedJoint", "PhysicsFixedJoint"]
    assert found["touching"] == ["finger", "left_tip"], "the palm is only seen"
    assert found["frame"] == pytest.approx(0.1)


def test_what_touches_is_known_of_links_of_either_kind(tmp_path: Path) -> None:
    robot = load_robot(write_robot(tmp_path, ROBOT.replace("[home]", LINKS)))
    assert [len(robot.touching(link)) for link in ("left_tip", "finger", "palm", "base")] == [1, 1, 0, 0]


def test_meshes_that_are_not_there_are_told(tmp_path: Path) -> None:
    """The converter leaves them out, and the robot is not seen."""
    urdf = tmp_path / "arm.urdf"

    def found(mesh: str, **packages: Path) -> bytes:
        description = f'<robot><link><visual><mesh filename="{mesh}"/></visual></link></robot>'
        return with_found_meshes(description.encode(), urdf, packages)

    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "a.stl").write_text("")
    whole = f'filename="{tmp_path / "meshes" / "a.stl"}"'
    assert whole in found("meshes/a.stl").decode()
    assert whole in found("package://arm/a.stl", arm=tmp_path / "meshes").decode()
    with pytest.raises(TaskError, match=r"its mesh 'meshes/b.stl' is not there"):
        found("meshes/b.stl")
    with pytest.raises(TaskError, match=r"model.ros_packages.*package://amr/.*known: arm"):
        found("package://amr/a.stl", arm=tmp_path)


def test_an_arm_without_a_hand_has_one() -> None:
    robot = load_robot(ROBOTS / "ur10_gripper.toml")
    arm = robot.arms["arm"]
    assert arm.gripper is not None
    assert {arm.body, *arm.gripper.fingers} == set(robot.links)
