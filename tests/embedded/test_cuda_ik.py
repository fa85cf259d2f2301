"""The kernel's joint targets, on the CPU, where Warp runs the same kernels: against those from MuJoCo's Jacobian."""

from __future__ import annotations

import json

from tests.generation.running import python

CODE = """
import json, types
import mujoco, numpy as np, torch, warp as wp
from mimicgen.datagen.embedded.cuda_ik import WarpPoseControl
from mimicgen.datagen.embedded.native_ik import Chain, PoseControl

joints = ["slide", *["hinge"] * 6]
axes = ["0 0 1", "0 0 1", "0 1 0", "1 0 0", "0 1 0", "1 1 0", "0 0 1"]
bodies = "".join(
    f'<body pos="0.05 0.02 {0.1 + 0.02 * n}"><joint name="j{n}" type="{kind}" axis="{axis}" pos="0.01 0 -0.02"/>'
    '<geom size="0.02" mass="0.1"/>' for n, (kind, axis) in enumerate(zip(joints, axes)))
told = "".join(f'<position joint="j{n}" kp="10"/><velocity joint="j{n}" kv="1"/>' for n in range(len(joints)))
free = '<body pos="1 0 1"><freejoint/><geom size="0.02" mass="0.1"/></body>'  # lies before the arm in the positions
model = mujoco.MjModel.from_xml_string(
    f"<mujoco><worldbody>{free}{bodies}{'</body>' * len(joints)}</worldbody><actuator>{told}</actuator></mujoco>")
chain = Chain(body=model.nbody - 1, joints=[1 + n for n in range(len(joints))], tool=(0.02, -0.01, 0.1), damping=0.01)
worlds, random = 5, np.random.default_rng(1)
expected, found = PoseControl(model, chain, worlds), WarpPoseControl(model, chain, worlds, "cpu")
datas = [mujoco.MjData(model) for _ in range(worlds)]
wanted = random.normal(size=(worlds, 4)); wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
for world, data in enumerate(datas):
    data.qpos[7:] = random.uniform(-1, 1, len(joints))
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    expected.positions[world] = data.xpos[chain.body] + random.uniform(-0.3, 0.3, 3)
    expected.quaternions[world] = wanted[world]  # far from where it is, also by more than half a turn
    expected(world, data)
for own, told in zip(found.targets, (expected.positions, wanted[:, [1, 2, 3, 0]])):
    own.assign(told.astype(np.float32))
kinds = {"xpos": wp.vec3, "xquat": wp.quat, "xanchor": wp.vec3, "xaxis": wp.vec3, "qpos": wp.float32}
arrays = {name: wp.array(np.array([getattr(data, name) for data in datas]), dtype=kind) for name, kind in kinds.items()}
ctrl = wp.zeros((worlds, model.nu), dtype=wp.float32)
found(types.SimpleNamespace(nworld=worlds, ctrl=ctrl, **arrays))
right = np.array([data.ctrl for data in datas])
moves = right[:, ::2] - np.array([data.qpos[7:] for data in datas])
print("RESULT", json.dumps([float(np.abs(ctrl.numpy() - right).max()), float(np.abs(moves).min(axis=0).max()),
                            float(np.abs(moves[:, 0]).max()), float(np.abs(right[:, 1::2]).max())]))
"""


def test_an_arm_that_slides_and_turns_is_told_what_mujocos_jacobian_says() -> None:
    line = next(line for line in python(CODE).splitlines() if line.startswith("RESULT "))
    difference, moved, slid, velocities = json.loads(line.removeprefix("RESULT "))
    assert difference < 2e-4, "float32 on one side [m or rad]"
    assert moved > 0.01
    assert slid > 0.01
    assert velocities == 0, "the actuators of velocities are told nothing"
