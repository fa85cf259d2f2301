"""Mimic's settings, put into the configuration of an environment."""

from __future__ import annotations

from typing import Any

from mimicgen.datagen.config.sections import MimicConfig, subtask_names
from mimicgen.datagen.tasks.defaults import own_subtasks, refuse_unknown_subtasks

NOISY = "apply_noise_during_interpolation"
WEIGHED = ("nn_k", "pos_weight", "rot_weight")
"""What the two strategies that look for neighbours go by."""


def apply_mimic(cfg: Any, mimic: MimicConfig, task: str) -> None:
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
