"""Sums over the bodies' tree in MuJoCo Warp, against its own. Without a Kit application."""

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
from mimicgen.datagen.embedded import trees

wp.config.quiet = True
turning = [f'<body pos="0 0.02 0.1"><joint axis="{axis}"/><geom size="0.03 0.05" type="capsule"/>'
           for axis in ("1 0 0", "0 1 0", "0 0 1") * 2]
fingers = [f'<body pos="{x} 0 0.1"><joint type="slide"/><geom size="0.02"/></body>' for x in (0.05, -0.05)]
parts = [*turning, *fingers, "</body>" * 6, '<body pos="1 0 1"><freejoint/><geom size="0.1"/></body>']
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody>" + "".join(parts) + "</worldbody></mujoco>")
launched, launch = [], wp.launch

def counted(kernel, *args, **named):
    launched.append(kernel.key)
    return launch(kernel, *args, **named)

wp.launch = counted
states, counts = [], []
for swept in (False, True):
    random = np.random.default_rng(0)
    ours, data = mujoco_warp.put_model(model), mujoco_warp.put_data(model, mujoco.MjData(model), nworld=3)
    if swept:
        trees.sweep(ours, data)
        trees.sweep(ours, data)
    for own in (data.qpos, data.qvel):
        own.assign((own.numpy() + 0.3 * random.normal(size=own.shape)).astype(np.float32))
    launched.clear()
    for _ in range(5):
        mujoco_warp.step(ours, data)
    counts.append(len(launched) / 5)
    names = ("qpos", "qvel", "subtree_com", "crb", "cfrc_int", "qfrc_bias")
    states.append([getattr(data, name).numpy() for name in names])
apart = [float(np.abs(one - other).max() / np.abs(one).max()) for one, other in zip(*states)]
print("RESULT", json.dumps({"apart": apart, "levels": len(ours.body_tree), "fewer": counts[0] - counts[1]}))
"""


def test_sums_are_those_of_mujoco_warp(tmp_path: Path) -> None:
    (line,) = (line for line in python(CODE, tmp_path).splitlines() if line.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    assert max(found["apart"]) < 1e-5
    assert found["levels"] > 7
    assert found["fewer"] == 3 * (found["levels"] - 1) + 2, "MuJoCo Warp launches a kernel a level still"
