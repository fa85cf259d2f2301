"""A bounded number of iterations in MuJoCo Warp, against its own. Without a Kit application."""

from __future__ import annotations

import json

import pytest

from tests.generation.running import python

CODE = """
import json
import sys
import mujoco
import mujoco_warp
import numpy as np
import warp as wp
from mimicgen.datagen.embedded import iterating

cone = sys.argv[1]
wp.config.quiet = True
box = '<body pos="{x} 0 {z}" euler="0 {x} 10"><freejoint/><geom type="box" size="0.02 0.02 0.02" condim="4"/></body>'
boxes = "".join(box.format(x=x / 100, z=0.02 + 0.041 * x) for x in range(3))
model = mujoco.MjModel.from_xml_string(f'''<mujoco>
<option cone="{cone}" impratio="10" timestep="0.002" iterations="2" tolerance="1e-6"/>
<worldbody><geom type="plane" size="1 1 1"/>{boxes}</worldbody></mujoco>''')
launched, launch, tiled = [], wp.launch, wp.launch_tiled

def counted(kernel, *args, **named):
    launched.append(kernel.key)
    return launch(kernel, *args, **named)

def counted_tiled(kernel, *args, **named):
    launched.append(kernel.key)
    return tiled(kernel, *args, **named)

wp.launch, wp.launch_tiled = counted, counted_tiled
states, factored = [], []
for bounded in (False, True):
    random = np.random.default_rng(0)
    ours = mujoco_warp.put_model(model)
    data = mujoco_warp.put_data(model, mujoco.MjData(model), nworld=3, nconmax=60, njmax=200)
    ours.opt.graph_conditional = False  # as many iterations in either
    if bounded:
        iterating.bound(ours)
    data.qvel.assign(random.normal(size=data.qvel.shape).astype(np.float32) * 0.3)
    launched.clear()
    for _ in range(60):
        mujoco_warp.step(ours, data)
    factored.append(sum("_update_gradient_cholesky" in key or "JTDAJ" in key for key in launched) / 60)
    states.append([getattr(data, name).numpy() for name in ("qpos", "qvel", "qacc", "qfrc_constraint")])
apart = [float(np.abs(one - other).max()) for one, other in zip(*states)]
moved = float(np.abs(states[0][0] - model.qpos0).max())
touching = int(data.nacon.numpy()[0])
print("RESULT", json.dumps({"apart": apart, "moved": moved, "touching": touching, "factored": factored}))
"""


@pytest.mark.parametrize(("cone", "saved"), [("elliptic", True), ("pyramidal", False)])
def test_steps_are_those_of_mujoco_warp(cone: str, saved: bool) -> None:
    (line,) = (one for one in python(CODE, cone).splitlines() if one.startswith("RESULT"))
    found = json.loads(line.removeprefix("RESULT"))
    assert max(found["apart"]) == 0.0
    assert found["moved"] > 0.01
    assert found["touching"] > 10
    before, after = found["factored"]
    assert before > 0, "MuJoCo Warp factorises elsewhere"
    assert after == pytest.approx(before * 2 / 3 if saved else before), "MuJoCo Warp computes what nobody needs still"
