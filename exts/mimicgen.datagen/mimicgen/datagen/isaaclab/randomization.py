"""The task's randomisation at a reset: read from, and put into, the event terms of Isaac Lab's configuration.

The terms are found by what they call, because tasks name them differently (`isaaclab_tasks`, contrib/stack).
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from mimicgen.datagen.config.randomization import RandomizationConfig, check_separation
from mimicgen.datagen.config.varying import VaryConfig
from mimicgen.datagen.errors import ConfigError, TaskError

_POSES = "randomize_object_pose"
_JOINTS = "randomize_joint_by_gaussian_offset"

_SCALED = ("x", "y", "yaw")
_PLACED = "reset_poses"
_NEAR_HOME = "reset_joints"
"""What tasks by file call."""

_PARAMETERS = {
    "x": (_POSES, "pose_range", "x"),
    "y": (_POSES, "pose_range", "y"),
    "yaw": (_POSES, "pose_range", "yaw"),
    "min_separation": (_POSES, "min_separation"),
    "joint_noise_mean": (_JOINTS, "mean"),
    "joint_noise_std": (_JOINTS, "std"),
}
"""By our key: the function that the term calls, and where the value is in the term's parameters."""


def apply_randomization(cfg: Any, randomization: RandomizationConfig) -> None:
    """Put the values that are set into the environment's configuration, in place.

    Raises:
        TaskError: The task has no term for one of them.
        ConfigError: They and the task's own contradict each other.
    """
    for key, value in randomization.given().items():
        function, *path, last = _PARAMETERS[key]
        terms = _terms(cfg, function)
        if not terms:
            raise TaskError(
                f"randomization.{key} = {value}: task '{cfg.env_name}' has no reset that calls {function}; "
                f"leave randomization.{key} out"
            )
        for parameters in terms:
            for step in path:
                parameters = parameters[step]
            parameters[last] = value
    check_separation(task_randomization(cfg))


def vary_starts(cfg: Any, vary: VaryConfig) -> None:
    """Make the starts of an environment's configuration wider, narrower or less exact, in place.

    Raises:
        TaskError: The task has nothing at its start that could be.
        ConfigError: Objects cannot be as far apart any more as they have to be.
    """
    if vary.starts != 1.0:
        ranges, placed = _terms(cfg, _POSES), _terms(cfg, _PLACED)
        if not ranges and not placed:
            raise TaskError(_nothing("starts", vary.starts, cfg, f"{_POSES} or {_PLACED}"))
        for parameters in ranges:
            own = parameters["pose_range"]
            own |= {key: _scaled(own[key], vary.starts) for key in _SCALED if key in own}
            _check_apart(vary.starts, own["x"], own["y"], parameters["min_separation"])
        for parameters in placed:
            parameters["placements"] = scaled = [
                msgspec.structs.replace(one, **{key: _scaled(getattr(one, key), vary.starts) for key in _SCALED})
                for one in parameters["placements"]
            ]
            apart = [one for one in scaled if one.on is None and one.x and one.y]
            if len(apart) > 1:
                x, y = (
                    (min(low for low, _ in own), max(high for _, high in own))
                    for own in ([one.x for one in apart], [one.y for one in apart])
                )
                _check_apart(vary.starts, x, y, parameters["separation"])
    if vary.joint_noise is not None:
        joints = [*_terms(cfg, _JOINTS), *_terms(cfg, _NEAR_HOME)]
        if not joints:
            raise TaskError(_nothing("joint_noise", vary.joint_noise, cfg, f"{_JOINTS} or {_NEAR_HOME}"))
        for parameters in joints:
            parameters["std"] = vary.joint_noise


def _check_apart(share: float, x: tuple[float, float], y: tuple[float, float], separation: float) -> None:
    if separation > math.hypot(x[1] - x[0], y[1] - y[0]):
        places = " and ".join(f"{key} = [{low:.3f}, {high:.3f}]" for key, (low, high) in (("x", x), ("y", y)))
        raise ConfigError(
            f"vary.starts = {share}: no two places in {places} are {separation:g} m apart, as objects have to start; "
            "make it larger"
        )


def task_randomization(cfg: Any) -> dict[str, Any]:
    """Return the task's own values by key; what the task does not randomise is left out."""
    found: dict[str, Any] = {}
    for key, (function, *path) in _PARAMETERS.items():
        for value in _terms(cfg, function)[:1]:
            for step in path:
                value = value.get(step) if value is not None else None
            if value is not None:
                found[key] = value
    return found


def _scaled(pair: tuple[float, float] | None, share: float) -> tuple[float, float] | None:
    """Return a range about the same middle, wider or narrower; None for what is not drawn."""
    if pair is None:
        return None
    middle, half = (pair[0] + pair[1]) / 2, (pair[1] - pair[0]) / 2
    return middle - share * half, middle + share * half


def _nothing(key: str, value: float, cfg: Any, functions: str) -> str:
    return f"vary.{key} = {value}: task '{cfg.env_name}' has no reset that calls {functions}; leave vary.{key} out"


def _terms(cfg: Any, function: str) -> list[Any]:
    """Return the parameters of the event terms that call a function."""
    terms = vars(cfg.events).values() if cfg.events is not None else ()
    return [term.params for term in terms if getattr(getattr(term, "func", None), "__name__", "") == function]
