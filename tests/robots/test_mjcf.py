"""MJCF as it is converted: the robot alone, its joints called as in the model, its links as heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mujoco
import pytest

from mimicgen.datagen.robots.mjcf import robot_alone
from mimicgen.datagen.robots.models import read_model

MODEL = """<mujoco>
<asset><mesh name="waist" file="parts/waist.obj"/></asset>
<worldbody>
  <geom name="floor" type="plane" size="1 1 0.1"/>
  <body name="base"><freejoint/><geom type="box" size="0.1 0.1 0.1"/>
    <body name="waist" pos="0 0 0.2"><joint name="waist" axis="0 0 1" range="-1 1" limited="true"/>
      <geom type="mesh" mesh="waist" contype="0" conaffinity="0" density="0"/><geom type="capsule" size="0.05 0.1"/>
      <body name="mark" pos="0 0 0.1"/>
    </body>
  </body>
</worldbody>
<keyframe><key qpos="0 0 0 1 0 0 0 0.5"/></keyframe>
</mujoco>"""

TETRAHEDRON = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"

ROBOT = """description = "A body that turns"
base = "base"
[model]
format = "mjcf"
path = "body.xml"
[home]
waist = 0.0
[drives.body]
joints = ["waist"]
stiffness = 100.0
damping = 20.0
[arms.arm]
joints = ["waist"]
links = ["base", "waist"]
body = "waist"
"""

CODE = """
import json, sys
from pathlib import Path
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.robots.catalogue import load_robot
from mimicgen.datagen.robots.usd import robot_usd
import newton
from pxr import Usd, UsdPhysics
path = Path(sys.argv[1])
stage = Usd.Stage.Open(str(robot_usd(load_robot(path), path, Path(sys.argv[2]))))
told = [schema for prim in stage.Traverse() for schema in prim.GetPrimTypeInfo().GetAppliedAPISchemas()]
print("RESULT", json.dumps({
    "joints": [prim.GetName() for prim in stage.Traverse() if prim.IsA(UsdPhysics.RevoluteJoint)],
    "colliders": sorted(schema for schema in told if "Collision" in schema),
    "moved": [str(prim.GetPath()) for prim in stage.Traverse() if prim.HasAttribute("newton:jointsAddMobility")
              and prim.GetAttribute("newton:jointsAddMobility").HasAuthoredValue()],
    "masses": {prim.GetName(): UsdPhysics.MassAPI(prim).GetMassAttr().Get() for prim in stage.Traverse()
               if prim.HasAPI(UsdPhysics.RigidBodyAPI)},
}))
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "waist.obj").write_text(TETRAHEDRON)
    path = tmp_path / "body.xml"
    path.write_text(MODEL)
    return path


@pytest.mark.parametrize("fixed", [True, False])
def test_it_is_the_robot_alone(model: Path, tmp_path: Path, fixed: bool) -> None:
    before = mujoco.MjModel.from_xml_path(str(model))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "alone.xml").write_text(robot_alone(model, fixed=fixed))
    after = mujoco.MjModel.from_xml_path(str(elsewhere / "alone.xml"))
    assert [after.joint(index).name for index in range(after.njnt)] == (["waist"] if fixed else ["", "waist"])
    assert int(mujoco.mjtGeom.mjGEOM_PLANE) not in after.geom_type
    assert after.nkey == 0
    for link in ("base", "waist"):
        assert after.body(link).mass == pytest.approx(before.body(link).mass, rel=1e-5)
        assert after.body(link).inertia == pytest.approx(before.body(link).inertia, rel=1e-4)
    assert after.body("mark").mass == pytest.approx(1e-3)


def test_its_usd_has_the_models_joints_and_weights_and_no_collider(model: Path, tmp_path: Path) -> None:
    (tmp_path / "body.toml").write_text(ROBOT)
    arguments = [sys.executable, "-c", CODE, str(tmp_path / "body.toml"), str(tmp_path / "cache")]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("RESULT "))
    told = json.loads(line.removeprefix("RESULT "))
    assert told["joints"] == list(read_model(model, "mjcf").joints) == ["waist"]
    assert told["colliders"] == []
    assert told["moved"] == []
    box = 8.0
    assert told["masses"]["base"] == pytest.approx(box)
    assert told["masses"]["mark"] == pytest.approx(1e-3)
