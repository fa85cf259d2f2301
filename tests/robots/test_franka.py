"""What of the robot can touch things, in MuJoCo's own model of the embedded scene."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import OPEN, python


def test_the_gripper_touches_with_two_boxes_and_a_capsule(tmp_path: Path) -> None:
    code = """
import mujoco
model = physics.NewtonNativeMujocoManager.model()
def shape(geom):
    name = model.body(model.geom_bodyid[geom]).name.rpartition("panda_")[2]
    return [name, mujoco.mjtGeom(model.geom_type[geom]).name, [round(float(size), 4) for size in model.geom_size[geom]]]
shapes = [shape(geom) for geom in range(model.ngeom)]
print("RESULT", json.dumps([part for part in shapes if "finger" in part[0] or "hand" in part[0] or "link" in part[0]]))
env.close()
"""
    lines = [line for line in python(OPEN + code, tmp_path).splitlines() if line.startswith("RESULT")]
    finger = [0.01, 0.005, 0.0095]
    assert json.loads(lines[-1].removeprefix("RESULT")) == [
        ["hand", "mjGEOM_CAPSULE", [0.0316, 0.07, 0.0316]],
        ["leftfinger", "mjGEOM_BOX", finger],
        ["rightfinger", "mjGEOM_BOX", finger],
    ]
