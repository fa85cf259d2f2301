"""Isaac Lab's configuration of a run's environment, from the job and the task's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import isaaclab_mimic.envs  # noqa: F401 -- registers the Mimic tasks
from isaaclab.envs.mdp.recorders.recorders_cfg import ActionStateRecorderManagerCfg
from isaaclab.managers import DatasetExportMode
from isaaclab_mimic.datagen.generation import setup_env_config

from mimicgen.datagen.config.jobs import Evaluate, Generate, Job, Record
from mimicgen.datagen.config.sections import MimicConfig, subtask_names
from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.sources import SubtaskNeed, TaskNeeds
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import cameras
from mimicgen.datagen.isaaclab.managers.recorders import SourceRecorderManagerCfg
from mimicgen.datagen.isaaclab.randomization import apply_randomization, vary_starts
from mimicgen.datagen.isaaclab.runtime import Runtime
from mimicgen.datagen.isaaclab.upstream import absent
from mimicgen.datagen.tasks import autodata, catalogue
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.defaults import own_subtasks, refuse_unknown_subtasks
from mimicgen.datagen.tasks.environment.configuration import constraint_config
from mimicgen.datagen.tasks.environment.registration import register
from mimicgen.datagen.tasks.motion import commands_of

if TYPE_CHECKING:
    pass

NOISY = "apply_noise_during_interpolation"
WEIGHED = ("nn_k", "pos_weight", "rot_weight")
"""What the two strategies that look for neighbours go by."""


def mimic_tasks() -> list[str]:
    """Return the Mimic tasks that Isaac Lab registers, sorted."""
    ours = {name for name, spec in gym.registry.items() if str(spec.entry_point).startswith("mimicgen.")}
    return sorted(name for name in gym.registry if ("Mimic" in name or "Skillgen" in name) and name not in ours)


def registered_name(config: Job, found: Described | None) -> str:
    """Return what a job's task is registered as; a task by file is registered now.

    Args:
        config: The job.
        found: What a file says of its task.

    Raises:
        TaskError: The task is unknown, or has no such variant.
    """
    if found is not None and catalogue.task_file(config.task) is not None:
        register(found, cache_folder())
        return found.gym_id(config.variant)
    if config.task not in mimic_tasks():
        raise TaskError(
            f"task '{config.task}' is neither a task by file ({', '.join(catalogue.names())}, or a path that ends with "
            ".toml) nor a registered Mimic task; --list-tasks shows them"
        )
    if config.variant != "d0":
        raise TaskError(f"variant = '{config.variant}': task '{config.task}' has none; tasks by file do")
    return config.task


def task_config(config: Job, outputs: Outputs, runtime: Runtime) -> tuple[Any, Any]:
    """Return Isaac Lab's configuration of the run's environment, and the success term taken out of it.

    Raises:
        TaskError: The task is unknown, or cannot run in this runtime.
        SetupError: The device is not there.
    """
    found = catalogue.described(config.task)
    name = registered_name(config, found)
    try:
        with absent.torchvision():
            cfg, success = setup_env_config(
                env_name=name,
                output_dir=str(outputs.dataset.parent),
                output_file_name=outputs.dataset.stem,
                num_envs=config.num_envs,
                device=config.device,
            )
    except ImportError as error:
        raise TaskError(f"task '{config.task}' needs a package that is not installed: {error}") from error
    cfg.seed = config.seed
    # Isaac Lab's own window has a button that resets episodes, attempts or not; the run's window is the panel.
    cfg.ui_window_class_type = None
    if type(cfg.recorders) is ActionStateRecorderManagerCfg:  # a task's own recorders are kept
        cfg.recorders = SourceRecorderManagerCfg()
    # Isaac Lab records; what is written, and when, is decided by the session (see dataset/outputs/outputs.py).
    cfg.recorders.dataset_export_mode = DatasetExportMode.EXPORT_NONE
    if isinstance(config, Generate) and config.task_file is not None:
        _apply_descriptor(cfg, config.task_file)
    _apply_mimic(cfg, config.mimic if isinstance(config, Generate) else MimicConfig(), config.task)
    if isinstance(config, (Generate, Record)):
        apply_randomization(cfg, config.randomization)
    if isinstance(config, Evaluate):
        vary_starts(cfg, config.vary)
    cfg.observed = None
    if config.observe.cameras and runtime is not Runtime.EMBEDDED:
        raise TaskError(
            f"observe.cameras = {list(config.observe.cameras)}: images in the loop need the embedded runtime; in Isaac "
            "Sim leave it out, and let render draw what is kept"
        )
    if runtime is Runtime.EMBEDDED:
        from mimicgen.datagen.embedded import scene

        cfg.observed = cameras.observe(cfg, config)
        scene.adapt(cfg, found, config.physics, cache_folder())
    return cfg, success


def _apply_mimic(cfg: Any, mimic: MimicConfig, task: str) -> None:
    """Put Mimic's settings into the environment's configuration: the job's, else those of the task's file or its own.

    Tasks by file choose every subtask's source anew, and lead hands to where they were.
    """
    datagen, described = cfg.datagen_config, own_subtasks(task, cfg.subtask_configs)
    anew = mimic.select_source_per_subtask
    if anew is None and described:
        anew = True
    own = {
        "transform_first_robot_pose": True if described else None,
        "select_src_per_subtask": anew,
        # With one arm, upstream chooses anew only if it may choose per arm, too (`generate_eef_subtask_trajectory` in
        # https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_mimic/isaaclab_mimic/datagen/data_generator.py).
        "select_src_per_arm": anew if len(cfg.subtask_configs) == 1 else None,
    }
    told = {
        "transform_first_robot_pose": mimic.transform_first_robot_pose,
        "select_src_per_arm": mimic.select_source_per_arm,
        "interpolate_from_last_target_pose": mimic.interpolate_from_last_target_pose,
    }
    for key, value in (own | {key: value for key, value in told.items() if value is not None}).items():
        if value is not None:
            setattr(datagen, f"generation_{key}", value)
    names = subtask_names(
        {eef: [one.subtask_term_signal for one in subtasks] for eef, subtasks in cfg.subtask_configs.items()}
    )
    refuse_unknown_subtasks(mimic, cfg.env_name, names)
    for eef, arm in cfg.subtask_configs.items():
        for index, (subtask, name) in enumerate(zip(arm, names[eef], strict=True)):
            _apply_to_subtask(subtask, name, mimic, described[eef][index] if eef in described else subtask)


def _apply_to_subtask(subtask: Any, name: str, mimic: MimicConfig, own: Any) -> None:
    """Put Mimic's settings into a subtask: the job's, else its own, which are the task file's or Isaac Lab's."""

    def said(key: str) -> Any:
        value = mimic.of(name, key)
        return value if value is not None else getattr(own, key)

    weighted = said("selection_strategy").startswith("nearest_neighbor")
    kwargs = dict(own.selection_strategy_kwargs) if weighted else {}
    kwargs |= {key: value for key in WEIGHED if weighted and (value := mimic.of(name, key)) is not None}
    if weighted:
        kwargs["nn_k"] = int(kwargs.get("nn_k", 3))
    for key in ("action_noise", "num_interpolation_steps", "num_fixed_steps", "selection_strategy", NOISY):
        setattr(subtask, key, said(key))
    subtask.selection_strategy_kwargs = kwargs
    low, high = mimic.of(name, "term_offset_low"), mimic.of(name, "term_offset_high")
    subtask.subtask_term_offset_range = tuple(own.subtask_term_offset_range) if low is None else (low, high)


def _apply_descriptor(cfg: Any, path: Path) -> None:
    """Put the constraints of one of AutoData's task files into the environment's configuration, once it fits."""
    descriptor = autodata.read_descriptor(path)
    autodata.check_fits(descriptor, path, cfg.env_name, task_needs(cfg).subtasks)
    if descriptor.constraints:
        cfg.task_constraint_configs = [*map(constraint_config, descriptor.constraints)]


def task_needs(cfg: Any) -> TaskNeeds:
    """Return what the task needs of its source demonstrations."""
    subtasks = {
        eef: [
            SubtaskNeed(
                signal=subtask.subtask_term_signal,
                object_ref=subtask.object_ref,
                offsets=tuple(subtask.subtask_term_offset_range),
            )
            for subtask in configs
        ]
        for eef, configs in cfg.subtask_configs.items()
    }
    commands = commands_of(cfg.env_name, getattr(cfg, "described", None))
    return TaskNeeds(task=cfg.env_name, subtasks=subtasks, commands=commands)
