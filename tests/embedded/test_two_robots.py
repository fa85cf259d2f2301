"""Two robots in one scene, facing each other: what one is told moves it, and not the other."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.generation.running import python

ENGINES = [
    "mujoco",
    pytest.param(
        "physx",
        marks=pytest.mark.skipif(importlib.util.find_spec("ovphysx") is None, reason="PhysX is not installed"),
    ),
]

TASK = """
instruction = "Lift the cube."
[robots.near]
robot = "franka_panda"
[robots.far]
robot = "franka_panda"
position = [1.2, 0.1, 0.0]
yaw = 3.14159265
[table]
size = [1.5, 1.3, 0.04]
position = [0.6, 0.0, 0.0]
[objects.cube]
shapes = [{ shape = "box", size = [0.05, 0.05, 0.05] }]
position = [0.6, 0.4, 0.025]
[objects.can]
shapes = [{ shape = "cylinder", radius = 0.04, height = 0.1 }]
position = [0.5, 0.2, 0.05]
[objects.ball]
shapes = [{ shape = "sphere", radius = 0.05 }]
position = [0.7, 0.2, 0.05]
[objects.pill]
shapes = [{ shape = "capsule", axis = "y", radius = 0.03, height = 0.15 }]
position = [0.6, -0.3, 0.03]
[variants.d0]
[[subtasks.near]]
object_ref = "cube"
[[subtasks.far]]
object_ref = "cube"
[success]
is = "lifted"
object = "cube"
[cameras.side]
position = [0.6, 1.9, 0.8]
look_at = [0.6, 0.0, 0.3]
"""

CODE = """
import sys
sys.argv[1:] = sys.argv[2:]
import json, torch
import numpy as np
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.config.jobs import Record
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.embedded.images.rasteriser import Rasteriser
from mimicgen.datagen.isaaclab.live_check import opened
from mimicgen.datagen.isaaclab.resets import Resets
from mimicgen.datagen.tasks.defaults import build
from scripts.compare_images import MODALITIES, NewtonCamera, differences

said = {"task": sys.argv[1], "physics": sys.argv[2], "num_envs": 2, "render.modalities": MODALITIES}
config = build(said, {"render.videos": "", "render.width": 96, "render.height": 72}, kind=Record)
told = {}
with opened(config) as environment, torch.inference_mode():
    env = environment.env
    def hands():
        return {eef: env.get_robot_eef_pose(eef)[:, :3, 3].clone() for eef in ("near", "far")}
    reset = Resets(env)
    reset({number: Streams(number, "cpu") for number in range(2)})
    start, poses = hands(), {eef: env.get_robot_eef_pose(eef)[0].tolist() for eef in ("near", "far")}
    told["order"] = env.action_manager.active_terms
    told["observed"] = list(env.obs_buf["policy"])
    told["poses"] = poses
    # Both go forward, each in its own robot's axes, in the first environment; in the other one alone closes its hand.
    actions = torch.zeros(2, 14)
    actions[:, 6] = actions[:, 13] = 1.0
    actions[0, 0] = actions[0, 7] = 0.1
    actions[1, 13] = -1.0
    for _ in range(10):
        environment.step(actions)
    told["moved"] = {eef: (now - start[eef]).tolist() for eef, now in hands().items()}
    told["fingers"] = {eef: env.tools.fingers(eef)[1].tolist() for eef in ("near", "far")}
    if sys.argv[2] == "mujoco":
        import mujoco
        from mimicgen.datagen.embedded.physics import NewtonNativeMujocoManager as manager
        torch.manual_seed(3)
        env.action_manager.process_action(torch.cat([0.3 * torch.randn(2, 6), torch.ones(2, 1)] * 2, dim=1))
        worst = moved = 0.0
        for eef in ("near", "far"):
            term = env.action_manager.get_term(f"{eef}_arm_action")
            DifferentialInverseKinematicsAction.apply_actions(term)
            expected = env.scene[eef].data.joint_pos_target.torch[:, :7].clone().numpy()
            term.apply_actions()
            for world in range(2):
                scratch = mujoco.MjData(manager.model())
                scratch.qpos[:] = manager._worlds.qpos.numpy()[world]
                mujoco.mj_kinematics(manager.model(), scratch)
                mujoco.mj_comPos(manager.model(), scratch)
                term._control(world, scratch)
                found = scratch.ctrl[term._control._actuators]
                now = env.scene[eef].data.joint_pos.torch[world, :7].numpy()
                worst = max(worst, float(np.abs(found - expected[world]).max()))
                moved = max(moved, float(np.abs(found - now).max()))
        told["targets"] = [worst, moved]
    after = hands()
    reset({0: Streams(0, "cpu")})
    told["back"] = {eef: float((now[0] - start[eef][0]).norm()) for eef, now in hands().items()}
    told["neighbour"] = {eef: float((now[1] - after[eef][1]).norm()) for eef, now in hands().items()}
    origin = env.scene.env_origins[0].tolist()
    about = {"device": "cpu", "origin": origin}
    renderer = Rasteriser(env.sim.stage, views_of(config.render), MODALITIES, **about)
    camera = NewtonCamera(env.sim.stage, views_of(config.render), MODALITIES, **about, colours=renderer.colours)
    def seen():
        state = env.scene.get_state(is_relative=True)
        one = {kind: {asset: {key: value[:1].numpy() for key, value in values.items()} for asset, values in own.items()}
               for kind, own in state.items()}
        images = renderer.drawn(one)
        told.setdefault("apart", []).append(differences(images, camera.drawn(one)))
        image = images["side"]["segmentation"][0]
        return (image == np.array(renderer.colours["robot"])).all(axis=-1)
    before = seen()
    robot = env.scene["far"]
    joints = robot.data.joint_pos.torch.clone()
    joints[0, 0] += 0.5
    robot.write_joint_position_to_sim_index(position=joints[:1], env_ids=torch.tensor([0]))
    changed = before != seen()
    told["seen"] = [int(before[:, :48].sum()), int(before[:, 48:].sum())]
    told["labels"] = renderer.labels
    told["changed"] = [int(changed[:, :48].sum()), int(changed[:, 48:].sum())]
    renderer.close()
print("RESULT", json.dumps(told))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_each_hand_follows_what_it_is_told(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "facing.toml"
    path.write_text(TASK)
    (line,) = (own for own in python(CODE, tmp_path, path, engine).splitlines() if own.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    assert told["order"] == ["near_arm_action", "near_gripper_action", "far_arm_action", "far_gripper_action"]
    for name in ("joint_pos", "joint_vel", "eef_pos", "eef_quat", "gripper_pos"):
        assert {f"near_{name}", f"far_{name}"} <= set(told["observed"])
    assert told["poses"]["near"][0][3] == pytest.approx(0.45, abs=0.1), "in front of a robot that looks along x"
    assert told["poses"]["far"][0][3] == pytest.approx(0.75, abs=0.1), "and of one that looks back"
    for eef, forward in (("near", 1.0), ("far", -1.0)):
        (x, y, z), others = told["moved"][eef]
        assert forward * x > 0.05, "forward is where its own robot looks"
        assert max(abs(y), abs(z)) < 0.3 * abs(x)
        assert max(map(abs, others)) < 0.01, "in the other environment it stays"
        assert told["back"][eef] < 1e-5
        assert told["neighbour"][eef] < 1e-6
    assert min(told["fingers"]["near"]) > 0.035
    assert max(told["fingers"]["far"]) < 0.005
    if engine == "mujoco":
        worst, moved = told["targets"]
        assert worst < 1e-4, "what MuJoCo is told is what Isaac Lab's terms say, in both arms"
        assert moved > 0.05
    assert min(told["seen"]) > 50, "a robot is seen on either side"
    assert max(told["changed"]) > 20, "and the one that is turned is drawn so"
    assert min(told["changed"]) == 0
    assert {"can", "ball", "pill", "cube"} <= set(told["labels"])
    for apart in told["apart"]:
        assert [apart[name]["differ"] for name in ("normals", "segmentation", "depth")] == [0, 0, 0], (
            "as Newton sees it"
        )
        assert apart["rgb"]["by_more_than_1"] == 0
