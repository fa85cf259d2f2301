"""Task files of AutoData's shape, written for the tests: keys and figures are those of its published examples."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

POLICY = {
    "name": "made_for_a_test",
    "seed": 1,
    "num_trials": 10,
    "guarantee_success": True,
    "keep_failed": False,
    "source_dataset_path": None,
    "generation_path": None,
    "task_name": None,
    "use_skillgen": False,
    "use_navigation_controller": False,
    "select_src_per_subtask": True,
    "select_src_per_arm": False,
    "transform_first_robot_pose": False,
    "interpolate_from_last_target_pose": True,
}


def subtask(object_ref: str, signal: str | None = None, **values: Any) -> dict[str, Any]:
    """Return a subtask; only one that ends with a signal has an offset."""
    own: dict[str, Any] = {"object_ref": object_ref, "description": f"What is done with {object_ref}."}
    if signal is not None:
        own["subtask_term_signal"] = signal
    alike = {
        "selection_strategy": "nearest_neighbor_object",
        "selection_strategy_kwargs": {"nn_k": 3},
        "subtask_term_offset_range": [10, 20] if signal else [0, 0],
        "action_noise": 0.03,
        "num_interpolation_steps": 5,
        "num_fixed_steps": 0,
        "apply_noise_during_interpolation": False,
    }
    return own | alike | values


def stack() -> dict[str, Any]:
    """Return what the published file of the Franka's three cubes says, in words of our own."""
    steps = (("cube_2", "grasp_1"), ("cube_1", "stack_1"), ("cube_3", "grasp_2"), ("cube_2", None))
    return {
        "name": "a_tower",
        "description": "Three cubes, one on another.",
        "algo": "mimicgen",
        "generation_policy": dict(POLICY),
        "subtasks": {"franka": [subtask(name, signal) for name, signal in steps]},
    }


def stack_by_skillgen() -> dict[str, Any]:
    """The same, of the published file that plans motions: the last subtask has a signal, too."""
    made = stack() | {"algo": "skillgen"}
    made["generation_policy"]["use_skillgen"] = True
    alike: dict[str, Any] = {"subtask_term_offset_range": [0, 0], "num_interpolation_steps": 0}
    for one, signal in zip(made["subtasks"]["franka"], ("grasp_1", "stack_1", "grasp_2", "stack_2"), strict=True):
        one.update(alike | {"subtask_term_signal": signal})
    return made


def two_hands() -> dict[str, Any]:
    """The same, of the published files of the two humanoids, which say the same but for their names."""
    alike: dict[str, Any] = {"action_noise": 0.003, "num_interpolation_steps": 0, "subtask_term_offset_range": [0, 0]}
    first = alike | {"first_subtask_start_offset_range": [0, 0]}
    return {
        "name": "two_hands",
        "description": "One hand takes it, the other helps.",
        "algo": "dexmimicgen",
        "generation_policy": POLICY | {"num_trials": 1000, "select_src_per_subtask": False},
        "subtasks": {
            "right": [
                subtask("object", "idle_right", **first),
                subtask("object", **alike | {"num_interpolation_steps": 3}),
            ],
            "left": [subtask("object", **alike)],
        },
    }


def rope() -> dict[str, Any]:
    """The same, of an earlier version's file of a rope."""
    soft: dict[str, Any] = {
        "selection_strategy": "registration_cost",
        "algo_params": {"object_soft": True, "bend_coef": 0.1, "rot_coef": 0.001},
    }
    made = stack() | {"algo": "softmimicgen"}
    made["generation_policy"]["reset_settling_steps"] = 10
    made["subtasks"] = {"franka": [subtask("object", "grasp", **soft), subtask("object", **soft)]}
    return made


def changed(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return a tree with a value at a dotted key, in which numbers are places in lists; `...` takes it out."""
    tree = copy.deepcopy(tree)
    *parents, last = (int(part) if part.isdigit() else part for part in key.split("."))
    at: Any = tree
    for part in parents:
        at = at[part]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return tree


def write(path: Path, tree: Any) -> Path:
    """Write a file as a person would."""
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path
