"""Camera sensors, taken out of the configurations that Isaac Lab registers."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import Any

import pytest

from mimicgen.datagen.config.sections import ObserveConfig
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import kitless

TASKS = (
    "Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Mimic-v0",
    "Isaac-Stack-Cube-Franka-IK-Rel-Visuomotor-Cosmos-Mimic-v0",
)


def mentioned(cfg: Any, seen: set[int]) -> set[str]:
    """Return the scene entities that a configuration mentions."""
    kitless.teach_isaaclab()
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
    kitless.teach_isaaclab()
    import isaaclab_mimic.envs  # noqa: F401 -- registers the tasks
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.cameras import take_out

    cfg = load_cfg_from_registry(task, "env_cfg_entry_point")
    assert {"table_cam", "wrist_cam"} <= mentioned(cfg, set())
    assert set(take_out(cfg)) >= {"table_cam", "wrist_cam"}
    assert cfg.scene.table_cam is None
    assert not {name for name in mentioned(cfg, set()) if name.endswith("cam")}
    assert take_out(cfg) == []


def configuration(task: str) -> Any:
    kitless.teach_isaaclab()
    import isaaclab_mimic.envs  # noqa: F401 -- registers the tasks
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.upstream import absent

    with absent.torchvision():
        cfg = load_cfg_from_registry(task, "env_cfg_entry_point")
    cfg.env_name = task
    return cfg


def test_a_tasks_cameras_become_ours() -> None:
    from mimicgen.datagen.isaaclab.cameras import observed_by

    cfg = configuration(TASKS[1])
    found = observed_by(cfg, ObserveConfig(height=100))
    views = {view.name: view.camera for view in found.views}
    assert views["table_cam"].mount is None
    assert views["table_cam"].position == (1.0, 0.0, 0.4)
    assert views["table_cam"].orientation == pytest.approx((-0.61237, -0.61237, 0.35355, 0.35355))
    assert views["wrist_cam"].mount == "Robot/panda_hand"
    assert (views["wrist_cam"].width, views["wrist_cam"].height) == (200, 100), "its own, and what is said"
    assert (views["wrist_cam"].near, views["wrist_cam"].far) == (0.1, 2)
    assert found.modalities == {"rgb", "segmentation", "normals", "depth"}
    assert found.colours["cube_1"] == (120, 230, 255)
    assert found.colours["background"] == (200, 200, 200), "whose name upstream writes in capital letters"
    group = {name: own for name, own in vars(cfg.observations.policy).items() if name.endswith("cam") and own}
    assert not group, "until the cameras are there"
    found.put_into(cfg.observations)
    assert cfg.observations.policy.table_cam.params["sensor_cfg"].name == "table_cam"
    assert cfg.events.randomize_light is None
    assert cfg.events.randomize_cube_positions is not None


def test_what_is_not_drawn_is_refused_by_name() -> None:
    from mimicgen.datagen.isaaclab.cameras import observed_by

    cfg = configuration(TASKS[0])
    cfg.observations.policy.table_cam.params["data_type"] = "motion_vectors"
    with pytest.raises(TaskError, match=r"observes motion_vectors through table_cam, .* drawn are rgb, "):
        observed_by(cfg, ObserveConfig())
    cfg = configuration(TASKS[1])
    cfg.scene.table_cam.renderer_cfg.colorize_semantic_segmentation = False
    with pytest.raises(TaskError, match="classes as numbers through table_cam"):
        observed_by(cfg, ObserveConfig())
    cfg = configuration(TASKS[0])
    cfg.scene.wrist_cam.spawn = None
    with pytest.raises(TaskError, match="wrist_cam is no pinhole camera"):
        observed_by(cfg, ObserveConfig())


def test_the_blueprints_task_is_read_without_torchvision_and_saves_nothing() -> None:
    from mimicgen.datagen.isaaclab.cameras import observed_by

    there = importlib.util.find_spec("torchvision")
    cfg = configuration("Isaac-Stack-Cube-Franka-IK-Rel-Blueprint-Mimic-v0")
    assert importlib.util.find_spec("torchvision") == there
    found = observed_by(cfg, ObserveConfig())
    assert found.terms["rgb_camera"].keys() == {
        f"{camera}_{kind}" for camera in ("table_cam", "table_high_cam") for kind in ("normals", "segmentation")
    }
    assert not any(term.params["save_image_to_file"] for term in found.terms["rgb_camera"].values())
