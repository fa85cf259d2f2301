"""Camera sensors, taken out of the configurations that Isaac Lab registers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

TASKS = (
    "Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Mimic-v0",
    "Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos-Mimic-v0",
)


def mentioned(cfg: Any, seen: set[int]) -> set[str]:
    """Return the scene entities that a configuration mentions."""
    from isaaclab.managers import SceneEntityCfg

    if isinstance(cfg, SceneEntityCfg):
        return {cfg.name}
    if id(cfg) in seen or not (isinstance(cfg, dict) or dataclasses.is_dataclass(cfg)):
        return set()
    seen.add(id(cfg))
    parts = cfg.values() if isinstance(cfg, dict) else vars(cfg).values()
    return set().union(*(mentioned(part, seen) for part in parts))


@pytest.mark.parametrize("task", TASKS)
def test_nothing_of_a_tasks_cameras_is_left(task: str) -> None:
    import isaaclab_mimic.envs  # noqa: F401 -- registers the tasks
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.cameras import take_out

    cfg = load_cfg_from_registry(task, "env_cfg_entry_point")
    assert {"table_cam", "wrist_cam"} <= mentioned(cfg, set())
    assert set(take_out(cfg)) >= {"table_cam", "wrist_cam"}
    assert cfg.scene.table_cam is None
    assert not {name for name in mentioned(cfg, set()) if name.endswith("cam")}
    assert take_out(cfg) == []
