"""Steps in branches, against MuJoCo Warp's own. Without a Kit application."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import python

CODE = """
import json
import mujoco
import mujoco_warp
import numpy as np
import warp as wp
from mimicgen.datagen.embedded.stepping import Stepping, suits

wp.config.quiet = True
ARM = '<body pos="0 0 0.6"><joint name="a" axis="0 1 0"/><geom size="0.03 0.1" type="capsule" gravcomp="1"/></body>'
CUBE = '<body pos="0 0 0.049"><freejoint/><geom type="box" size="0.05 0.05 0.05"/></body>'
WORLD = '<worldbody><geom type="plane" size="1 1 1"/>' + ARM.replace(' gravcomp="1"', '') + CUBE + '</worldbody>'
DRIVE = '<actuator><position joint="a" kp="50" kv="5"/></actuator>'
OPTION = '<option integrator="implicitfast" cone="elliptic" iterations="3"/>'

def model(more=""):
    return mujoco.MjModel.from_xml_string(f"<mujoco>{OPTION}{WORLD}{DRIVE}{more}</mujoco>")

def run(step_of, given, steps=40):
    ours, data = mujoco_warp.put_model(given), mujoco_warp.put_data(given, mujoco.MjData(given), nworld=3)
    data.ctrl.fill_(0.7)
    step = step_of(ours, data)
    for _ in range(steps):
        step()
    return [getattr(data, name).numpy() for name in ("qpos", "qvel", "qacc", "qacc_warmstart", "time")]

plain = run(lambda ours, data: lambda: mujoco_warp.step(ours, data), model())
branched = run(lambda ours, data: Stepping(ours, data).step, model())
sensing = model('<sensor><jointpos joint="a"/></sensor>')
found = {
    "same": all(np.array_equal(one, other) for one, other in zip(plain, branched)),
    "moved": float(plain[0][0, 0]),
    "suits": suits(mujoco_warp.put_model(model())),
    "with a sensor": suits(mujoco_warp.put_model(sensing)),
}
own = [run(lambda ours, data: lambda: mujoco_warp.step(ours, data), sensing),
       run(lambda ours, data: Stepping(ours, data).step, sensing)]
found["same with a sensor"] = all(np.array_equal(one, other) for one, other in zip(*own))

print("RESULT", json.dumps(found))
"""


def test_steps_are_those_of_mujoco_warp(tmp_path: Path) -> None:
    (line,) = (line for line in python(CODE, tmp_path).splitlines() if line.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    assert found["same"], "to the last bit"
    assert 0.3 < found["moved"] < 0.9, "the drive turns the arm"
    assert found["suits"]
    assert not found["with a sensor"]
    assert found["same with a sensor"], "stepped by mujoco_warp.step"
