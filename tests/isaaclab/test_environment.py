"""Isaac Lab's configuration of a run's environment, and a step of it."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.isaaclab import kitless


def test_isaac_labs_own_window_is_not_opened(make_config: Callable[..., Generate]) -> None:
    kitless.teach_isaaclab()
    import isaaclab_mimic.envs  # noqa: F401 -- registers the tasks
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.environment import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime

    config = make_config()
    for runtime in Runtime:
        assert task_config(config, Outputs(config), runtime)[0].ui_window_class_type is None
    upstream = load_cfg_from_registry(config.task, "env_cfg_entry_point")
    assert upstream.ui_window_class_type is not None, "upstream opens one, and this is still needed"


@pytest.mark.parametrize("window", [True, False])
def test_a_window_shows_every_step_and_nothing_is_done_without_one(*, window: bool) -> None:
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.environment import Environment

    calls: list[str] = []
    environment: Any = object.__new__(Environment)
    sim = types.SimpleNamespace(has_gui=window, forward=lambda: calls.append("forward"))
    environment.env = types.SimpleNamespace(step=lambda actions: calls.append(f"step {actions}"), sim=sim)
    environment.step("north")
    assert calls == ["step north", *(["forward"] if window else [])]
