"""The physics of the embedded scene, without a Kit application."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT
from tests.simulation.running import OPEN, python


def test_the_first_observation_after_a_reset_shows_the_reset(tmp_path: Path) -> None:
    code = (
        OPEN
        + """
with torch.inference_mode():
    env.reset()
    start = env.obs_buf["policy"]["eef_pos"].clone()
    action = torch.tensor([[0.1, 0.0, -0.1, 0.0, 0.0, 0.0, 1.0]]).repeat(2, 1)
    for _ in range(20):
        env.step(action)
    moved = env.obs_buf["policy"]["eef_pos"].clone()
    env.reset(env_ids=torch.tensor([0]))
    now = env.obs_buf["policy"]["eef_pos"]
    robot = env.scene["robot"]
    hand = robot.data.body_pos_w.torch[:, robot.body_names.index("panda_hand")]
    frames = (now - hand).norm(dim=1)
    print("RESULT", json.dumps([float((moved - start).norm(dim=1).min()), float((now[0] - start[0]).norm()),
                                float((now[1] - moved[1]).norm()), frames.tolist()]))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    moved, back, neighbour, frames = json.loads(line.removeprefix("RESULT "))
    assert moved > 0.05
    assert back < 0.1, "near the start again, up to the reset's joint noise"
    assert neighbour < 1e-6, "the other environment was not touched"
    assert all(abs(distance - 0.1034) < 1e-4 for distance in frames), "the sensor agrees with the robot's bodies"


def test_one_conversion_a_physics_step_gives_what_one_a_substep_gives(tmp_path: Path) -> None:
    """Our manager converts once around all substeps; Newton's own CPU path converts around every one."""
    code = (
        OPEN
        + """
import mujoco
from isaaclab_newton.physics import NewtonManager
manager = physics.NewtonNativeMujocoManager
with torch.inference_mode():
    env.reset()
    for _ in range(5):
        env.step(torch.tensor([[0.1, 0.0, -0.2, 0.0, 0.0, 0.1, -1.0]]).repeat(2, 1))
    worlds = manager._worlds
    data, model = worlds.datas[0], worlds.model
    solver, backend = NewtonManager._solver, NewtonManager.backend
    ours = mujoco.MjData(model)
    ours.qpos[:], ours.qvel[:], ours.ctrl[:] = data.qpos, data.qvel, data.ctrl
    ours.qacc_warmstart[:] = data.qacc_warmstart
    theirs = mujoco.MjData(model)
    theirs.qpos[:], theirs.qvel[:], theirs.ctrl[:] = data.qpos, data.qvel, data.ctrl
    theirs.qacc_warmstart[:] = data.qacc_warmstart
    mujoco.mj_step(model, ours, nstep=10)
    for _ in range(10):  # through Newton's single precision at every substep
        mujoco.mj_step(model, theirs)
        theirs.qpos[:], theirs.qvel[:] = theirs.qpos.astype("f4"), theirs.qvel.astype("f4")
    print("RESULT", float(abs(ours.qpos - theirs.qpos).max()))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    assert float(line.removeprefix("RESULT ")) < 1e-5


def test_human_actions_replayed_open_loop_end_in_standing_stacks(human_demos: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    subprocess.run(
        [sys.executable, PROJECT / "scripts" / "replay_human_demos.py", human_demos, "--json", report],
        capture_output=True,
        check=True,
        timeout=240,
        env={"PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen"), "HOME": str(Path.home())},
    )
    result = json.loads(report.read_text())
    assert result["median_mm"] <= 5
    assert result["successes"] >= 6
    assert result["grasps_held"] >= 16
