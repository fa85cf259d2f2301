"""Why attempts failed, from recordings of the real task; and that the conditions of its file are Isaac Lab's."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.tasks.catalogue import described
from mimicgen.datagen.tasks.predicates.reasons import Reasons, success_rule
from tests.conftest import SHIPPED_DEMOS
from tests.generation.running import OPEN, python

TASK = "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"


def read(group: h5py.Group) -> dict[str, Any]:
    return {name: read(value) if isinstance(value, h5py.Group) else value[()] for name, value in group.items()}


@pytest.fixture
def demo() -> dict[str, Any]:
    with h5py.File(SHIPPED_DEMOS) as file:
        return read(file["data/demo_0"])


def poses(demo: dict[str, Any], name: str) -> Any:
    return demo["states"]["rigid_object"][name]["root_pose"]


def test_a_success_lacks_nothing(demo: dict[str, Any]) -> None:
    reasons = Reasons(described(TASK), {})
    assert [reasons.shortfall(demo, signal) for signal in (None, "grasp_1", "stack_1", "grasp_2")] == [None] * 4


def test_success_says_what_was_missing_at_the_end(demo: dict[str, Any]) -> None:
    poses(demo, "cube_3")[-1, 0] += 0.1
    short = Reasons(described(TASK), {}).shortfall(demo, None)
    assert short is not None
    assert short.words == "cube_3 is 99 mm beside cube_2, 40 mm are allowed (59 mm too far)"


def test_a_signal_says_how_near_it_came_and_when(demo: dict[str, Any]) -> None:
    tool = demo["obs"]["datagen_info"]["eef_pose"]["franka"][1:, :3, 3]
    poses(demo, "cube_2")[:, 0] += 0.3  # out of reach
    away = np.linalg.norm(poses(demo, "cube_2")[:-1, :3] - tool, axis=1)
    short = Reasons(described(TASK), {}).shortfall(demo, "grasp_1")
    assert short is not None
    step, words = short.words.removeprefix("nearest at step ").split(": ", 1)
    nearest = away[int(step) - 1]
    assert words.startswith(f"cube_2 is {1000 * nearest:.0f} mm from the tool of robot, 60 mm are allowed (")
    closed = demo["states"]["articulation"]["robot"]["joint_position"][: len(away), 7:].max(axis=1) <= 0.035
    assert nearest == pytest.approx(away[closed].min()), "of the steps at which the fingers were closed"


def test_a_task_that_no_file_describes_says_how_near_the_hand_came(demo: dict[str, Any]) -> None:
    subtask = types.SimpleNamespace(subtask_term_signal="idle_right", object_ref="cube_2")
    last = types.SimpleNamespace(subtask_term_signal=None, object_ref="cube_1")
    reasons = Reasons(described("Isaac-PickPlace-GR1T2-Abs-Mimic-v0"), {"franka": [subtask, last]})
    assert (reasons.knows("idle_right"), reasons.knows("other"), reasons.knows(None)) == (True, False, False)
    short = reasons.shortfall(demo, "idle_right")
    assert short is not None
    assert short.words.startswith("nearest at step ")
    assert short.words.endswith("mm from cube_2")
    assert reasons.shortfall(demo, None) is None
    del demo["obs"]
    assert reasons.shortfall(demo, "idle_right") is None, "its own recorders need not record poses"


def test_the_plot_shows_the_distances_and_replaces_only_its_own(demo: dict[str, Any], tmp_path: Path) -> None:
    poses(demo, "cube_2")[:, 2] += 0.08
    short = Reasons(described(TASK), {}).shortfall(demo, "stack_1")
    assert short is not None
    assert [measure.label for measure, _ in short.measures] == [
        "cube_2 beside cube_1",
        "cube_2 above where it stands on cube_1",
        "the fingers of robot from open",
    ]
    path = tmp_path / "demo_0.png"
    for _ in range(2):
        short.plot("demo_0: 'stack_1' never came, for $5", path)
    assert Image.open(path).size[0] > 500
    path.write_bytes(b"somebody's own")
    with pytest.raises(OutputError, match=r"demo_0\.png"):
        short.plot("again", path)


def test_success_is_told_by_name_only() -> None:
    assert success_rule(TASK) is not None
    assert success_rule("stack_three-d0-Mimic-v0") is not None
    assert success_rule("Isaac-PickPlace-GR1T2-Abs-Mimic-v0") is None
    assert success_rule("/somewhere/else.toml") is None, "a dataset may say what it wants, and opens no file"


AGREE = """
import copy, h5py, numpy as np
from mimicgen.datagen.tasks.catalogue import described
from mimicgen.datagen.tasks.predicates.evaluation import Predicates

random = np.random.default_rng(20261126)

def row_of(group, row):
    return {key: row_of(own, row) if isinstance(own, h5py.Group) else own[row] for key, own in group.items()}

def disturbed(state, spread):
    state = copy.deepcopy(state)
    for cube in state["rigid_object"].values():
        cube["root_pose"][:3] += random.normal(0, spread * np.array([1, 1, 0.3]))
        cube["root_velocity"][:3] += random.normal(0, 2 * spread, 3)
    state["articulation"]["robot"]["joint_position"][7:] += random.normal(0, 0.02 * spread, 2)
    return state

def stacked(parts):
    if isinstance(parts[0], dict):
        return {key: stacked([part[key] for part in parts]) for key in parts[0]}
    return torch.as_tensor(np.stack(parts), dtype=torch.float32)

states = []
for path in sys.argv[2:]:
    with h5py.File(path) as file:
        for name in list(file["data"])[:3]:
            demo = file["data"][name]
            steps = len(demo["actions"])
            states += [row_of(demo["states"], row) for row in (*range(0, steps, 7), *range(steps - 8, steps))]
states = [disturbed(state, spread) for spread in (0.0, 0.004, 0.01, 0.03) for state in states]
states = states[: len(states) // env.num_envs * env.num_envs]

theirs, ours = {}, {}
with torch.inference_mode():
    env.reset()
    predicates = Predicates(env, described(config.task))
    everybody = torch.arange(env.num_envs)
    for begin in range(0, len(states), env.num_envs):
        batch = stacked(states[begin : begin + env.num_envs])
        env.scene.reset_to(batch, everybody, is_relative=True)
        env.sim.forward()
        env.scene.update(dt=0.0)
        env.obs_buf = env.observation_manager.compute()
        predicates.reset(everybody)
        told = {"success": success.func(env, **success.params)}
        for name in predicates.signals():
            term = getattr(env.cfg.observations.subtask_terms, name)
            told[name] = term.func(env, **term.params)
        for name, own in ({"success": predicates.success()} | predicates.signals()).items():
            ours.setdefault(name, []).extend(own.tolist())
            theirs.setdefault(name, []).extend(told[name].bool().tolist())
print("RESULT", json.dumps([theirs, ours]))
env.close()
"""


def test_the_stack_is_as_isaac_lab_says_it(human_demos: Path, tmp_path: Path) -> None:
    code = OPEN.replace('"num_envs": 2', '"num_envs": 64') + AGREE
    told = [line for line in python(code, tmp_path, SHIPPED_DEMOS, human_demos).splitlines() if "RESULT" in line]
    theirs, ours = json.loads(told[-1].removeprefix("RESULT"))
    assert set(theirs) == {"success", "grasp_1", "stack_1", "grasp_2"}
    for name, expected in theirs.items():
        assert len(expected) > 500
        differ = [index for index, (a, b) in enumerate(zip(expected, ours[name], strict=True)) if a != b]
        assert differ == [], name
        assert 0.01 < np.mean(expected) < 0.9, f"{name} is both true and false often enough to be compared"
