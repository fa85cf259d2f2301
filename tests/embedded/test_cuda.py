"""What runs on CUDA devices, on the CPU, where Warp runs the same kernels: against Isaac Lab's. Without Kit."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result


def test_one_conversion_a_physics_step_and_terms_that_do_not_wait_change_nothing(tmp_path: Path) -> None:
    code = """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import gymnasium as gym
import torch
from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointPositionAction
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
from mimicgen.datagen.embedded import cuda_terms, scene, physics
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.isaaclab.configuration import task_config

def states(solver, adapt):
    config = build({"source": sys.argv[2], "output_dataset": sys.argv[1] + "/g.hdf5", "output_dir": sys.argv[1],
                    "num_envs": 2, "render.when": "never"})
    cfg, _ = task_config(config, Outputs(config), runtime.Runtime.EMBEDDED)
    cfg.sim.physics, cfg.events.matching_inertia = scene.physics_cfg(solver), None
    cfg.recorders = None
    cfg.actions.arm_action.class_type = DifferentialInverseKinematicsAction
    cfg.actions.gripper_action.class_type = BinaryJointPositionAction
    adapt(cfg)
    env = gym.make(cfg.env_name, cfg=cfg).unwrapped
    torch.manual_seed(0)
    env.reset()
    joints, told = [], []
    for step in range(4):
        env.step(torch.randn(2, 7) * 0.1)
        joints.append(env.scene["robot"].data.joint_pos.torch.clone())
        told.append({name: signal.tolist() for name, signal in env.obs_buf["subtask_terms"].items()})
    # A cube between fingers, first as good as closed, then open.
    robot, cube = env.scene["robot"], env.scene["cube_2"]
    for opening in (0.02, 0.04):
        joint_positions = robot.data.joint_pos.torch.clone()
        joint_positions[:, -2:] = opening
        robot.write_joint_position_to_sim_index(position=joint_positions)
        at = env.scene["ee_frame"].data.target_pos_w.torch[:, 0]
        cube.write_root_pose_to_sim_index(root_pose=torch.cat([at, torch.tensor([[0.0, 0.0, 0.0, 1.0]] * 2)], dim=1))
        env.sim.forward()
        terms = env.observation_manager.compute()["subtask_terms"]
        told.append({name: signal.tolist() for name, signal in terms.items()})
    terms = [type(term).__name__ for term in env.action_manager._terms.values()]
    env.close()
    return torch.stack(joints), told, terms

expected, told, _ = states(physics.WarpMujocoSolverCfg, lambda cfg: None)
found, told_here, terms = states(physics.CudaMujocoSolverCfg, cuda_terms.use_cuda_terms)
print("RESULT", json.dumps({"difference": float((found - expected).abs().max()),
    "moved": float((found[-1] - found[0]).abs().max()), "terms": terms, "signals": [told, told_here]}))
"""
    found = result(code, tmp_path)
    assert found["terms"] == ["CudaInverseKinematicsAction", "CudaBinaryJointPositionAction"]
    assert found["moved"] > 0.01
    assert found["difference"] <= 1e-6
    assert found["signals"][0] == found["signals"][1]
    assert [one["grasp_1"] for one in found["signals"][0]] == [[False] * 2] * 4 + [[True] * 2, [False] * 2]


def test_what_arms_are_told_leads_where_isaac_labs_controller_leads(tmp_path: Path) -> None:
    """Two arms that stand elsewhere, told moves, and one told poses; by a command that is no quaternion, too."""
    code = """
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
import gymnasium as gym
import torch
import warp as wp
import isaaclab.utils.math as pose_math
from isaaclab.envs.mdp.actions.actions_cfg import DifferentialInverseKinematicsActionCfg
from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
from mimicgen.datagen.embedded import cuda_ik, cuda_terms, scene, physics
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.isaaclab.configuration import task_config

told = []
for task in ("two_arm_lift", "Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0"):
    config = build({"task": task, "source": sys.argv[2], "output_dataset": sys.argv[1] + "/g.hdf5",
                    "output_dir": sys.argv[1], "num_envs": 3, "render.when": "never"})
    cfg, _ = task_config(config, Outputs(config), runtime.Runtime.EMBEDDED)
    cfg.sim.physics = scene.physics_cfg(physics.CudaMujocoSolverCfg)
    cfg.recorders = None
    cuda_terms.use_cuda_terms(cfg)
    env = gym.make(cfg.env_name, cfg=cfg).unwrapped
    env.reset()
    for name, term in env.action_manager._terms.items():
        if not isinstance(term, cuda_ik.CudaInverseKinematicsAction):
            continue
        torch.manual_seed(0)
        command = torch.randn(3, term.action_dim)
        command[0, 3:] = 0.0
        term.process_actions(command)
        found = [wp.to_torch(own).clone() for own in term._control.targets]
        processed = term.processed_actions.clone()
        DifferentialInverseKinematicsAction.process_actions(term, command)
        roots = term._asset.data.root_link_pose_w.torch
        wanted = pose_math.combine_frame_transforms(
            roots[:, :3], roots[:, 3:], term._ik_controller.ee_pos_des, term._ik_controller.ee_quat_des)
        turned = (found[1] * wanted[1]).sum(dim=1).abs()
        told.append([term.action_dim, float((found[0] - wanted[0]).abs().max()), float((turned - 1).abs().max()),
                     float((processed - term.processed_actions).abs().max()), float(roots[0, :3].abs().max())])
    env.close()
print("RESULT", json.dumps(told))
"""
    found = result(code, tmp_path)
    assert [own[0] for own in found] == [6, 6, 7]
    for _, apart, turned, processed, _ in found:
        assert apart < 1e-6
        assert turned < 1e-6
        assert processed == 0
    assert min(base for *_, base in found[:2]) > 0.1
