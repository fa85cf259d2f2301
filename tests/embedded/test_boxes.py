"""Contacts between boxes in MuJoCo Warp, against MuJoCo's own engine. Without a Kit application."""

from __future__ import annotations

import json

from tests.generation.running import python

DEEPEST = """
import json, sys
import mujoco
import numpy as np
import warp as wp
import mujoco_warp
from mimicgen.datagen.embedded import boxes

wp.config.quiet = True
model = mujoco.MjModel.from_xml_string('''
<mujoco>
  <worldbody>
    <geom type="box" size="0.45 0.65 0.02"/>
    <body pos="0 0 0.04335"><freejoint/><geom type="box" size="0.02335 0.02335 0.02335"/></body>
  </worldbody>
</mujoco>''')
model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD
random, states = np.random.default_rng(0), []
for _ in range(1000):  # at rest on the table, level, a few micrometres deep
    x, y, yaw = random.uniform((-0.3, -0.3, -3.14), (0.3, 0.3, 3.14))
    half = np.array([np.cos(yaw / 2), *random.normal(0.0, 1e-10, 2), np.sin(yaw / 2)])
    states.append([x, y, 0.04335 - random.uniform(2e-6, 1e-5), *half / np.linalg.norm(half)])
states = np.array(states, dtype=np.float32)

def natively():
    data, depths = mujoco.MjData(model), []
    for state in states:
        data.qpos[:] = state
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        depths.append(-data.contact.dist.min())
    return np.array(depths)

def in_warp():
    with wp.ScopedDevice("cpu"):
        on_device = mujoco_warp.put_model(model)
        data = mujoco_warp.put_data(model, mujoco.MjData(model), nworld=len(states), nconmax=16, njmax=80)
        data.qpos = wp.array(states, dtype=float)
        mujoco_warp.kinematics(on_device, data)
        mujoco_warp.collision(on_device, data)
        count = data.nacon.numpy()[0]
    depths = np.zeros(len(states))
    np.maximum.at(depths, data.contact.worldid.numpy()[:count], -data.contact.dist.numpy()[:count])
    return depths

if sys.argv[1] == "ours":
    boxes.prefer_faces()
print("RESULT", json.dumps(float(np.abs(in_warp() - natively()).max())))
"""


def deepest_difference(side: str) -> float:
    result = next(line for line in python(DEEPEST, side).splitlines() if line.startswith("RESULT "))
    return float(json.loads(result.removeprefix("RESULT ")))


def test_a_resting_box_is_as_deep_as_in_mujoco() -> None:
    assert deepest_difference("ours") < 1e-6


def test_upstream_still_needs_it() -> None:
    assert deepest_difference("upstream") > 0.01, "MuJoCo Warp is right by itself now: remove embedded/boxes.py"
