"""Isaac Lab's configuration of a run's environment, and a step of it."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.tasks.catalogue import described
from tests.conftest import PROJECT


def test_isaac_labs_own_window_is_not_opened(make_config: Callable[..., Generate]) -> None:
    kitless.teach_isaaclab()
    import isaaclab_mimic.envs  # noqa: F401 -- registers the tasks
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.configuration import task_config
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
    environment._stages = environment._executed = None
    sim = types.SimpleNamespace(has_gui=window, forward=lambda: calls.append("forward"))
    environment.env = types.SimpleNamespace(step=lambda actions: calls.append(f"step {actions.tolist()}"), sim=sim)
    finite = environment.step(torch.tensor([[1.0, 2.0], [3.0, math.nan], [math.inf, 4.0]]))
    assert calls == ["step [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]", *(["forward"] if window else [])]
    assert finite.tolist() == [True, False, False]


MIMIC = ("action_noise", "num_interpolation_steps", "num_fixed_steps", "selection_strategy")


def settings_of(cfg: Any) -> list[dict[str, Any]]:
    """What Mimic makes of each subtask."""
    return [
        {name: getattr(subtask, name) for name in MIMIC}
        | {"nn_k": subtask.selection_strategy_kwargs, "offsets": tuple(subtask.subtask_term_offset_range)}
        for arm in cfg.subtask_configs.values()
        for subtask in arm
    ]


def test_mimics_settings_are_the_jobs_then_the_task_files_then_the_schemas(make_config: Callable[..., Any]) -> None:
    kitless.teach_isaaclab()
    from isaaclab_tasks.utils import load_cfg_from_registry

    from mimicgen.datagen.isaaclab.configuration import task_config
    from mimicgen.datagen.isaaclab.runtime import Runtime

    def made(**values: Any) -> Any:
        config = make_config(**values)
        return task_config(config, Outputs(config), Runtime.EMBEDDED)[0]

    described = settings_of(made())
    assert [own["offsets"] for own in described] == [(10, 20), (2, 7), (10, 20), (0, 0)]
    assert {(own["action_noise"], own["num_interpolation_steps"], own["num_fixed_steps"]) for own in described} == {
        (0.01, 20, 10)
    }
    assert all(own["nn_k"] == {"nn_k": 3} for own in described)
    said = settings_of(made(**{"mimic.action_noise": 0.2, "mimic.subtasks.grasp_2.selection_strategy": "random"}))
    assert [own["action_noise"] for own in said] == [0.2] * 4
    assert said[2]["nn_k"] == {}
    preset = read_toml(PROJECT / "config" / "upstream.toml")
    upstream = load_cfg_from_registry(make_config().task, "env_cfg_entry_point")
    assert settings_of(made(**preset)) == settings_of(upstream)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"task": "Isaac-No-Mimic-v0"}, "is neither a task by file"),
        ({"variant": "d1"}, "variant = 'd1': task .* has none"),
        ({"task": "stack_three", "variant": "d9"}, "variant = 'd9': task 'stack_three': "),
    ],
)
def test_a_task_or_variant_that_is_not_there_is_refused(
    make_config: Callable[..., Any], values: dict[str, Any], words: str
) -> None:
    kitless.teach_isaaclab()
    from mimicgen.datagen.isaaclab.configuration import registered_name

    def named(**values: Any) -> str:
        config = make_config(**values)
        return registered_name(config, described(config.task))

    with pytest.raises(TaskError, match=words):
        named(**values)
    assert named(task="stack_three", variant="d1") == "stack_three-d1-Mimic-v0"
