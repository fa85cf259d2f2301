"""The physics of the embedded scene, without a Kit application."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import PROJECT
from tests.generation.running import OPEN, python


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


def test_one_conversion_a_step_gives_what_one_a_substep_gives(tmp_path: Path) -> None:
    """Our manager converts the state once around all substeps; upstream's loop converts around every one."""
    code = (
        OPEN
        + """
manager = physics.NewtonNativeMujocoManager
ours = manager._run_solver_substeps.__func__
calls = [0]

def a_conversion_a_substep(cls, contacts):
    calls[0] += 1
    solver, backend, worlds = cls._solver, cls.backend, cls._worlds
    cls._apply_staged_body_forces(backend.state_0)
    solver._apply_mjc_control(solver.model, backend.state_0, backend.control, worlds)
    worlds.model.opt.timestep = cls._solver_dt
    for _ in range(cls._times):
        for substep in range(cls._num_substeps):
            solver._update_mjc_data(worlds, solver.model, backend.state_0)
            for world in range(worlds.nworld):
                controls = cls._controls if substep == 0 else ()
                worlds.step(world, 1, controls, 1)
                worlds._views["ctrl"][world] = worlds.datas[world].ctrl
            solver._update_newton_state(solver.model, backend.state_0, worlds, state_prev=backend.state_0)
    backend.state_0.clear_forces()

def travelled(substeps):
    manager._run_solver_substeps = classmethod(substeps)
    torch.manual_seed(3)
    with torch.inference_mode():
        env.reset()
        state = env.scene.get_state(is_relative=True)
        env.reset_to(start or state, torch.arange(2), is_relative=True)
        path = []
        for step in range(30):
            env.step(torch.tensor([[0.1, 0.05, -0.1, 0.0, 0.0, 0.1, 1.0 if step < 20 else -1.0]]).repeat(2, 1))
            path.append(env.scene["robot"].data.joint_pos.torch.clone())
    return state, torch.stack(path)

start = None
start, one = travelled(ours)
_, other = travelled(a_conversion_a_substep)
print("RESULT", json.dumps([float((one - other).abs().max()), float((one[-1] - one[0]).abs().max()), calls[0]]))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    difference, moved, calls = json.loads(line.removeprefix("RESULT "))
    assert calls == 30, "an environment step is one call"
    assert moved > 0.1
    assert difference < 1e-4, "single precision at 750 substeps, in which nothing is touched"


def test_human_actions_replayed_open_loop_end_in_standing_stacks(human_demos: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    script = PROJECT / "scripts" / "replay_human_demos.py"
    python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", human_demos, "--json", report)
    result = json.loads(report.read_text())
    assert result["median_mm"] <= 2.5
    assert result["grasps_held"] == 20
    assert result["successes"] == 10


def test_what_lies_still_is_not_computed_until_it_is_put_elsewhere(tmp_path: Path) -> None:
    code = (
        OPEN
        + """
data = physics.NewtonNativeMujocoManager._worlds.datas[0]
cube, told = env.scene["cube_2"], []
still = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]).repeat(2, 1)

def where():
    return cube.data.root_link_pose_w.torch[:, :3].clone()

def wait(steps):
    for _ in range(steps):
        env.step(still)

def asleep():
    return (data.tree_asleep >= 0).tolist()

with torch.inference_mode():
    env.reset()
    told.append(asleep())
    wait(20)
    told.append(asleep())
    lying = where()
    wait(20)
    told.append(float((where() - lying).abs().max()))
    lifted = cube.data.root_link_pose_w.torch.clone()
    lifted[0, 2] += 0.05
    cube.write_root_link_pose_to_sim_index(root_pose=lifted)
    env.step(still)
    told.append(float(lying[0, 2] + 0.05 - where()[0, 2]))
    wait(20)
    told.append(float((where() - lying).abs().max()))
    told.append(asleep())
    env.reset()
    told.append(asleep())
print("RESULT", json.dumps(told))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    begun, waited, crept, fallen, landed, again, reset = json.loads(line.removeprefix("RESULT "))
    assert begun == [False] * 4
    assert waited == [False, True, True, True], "the robot never is"
    assert crept == 0.0
    assert 0.005 < fallen < 0.05, "what was put into the air falls"
    assert landed < 2e-3
    assert again == waited
    assert reset == begun
