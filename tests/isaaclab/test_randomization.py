"""Randomisation ranges in Isaac Lab's own configuration of the stack task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.randomization import RandomizationConfig
from mimicgen.datagen.config.varying import VaryConfig
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import ConfigError, TaskError
from mimicgen.datagen.isaaclab import kitless


@pytest.fixture
def task_cfg(make_config: Callable[..., Generate]) -> Callable[..., Any]:
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime

    def make(**values: Any) -> Any:
        config = make_config(**values)
        return task_config(config, Outputs(config), Runtime.EMBEDDED)[0]

    return make


def test_what_is_set_replaces_the_tasks_own_and_the_rest_stays(task_cfg: Callable[..., Any]) -> None:
    from mimicgen.datagen.isaaclab.randomization import task_randomization

    before = task_randomization(task_cfg())
    assert before["x"] == (0.4, 0.6)
    assert set(before) == set(RandomizationConfig.__struct_fields__)
    cfg = task_cfg(**{"randomization.x": "0.45, 0.5", "randomization.joint_noise_std": 0.01})
    assert task_randomization(cfg) == before | {"x": (0.45, 0.5), "joint_noise_std": 0.01}


def test_a_task_without_such_a_reset_refuses_by_name(task_cfg: Callable[..., Any]) -> None:
    from mimicgen.datagen.isaaclab.randomization import apply_randomization, task_randomization

    cfg = task_cfg()
    cfg.events.randomize_cube_positions = None
    assert "y" not in task_randomization(cfg)
    with pytest.raises(TaskError, match=r"randomization\.y.*has no reset that calls randomize_object_pose"):
        apply_randomization(cfg, RandomizationConfig(y=(0.0, 0.1)))


@pytest.mark.parametrize("values", [{"min_separation": 0.3}, {"x": "0.4,0.42", "y": "0,0.01"}])
def test_what_contradicts_the_tasks_own_values_is_refused(
    task_cfg: Callable[..., Any], make_config: Callable[..., Generate], values: dict[str, Any]
) -> None:
    from mimicgen.datagen.cli import check

    told = {f"randomization.{key}": value for key, value in values.items()}
    with pytest.raises(ConfigError, match=r"randomization\.min_separation = .*: no two places"):
        task_cfg(**told)
    config = make_config(**told)
    known = check.known_task(config)
    assert known is not None
    with pytest.raises(ConfigError, match="so far apart"):
        check.check_known(config, known)


def test_starts_are_varied_about_their_middles_in_either_kind_of_task(task_cfg: Callable[..., Any]) -> None:
    from mimicgen.datagen.isaaclab.randomization import task_randomization, vary_starts

    cfg = task_cfg()
    vary_starts(cfg, VaryConfig(starts=1.5, joint_noise=0.1))
    found = task_randomization(cfg)
    assert found["x"] == pytest.approx((0.35, 0.65))
    assert found["y"] == pytest.approx((-0.15, 0.15))
    assert (found["yaw"], found["joint_noise_std"]) == ((-1.5, 1.5), 0.1)
    by_file = task_cfg(task="stack")
    vary_starts(by_file, VaryConfig(starts=0.75))
    for one in by_file.events.poses.params["placements"]:
        assert one.x == pytest.approx((0.44, 0.56))
        assert one.yaw == pytest.approx((-0.75, 0.75))
    assert by_file.events.robot_joints.params["std"] == 0.02


@pytest.mark.parametrize("task", ["Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0", "stack"])
def test_starts_that_leave_no_room_are_refused(task: str, task_cfg: Callable[..., Any]) -> None:
    from mimicgen.datagen.isaaclab.randomization import vary_starts

    with pytest.raises(ConfigError, match=r"vary\.starts = 0\.1: no two places in x = \[.*make it larger"):
        vary_starts(task_cfg(task=task), VaryConfig(starts=0.1))
    cfg = task_cfg()
    cfg.events = None
    for vary in (VaryConfig(starts=2.0), VaryConfig(joint_noise=0.1)):
        with pytest.raises(TaskError, match=r"vary\.\w+ = .* has no reset that calls .*; leave vary\.\w+ out"):
            vary_starts(cfg, vary)
