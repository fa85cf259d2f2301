"""What a policy's features are made of: as who trained it says, or the dataset that it was trained on.

What exported datasets have in vectors is observed by parts; see `mimicgen.datagen.policies.parts`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.formats.lerobot.layout import IMAGES, INFO, OBJECTS, RECORD, STATE
from mimicgen.datagen.dataset.formats.representations import ACTIONS
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.parts import PART
from mimicgen.datagen.text import shown

TRAINED = "observations.json"
"""What `datagen.sh train` writes into a checkpoint's folder: which observations each feature is made of, in order."""

RECORDED = "recorded"
"""The representation of actions as they are the environment's own."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a policy's features are made of.

    Attributes:
        observed: Names of observations by feature, one after the other.
        actions: Representation of its actions, None for the environment's own.
        rate: Actions a second, None where nothing says it.
        task: What it was trained for, None where nothing says it.
        action_steps: How many actions are taken before it is asked again, None for all that it gives.
    """

    observed: Mapping[str, tuple[str, ...]]
    actions: str | None = None
    rate: float | None = None
    task: str | None = None
    action_steps: int | None = None


def made_of(folder: Path) -> Made:
    """Return what is said of a folder of LeRobot's: in it, or in the dataset that its training read.

    Raises:
        ConfigError: Nothing says it, or a file that does cannot be read.
    """
    trained = folder / TRAINED
    if trained.is_file():
        return described(read_table(trained), f"'{trained}'")
    beside = folder / Path(RECORD).name
    if beside.is_file():
        return _exported(beside, folder / Path(INFO).name)
    root = _dataset_of(folder / "train_config.json")
    if root is not None and (root / RECORD).is_file():
        return _exported(root / RECORD, root / INFO)
    where = f", and the dataset that it was trained on is not at {root}" if root is not None else ""
    raise ConfigError(
        f"policy = '{folder}' does not say what its features are made of{where}; copy {RECORD} and {INFO} of that "
        "dataset, which 'datagen.sh export lerobot' wrote, beside its config.json"
    )


def image_of(name: str) -> str:
    """Return what images are called where they are observed, of what they are called in an exported dataset."""
    camera, _, modality = name.rpartition("_")
    return name if camera and modality in MODALITIES else f"{name}_rgb"


def rate_of(env_args: Any) -> float | None:
    """Return how many actions a second there were where a dataset was recorded, None where it does not say.

    Args:
        env_args: What the dataset says of its environment.
    """
    told = env_args.get("sim_args") if isinstance(env_args, dict) else None
    if not isinstance(told, dict):
        return None
    step, decimation = _positive(told.get("dt")), _positive(told.get("decimation"))
    return 1 / (step * decimation) if step and decimation else None


def described(told: Mapping[str, Any], where: str) -> Made:
    """Return what is said of a policy's features.

    Args:
        told: `observations`, names of observations by feature; and, each of which may be missing, `actions` (the
            representation), `action_steps`, `rate` and `task`, or `env_args`, which say the last two in a dataset.
        where: What says it, for messages.

    Raises:
        ConfigError: It does not say it.
    """
    observed = told.get("observations")
    if not isinstance(observed, dict) or not observed or not all(_are_names(names) for names in observed.values()):
        raise ConfigError(
            f"{where} does not say what the policy's features are made of; expected, in JSON, "
            '{"observations": {"FEATURE": ["eef_pos", ...], "IMAGE": ["front_rgb"]}}'
        )
    actions, steps = told.get("actions", RECORDED), told.get("action_steps")
    if actions not in ACTIONS:
        raise ConfigError(f"{where}: actions = '{actions}'; known are {', '.join(ACTIONS)}")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise ConfigError(f"{where}: action_steps = {steps}; expected a whole number from 1 on")
    arguments = told.get("env_args")
    task = told.get("task", arguments.get("env_name") if isinstance(arguments, dict) else None)
    return Made(
        observed={str(feature): tuple(names) for feature, names in observed.items()},
        actions=None if actions == RECORDED else actions,
        rate=_positive(told.get("rate")) or rate_of(arguments),
        task=str(task) if task else None,
        action_steps=steps,
    )


def _exported(path: Path, info: Path) -> Made:
    told = read_table(path)
    try:
        state = [f"{PART}{part['key']}" for part in told["state"]["parts"]]
        objects = [f"{PART}{part['key']}" for part in told["objects"]["parts"]]
        actions = told["action"]["representation"]
        known = actions in ACTIONS
    except (KeyError, TypeError) as error:
        raise ConfigError(f"'{path}' is no record of an export: {type(error).__name__} {error}") from error
    if not known:
        raise ConfigError(f"'{path}': actions = '{actions}'; known are {', '.join(ACTIONS)}")
    return Made(
        observed={STATE: tuple(state), OBJECTS: tuple(objects)},
        actions=None if actions == RECORDED else actions,
        rate=_positive(read_table(info).get("fps")) if info.is_file() else None,
        task=str(told.get("task")),
    )


def observed_by(made: Made, feature: str) -> tuple[str, ...]:
    """Return the observations that a feature is made of, one after the other; none where nothing says it."""
    told = made.observed.get(feature, ())
    return told or ((image_of(feature.removeprefix(IMAGES)),) if feature.startswith(IMAGES) else ())


def _dataset_of(path: Path) -> Path | None:
    """Return where the dataset was that lerobot trained on."""
    dataset = read_table(path).get("dataset") if path.is_file() else None
    root = dataset.get("root") if isinstance(dataset, dict) else None
    return Path(root) if isinstance(root, str) else None


def read_table(path: Path) -> dict[str, Any]:
    """Return what a JSON file says.

    Raises:
        ConfigError: It cannot be read, or is no table.
    """
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"'{path}' cannot be read as JSON: {shown(error)}") from error
    if not isinstance(told, dict):
        raise ConfigError(f"'{path}' is no table of JSON")
    return told


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)


def _positive(value: Any) -> float | None:
    """Return a number above 0, None for anything else."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else None
