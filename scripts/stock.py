"""Upstream's own way to generate, for the benchmark: its tasks, queues, event loop, recorder and file handler."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from scripts.split import Split

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import SourceError


@contextlib.contextmanager
def no_running_loop() -> Iterator[None]:
    """Let another event loop run. Kit's counts as running between its updates, too, and keeps others from it."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio.set_event_loop(running)
        asyncio._set_running_loop(running)


class _MeasuredError(Exception):
    """Ends upstream's loop, which has no other way out."""


def run_stock(config: Generate, warmup: int, steps: int, split: Split | None) -> dict[str, Any]:
    """Run upstream's loop for a number of steps.

    Args:
        config: The run's configuration.
        warmup: Steps that are not counted.
        steps: Steps that are.
        split: The clocks, if parts are to be told.

    Returns:
        The values of `Measured`.
    """
    from mimicgen.datagen.isaaclab import kitless, runtime

    kitless.teach_isaaclab()
    import gymnasium as gym
    import torch
    from isaaclab.envs.mdp.actions.binary_joint_actions import BinaryJointPositionAction
    from isaaclab.envs.mdp.actions.task_space_actions import DifferentialInverseKinematicsAction
    from isaaclab.envs.mdp.recorders.recorders_cfg import ActionStateRecorderManagerCfg
    from isaaclab.managers import DatasetExportMode
    from isaaclab_mimic.datagen import generation
    from isaaclab_mimic.datagen.data_generator import DataGenerator

    from mimicgen.datagen.embedded import scene
    from mimicgen.datagen.embedded.physics import WarpMujocoSolverCfg
    from mimicgen.datagen.isaaclab import poses
    from mimicgen.datagen.isaaclab.configuration import task_config

    cfg, success = task_config(config, Outputs(config), runtime.Runtime.EMBEDDED)
    cfg.recorders = ActionStateRecorderManagerCfg()
    cfg.recorders.dataset_export_dir_path = str(config.output_dataset.parent)
    cfg.recorders.dataset_filename = config.output_dataset.stem
    cfg.recorders.dataset_export_mode = DatasetExportMode.EXPORT_SUCCEEDED_ONLY
    cfg.datagen_config.generation_num_trials = config.num_trials
    cfg.sim.physics = scene.physics_cfg(WarpMujocoSolverCfg)
    for name, action in vars(cfg.actions).items():
        of_arm = name.endswith("arm_action")
        action.class_type = DifferentialInverseKinematicsAction if of_arm else BinaryJointPositionAction
    if hasattr(cfg, "gripper_open_val"):
        cfg.gripper_open_val = float(cfg.gripper_open_val)
    poses.complete()
    env = gym.make(cfg.env_name, cfg=cfg).unwrapped
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        with torch.inference_mode():
            env.reset()
        if split is not None:
            split.watch_environment(env)
            success.func = split.counted(success.func, "success evaluation")
            split.watch(env, "target_eef_pose_to_action", "waypoints and actions")
            for name in ("generate_eef_subtask_trajectory", "merge_eef_subtask_trajectory"):
                split.watch(DataGenerator, name, "waypoints and actions")
        if config.source is None:
            raise SourceError("benchmark: pass --source")
        generation.num_success = generation.num_failures = generation.num_attempts = 0
        made = generation.setup_async_generation(env, config.num_envs, str(config.source), success)
        step, count, begin, end = env.step, 0, (0.0, 0, 0), (0.0, 0, 0)

        def counting(actions: torch.Tensor) -> Any:
            nonlocal count, begin, end
            if count == warmup:
                begin = time.perf_counter(), generation.num_attempts, generation.num_success
                if split is not None:
                    split.start()
            if count == warmup + steps:
                end = time.perf_counter(), generation.num_attempts, generation.num_success
                raise _MeasuredError
            count += 1
            return step(actions)

        env.step = counting
        gathered = asyncio.gather(*made["tasks"])
        with contextlib.suppress(_MeasuredError):
            generation.env_loop(env, made["reset_queue"], made["action_queue"], made["info_pool"], loop, gathered)
        gathered.cancel()
        loop.run_until_complete(asyncio.gather(*made["tasks"], return_exceptions=True))
        if split is not None:
            split.stop()
    finally:
        env.close()
        loop.close()
    seconds, attempts, kept = (after - before for before, after in zip(begin, end, strict=True))
    return {
        "env_steps": config.num_envs * steps,
        "seconds": seconds,
        "attempts": int(attempts),
        "kept": int(kept),
        "parts": split.parts(steps, seconds) if split is not None else {},
    }
