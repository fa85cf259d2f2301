"""The arm's targets computed in MuJoCo, against those of Isaac Lab's action term. Without a Kit application."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import OPEN, python


def test_targets_are_isaac_labs(tmp_path: Path) -> None:
    """In states on the way, towards poses in all directions, in two worlds."""
    code = (
        OPEN
        + """
import mujoco
import numpy as np
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
from mimicgen.datagen.embedded.native_ik import NativeInverseKinematicsAction

manager = physics.NewtonNativeMujocoManager
torch.manual_seed(3)
worst, moved = 0.0, 0.0
with torch.inference_mode():
    env.reset()
    term = env.action_manager.get_term("arm_action")
    assert type(term) is NativeInverseKinematicsAction
    for _ in range(15):
        env.step(torch.cat([0.3 * torch.randn(2, 6), torch.ones(2, 1)], dim=1).clamp(-1, 1))
        term.process_actions(0.3 * torch.randn(2, 6))
        DifferentialInverseKinematicsAction.apply_actions(term)
        expected = env.scene["robot"].data.joint_pos_target.torch[:, :7].clone().numpy()
        term.apply_actions()
        for world in range(2):
            scratch = mujoco.MjData(manager.model())
            scratch.qpos[:] = manager._worlds.qpos.numpy()[world]
            mujoco.mj_kinematics(manager.model(), scratch)
            mujoco.mj_comPos(manager.model(), scratch)
            term._control(world, scratch)
            found = scratch.ctrl[term._control._actuators]
            worst = max(worst, float(np.abs(found - expected[world]).max()))
            moved = max(moved, float(np.abs(found - scratch.qpos[:7]).max()))
print("RESULT", json.dumps([worst, moved]))
"""
    )
    found = [line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT")]
    worst, moved = json.loads(found[-1].removeprefix("RESULT"))
    assert worst < 1e-4  # float32 on one side [rad]
    assert moved > 0.05


def test_one_call_takes_all_physics_steps_of_an_environment_step(tmp_path: Path) -> None:
    code = (
        OPEN
        + """
manager = physics.NewtonNativeMujocoManager
with torch.inference_mode():
    env.reset()
    before = [data.time for data in manager._worlds.datas]
    for _ in range(4):
        env.step(torch.zeros(2, 7))
    took = [data.time - start for data, start in zip(manager._worlds.datas, before)]
print("RESULT", json.dumps([took, 4 * env.step_dt]))
env.close()
print("RESULT", json.dumps([manager._controls == (), manager._times]))
"""
    )
    found = [line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT")]
    took, expected = json.loads(found[0].removeprefix("RESULT"))
    assert all(abs(seconds - expected) < 1e-6 for seconds in took)
    assert json.loads(found[1].removeprefix("RESULT")) == [True, 1]
