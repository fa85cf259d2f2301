"""What of the preflight check needs the robot: whether actions mean poses, and whether the first pose is in reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from isaaclab.envs import ManagerBasedRLMimicEnv

from mimicgen.datagen.dataset.sources import Finding, open_source

SAMPLES = 64
"""Actions that are converted there and back, over all demonstrations."""

TOLERANCE = 1e-3
"""How far an action may be from itself after conversion to a pose and back."""

ARM = [*(f"panda_link{index}" for index in range(2, 8)), "panda_hand"]
"""The Franka's links from the shoulder, which the second joint turns, to the hand."""

BELOW_TABLE = 0.01
"""How far a target may be below the robot's base, which stands on the table [m]."""


def check_round_trip(env: ManagerBasedRLMimicEnv, path: Path, demos: Sequence[str]) -> list[Finding]:
    """Check that `target_eef_pose_to_action` undoes `action_to_target_eef_pose`, for a sample of source actions.

    The conversions start at the environment's present state. Actions that the task clamps are left out.

    Returns:
        At most one finding a demonstration, about the first action that does not come back.
    """
    relative = "IK-Rel" in env.cfg.env_name
    findings: list[Finding] = []
    with open_source(path, demos=demos) as file:
        recorded = {demo: file["data"][demo]["actions"][:] for demo in demos}
    with torch.inference_mode():
        for demo in demos:
            actions = torch.tensor(recorded[demo], dtype=torch.float32, device=env.device)
            for step in np.linspace(0, len(actions) - 1, max(1, SAMPLES // len(demos)), dtype=int):
                action = actions[step]
                if relative and action.abs().max() > 1:
                    continue
                error = _round_trip_error(env, action)
                if not error <= TOLERANCE:  # also when it is not a number
                    problem = f"the action comes back from its pose changed by {error:.3g}"
                    remedy = "see whether the task is the recorded one, and its actions' quaternions x, y, z, w"
                    findings.append(Finding(demo=demo, step=int(step), problem=problem, remedy=remedy))
                    break
    return findings


def _round_trip_error(env: ManagerBasedRLMimicEnv, action: torch.Tensor) -> float:
    """Return the largest change of a component of an action, shape (action_dim,), between it and its return."""
    poses = {eef: pose[0] for eef, pose in env.action_to_target_eef_pose(action[None]).items()}
    grippers = {eef: gripper[0] for eef, gripper in env.actions_to_gripper_actions(action[None]).items()}
    back = env.target_eef_pose_to_action(poses, grippers, env_id=0).reshape(-1)
    errors = [(back - action).abs().max()]
    if "IK-Abs" in env.cfg.env_name:  # a quaternion may come back with the other sign
        turned = action.clone()
        turned[3:7] *= -1
        errors.append((back - turned).abs().max())
    return float(min(errors))


def check_reach(env: ManagerBasedRLMimicEnv, path: Path, demos: Sequence[str]) -> list[Finding]:
    """Check that the hand's first pose in each demonstration is within the Franka's reach and above the table.

    Within reach: no farther from the shoulder than the links from there to the tool are long together. That is the
    arm stretched out, and generous: what is farther cannot be reached, what is nearer may still not be. Poses are
    in the environment's frame, in which Isaac Lab recorded them. For another robot nothing is checked.
    """
    robot = env.scene["robot"]
    if not set(ARM) <= set(robot.body_names):
        return []
    positions = robot.data.body_pos_w.torch[0] - env.scene.env_origins[0]
    joints = torch.stack([positions[robot.body_names.index(name)] for name in ARM])
    base = float(robot.data.root_pos_w.torch[0, 2] - env.scene.env_origins[0, 2])
    findings: list[Finding] = []
    eefs = list(env.cfg.subtask_configs)
    with open_source(path, demos=demos) as file:
        poses = {eef: [file["data"][demo][f"obs/datagen_info/eef_pose/{eef}"][0] for demo in demos] for eef in eefs}
    for eef in eefs:
        tool = env.get_robot_eef_pose(eef, env_ids=[0])[0, :3, 3]
        length = float(torch.cat([joints, tool[None]]).diff(dim=0).norm(dim=1).sum())
        for demo, pose in zip(demos, poses[eef], strict=True):
            target = pose[:3, 3]
            distance = float(np.linalg.norm(target - joints[0].cpu().numpy()))
            problem = None
            if distance > length:
                problem = f"is {distance:.2f} m from the shoulder, the arm reaches {length:.2f} m"
            elif target[2] < base - BELOW_TABLE:
                problem = f"is {base - target[2]:.2f} m below the robot's base"
            if problem:
                remedy = "see whether the poses are in the environment's frame and the robot where it was"
                findings.append(Finding(demo=demo, step=0, problem=f"the first pose {problem}", remedy=remedy))
    return findings
