"""A task's own camera sensors, which a run does without."""

from __future__ import annotations

from typing import Any

from isaaclab.managers import SceneEntityCfg
from isaaclab.sensors import CameraCfg


def take_out(cfg: Any) -> list[str]:
    """Take camera sensors, and the observations and events of them, out of a task's configuration.

    In Isaac Sim a camera sensor updates the whole application whenever it is read, in the middle of a step. A run
    records states, from which its own cameras are drawn afterwards, those of failed attempts not at all.

    Args:
        cfg: Isaac Lab's configuration of the environment.

    Returns:
        The sensors' names.
    """
    names = [name for name, sensor in vars(cfg.scene).items() if isinstance(sensor, CameraCfg)]
    for name in names:
        setattr(cfg.scene, name, None)
    groups = [group for group in vars(cfg.observations).values() if hasattr(group, "concatenate_terms")]
    for terms in (*groups, cfg.events):
        for term, own in list(vars(terms).items()):
            entities = [value for value in getattr(own, "params", {}).values() if isinstance(value, SceneEntityCfg)]
            if any(entity.name in names for entity in entities):
                setattr(terms, term, None)
    return names
