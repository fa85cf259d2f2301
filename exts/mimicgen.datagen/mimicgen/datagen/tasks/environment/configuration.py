"""A task by file as Isaac Lab's configuration of a manager-based Mimic environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isaaclab.controllers.differential_ik_cfg import DifferentialIKControllerCfg
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.envs.mdp import last_action
from isaaclab.envs.mdp.actions.actions_cfg import BinaryJointPositionActionCfg, DifferentialInverseKinematicsActionCfg
from isaaclab.envs.mimic_env_cfg import (
    MimicEnvCfg,
    SubTaskConfig,
    SubTaskConstraintConfig,
    SubTaskConstraintCoordinationScheme,
    SubTaskConstraintType,
)
from isaaclab.managers import EventTermCfg, ObservationGroupCfg, ObservationTermCfg, TerminationTermCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.utils import configclass
from isaaclab_physx.physics import PhysxCfg

from mimicgen.datagen.tasks.catalogue import Described, EndEffector
from mimicgen.datagen.tasks.environment import assets, events, terms
from mimicgen.datagen.tasks.schema import Constraint, Subtask, Variant

STEP = 0.01
"""Of the physics [s]; an environment step is five of them."""


@configclass
class _Terms:
    """Terms of a manager; they are set by name."""


@configclass
class _Group(ObservationGroupCfg):
    """A group of observations; its terms are set by name."""

    def __post_init__(self) -> None:
        self.enable_corruption = False
        self.concatenate_terms = False


@configclass
class _Observations:
    policy: _Group = _Group()
    subtask_terms: _Group = _Group()


@configclass
class TaskEnvCfg(ManagerBasedRLEnvCfg, MimicEnvCfg):
    """The configuration of a task by file.

    Attributes:
        described: The task.
        variant: How its attempts start.
    """

    class_type: type | str = "mimicgen.datagen.tasks.environment.mimic:TaskEnv"
    scene: InteractiveSceneCfg = InteractiveSceneCfg(num_envs=1, env_spacing=2.5)
    observations: _Observations = _Observations()
    actions: _Terms = _Terms()
    terminations: _Terms = _Terms()
    events: _Terms = _Terms()
    rewards = None
    commands = None
    curriculum = None
    described: Any = None
    variant: str = "d0"

    def __post_init__(self) -> None:
        """See upstream."""
        self.decimation = 5
        self.episode_length_s = 30.0
        self.sim.dt = STEP
        self.sim.render_interval = 2
        self.sim.physics = PhysxCfg(
            bounce_threshold_velocity=0.01, friction_correlation_distance=0.00625, solve_articulation_contact_last=True
        )


def environment_cfg(described: Described, variant: str, cache: Path) -> TaskEnvCfg:
    """Return Isaac Lab's configuration of a task's environment.

    Args:
        described: The task.
        variant: How its attempts start.
        cache: Folder for assets that are made.

    Raises:
        TaskError: There is no such variant, or an asset cannot be made.
        SetupError: The package of a robot's model is not installed.
    """
    cfg = TaskEnvCfg()
    cfg.described, cfg.variant = described, variant
    _add_assets(cfg.scene, described, cache)
    _add_observations(cfg.observations, described)
    for name, eef in described.eefs.items():
        _add_actions(cfg.actions, "" if len(described.eefs) == 1 else f"{name}_", eef)
    setattr(cfg.terminations, "success", TerminationTermCfg(func=terms.success))  # noqa: B010 -- see `_Terms`
    _add_events(cfg.events, described, described.variant(variant))
    cfg.datagen_config.name = described.gym_id(variant)
    cfg.datagen_config.generation_guarantee = True
    cfg.datagen_config.generation_keep_failed = False
    cfg.datagen_config.generation_relative = True
    cfg.datagen_config.generation_interpolate_from_last_target_pose = True
    cfg.subtask_configs = {eef: [*map(_subtask, own)] for eef, own in described.task.subtasks.items()}
    cfg.task_constraint_configs = [*map(constraint_config, described.task.constraints)]
    return cfg


def _add_assets(scene: Any, described: Described, cache: Path) -> None:
    for key in described.robots:
        setattr(scene, key, assets.robot_cfg(described, key, cache))
    if described.task.table:
        scene.table = assets.table_cfg(described.task.table)
    scene.plane, scene.light = assets.floor_cfg(), assets.light_cfg()
    for name in described.task.objects:
        setattr(scene, name, assets.object_cfg(described, name, cache))


def _add_observations(observations: _Observations, described: Described) -> None:
    policy, several = observations.policy, len(described.robots) > 1
    policy.actions = ObservationTermCfg(func=last_action)
    for key in described.robots:
        prefix = f"{key}_" if several else ""
        told: dict[str, Any] = {"joint_pos": terms.joint_positions, "joint_vel": terms.joint_velocities}
        for term, function in told.items():
            setattr(policy, f"{prefix}{term}", ObservationTermCfg(func=function, params={"robot": key}))
    policy.object = ObservationTermCfg(func=terms.objects)
    for name, eef in described.eefs.items():
        prefix = f"{name}_" if len(described.eefs) > 1 else ""
        told = {"eef_pos": terms.tool_position, "eef_quat": terms.tool_orientation}
        if eef.arm.gripper:
            told["gripper_pos"] = terms.finger_positions
        for term, function in told.items():
            setattr(policy, f"{prefix}{term}", ObservationTermCfg(func=function, params={"eef": name}))
    for signal in described.task.signals:
        setattr(observations.subtask_terms, signal, ObservationTermCfg(func=terms.signal, params={"name": signal}))


def _add_actions(actions: Any, prefix: str, eef: EndEffector) -> None:
    arm, relative = eef.arm, eef.arm.controller.kind == "relative_ik"
    action = DifferentialInverseKinematicsActionCfg(
        asset_name=eef.robot,
        joint_names=list(arm.joints),
        body_name=arm.body,
        controller=DifferentialIKControllerCfg(
            command_type="pose",
            use_relative_mode=relative,
            ik_method=arm.controller.method,
        ),
        scale=arm.controller.scale if relative else 1.0,
        body_offset=DifferentialInverseKinematicsActionCfg.OffsetCfg(pos=arm.controlled or arm.tool),
    )
    setattr(actions, f"{prefix}arm_action", action)
    if arm.gripper:
        gripper = BinaryJointPositionActionCfg(
            asset_name=eef.robot,
            joint_names=list(arm.gripper.joints),
            open_command_expr=dict.fromkeys(arm.gripper.joints, arm.gripper.open),
            close_command_expr=dict.fromkeys(arm.gripper.joints, arm.gripper.closed),
        )
        setattr(actions, f"{prefix}gripper_action", gripper)


def _add_events(cfg: Any, described: Described, variant: Variant) -> None:
    for key, robot in described.robots.items():
        arms = [joint for arm in robot.arms.values() for joint in arm.joints]
        params = {"robot": key, "std": variant.joint_noise, "arms": arms}
        setattr(cfg, f"{key}_joints", EventTermCfg(func=events.reset_joints, mode="reset", params=params))
    placements = []
    for name in events.in_order(variant):
        own, start = described.task.objects[name], variant.start[name]
        placements.append(
            events.Placement(
                name=name,
                position=own.position,
                angles=own.rotation,
                x=start.x,
                y=start.y,
                yaw=start.yaw,
                on=start.on,
            )
        )
        if start.joints:
            params = {"name": name, "ranges": start.joints}
            setattr(cfg, f"{name}_joints", EventTermCfg(func=events.reset_parts, mode="reset", params=params))
    if placements:
        params = {"placements": placements, "separation": variant.separation}
        cfg.poses = EventTermCfg(func=events.reset_poses, mode="reset", params=params)


def _subtask(own: Subtask) -> SubTaskConfig:
    return SubTaskConfig(
        object_ref=own.object_ref,
        subtask_term_signal=own.subtask_term_signal,
        subtask_term_offset_range=own.subtask_term_offset_range,
        first_subtask_start_offset_range=own.first_subtask_start_offset_range,
        selection_strategy=own.selection_strategy,
        # The others take none, and Isaac Lab passes on what there is.
        selection_strategy_kwargs={
            key: int(value) if key == "nn_k" else value for key, value in own.selection_strategy_kwargs.items()
        }
        if own.selection_strategy.startswith("nearest_neighbor")
        else {},
        action_noise=own.action_noise,
        num_interpolation_steps=own.num_interpolation_steps,
        num_fixed_steps=own.num_fixed_steps,
        apply_noise_during_interpolation=own.apply_noise_during_interpolation,
        description=own.description,
        next_subtask_description=own.next_subtask_description,
    )


def constraint_config(own: Constraint) -> SubTaskConstraintConfig:
    """Return a constraint between end effectors as Isaac Lab's configuration has it."""
    return SubTaskConstraintConfig(
        eef_subtask_constraint_tuple=list(own.eef_subtask_constraint_tuple),
        constraint_type=SubTaskConstraintType[own.constraint_type.upper()],
        sequential_min_time_diff=own.sequential_min_time_diff,
        coordination_scheme=SubTaskConstraintCoordinationScheme[own.coordination_scheme.upper()],
        coordination_scheme_pos_noise_scale=own.coordination_scheme_pos_noise_scale,
        coordination_scheme_rot_noise_scale=own.coordination_scheme_rot_noise_scale,
        coordination_synchronize_start=own.coordination_synchronize_start,
    )
