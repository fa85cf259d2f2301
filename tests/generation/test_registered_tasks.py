"""Isaac Lab's registered tasks: their conversions for all environments at once, and attempts like its own generator's.

Their scenes need Isaac Sim. What stands in for them is said in `doubles.py`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from mimicgen.datagen.session import registered
from tests.generation.running import python

CODE = """
import json, torch
from mimicgen.datagen.isaaclab import kitless
kitless.teach_isaaclab()
from mimicgen.datagen.isaaclab.upstream import absent
from scripts.record_tasks import absent_packages_stood_in
with absent_packages_stood_in(), absent.torchvision():
    from mimicgen.datagen.generation.converting import Converter
    from mimicgen.datagen.isaaclab.configuration import mimic_tasks
    from mimicgen.datagen.tasks.conversions import conversion_of
    from tests.generation import doubles

    def converted(env):
        torch.manual_seed(1)
        amplitudes = {eef: torch.tensor(0.1 * (1 + place)) for place, eef in enumerate(env.eefs)}
        convert, alone = conversion_of(env), Converter(env)
        targets = {eef: doubles.poses(env.num_envs) for eef in env.eefs}
        grippers = {eef: torch.randn(env.num_envs, 7 if len(env.eefs) > 1 else 1) for eef in env.eefs}
        worst = 0.0
        for amplitude in (amplitudes, {eef: 0 * own for eef, own in amplitudes.items()}):
            scale = torch.cat([amplitude[eef].expand(many) for eef, many in convert.draws])
            torch.manual_seed(2)
            expected = torch.stack([alone.alone(n, targets, grippers, amplitude) for n in range(env.num_envs)])
            torch.manual_seed(2)
            noise = torch.stack([torch.cat([torch.randn(many) for _, many in convert.draws]) for _ in expected])
            worst = max(worst, float((convert(targets, grippers, noise * scale) - expected).abs().max()))
        return worst

    def attempted(task):
        env, alone = doubles.double_of(task, 2), doubles.double_of(task, 1)
        torch.manual_seed(3)
        pool = doubles.sources(env)
        found = doubles.ours(env, pool, [11, 12])[1]
        expected = doubles.upstreams(alone, pool, 12)
        worst = float((found - expected).abs().max()) if len(found) == len(expected) else None
        return {"steps": [len(found), len(expected)], "worst": worst}

    told, alike = {}, {}
    for task in mimic_tasks():
        env = doubles.double_of(task, 60)
        own = env.cfg.subtask_configs, env.cfg.task_constraint_configs
        plan = type(env).target_eef_pose_to_action, repr(own)
        if plan not in alike:  # Isaac Lab's generator takes its time
            alike[plan] = attempted(task)
        told[task] = {"converted": converted(env), **alike[plan]}
print("RESULT", json.dumps(told))
"""


@cache
def told() -> dict[str, Any]:
    (line,) = (line for line in python(CODE).splitlines() if line.startswith("RESULT"))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return found


def test_every_task_is_looked_at() -> None:
    known = registered.recorded()
    assert known is not None
    assert told().keys() == known.tasks.keys()


@pytest.mark.parametrize("task", sorted(registered.recorded().tasks))  # type: ignore[union-attr]
def test_actions_are_those_of_isaac_labs_class_and_generator(task: str) -> None:
    found = told()[task]
    assert found["converted"] <= 1e-6
    assert found["steps"][0] == found["steps"][1]
    assert found["worst"] <= 1e-5
