"""What drives have of inertia, so that contacts are as firm as with the steps in which they were calibrated."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import OPEN, python


def test_light_joints_have_as_much_more_inertia_as_a_step_is_longer(tmp_path: Path) -> None:
    code = (
        OPEN
        + """
import mujoco
import numpy as np
from mimicgen.datagen.embedded.inertia import CALIBRATED
manager = physics.NewtonNativeMujocoManager
model, robot = manager.model(), env.scene["robot"]
dofs = model.jnt_dofadr[[physics.index_of(manager.joints(), robot, name) for name in robot.joint_names]]

def shares(step):
    data = mujoco.MjData(model)
    data.qpos[:9] = robot.data.default_joint_pos.torch[0].numpy()
    mujoco.mj_forward(model, data)
    inertia = np.empty((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    alone = 1 / np.diag(np.linalg.inv(inertia))[dofs]
    return alone / (alone + step * robot.data.joint_damping.torch[0].numpy())

with torch.inference_mode():
    env.reset()
    env.step(torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]).repeat(2, 1))
    own = robot.data.joint_armature.torch.clone()
    there = model.dof_armature[dofs].tolist()
    with_it = shares(manager.step_length())
    model.dof_armature[:] = 0
    told = [robot.joint_names, own.tolist(), there, with_it.tolist(), shares(CALIBRATED).tolist(),
            shares(manager.step_length()).tolist(), manager.step_length()]
print("RESULT", json.dumps(told))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    names, given, there, with_it, calibrated, without, step = json.loads(line.removeprefix("RESULT "))
    assert step == 2e-3
    assert given[0] == given[1]
    light = {name for name, own in zip(names, given[0], strict=True) if own > 0}
    arm = {f"panda_joint{number}" for number in (1, 3, 5, 6, 7)}
    assert light == arm | {"panda_finger_joint1", "panda_finger_joint2"}, "of the others damping adds little"
    for name, own, one, share, wanted, else_ in zip(names, given[0], there, with_it, calibrated, without, strict=True):
        assert abs(own - one) < 1e-6, "MuJoCo was told"
        if name in light:
            # Joints are coupled, and each is looked at alone.
            assert abs(share - wanted) < 0.3 * wanted
            assert else_ < 0.75 * wanted
        else:
            assert share > 0.7
