"""Policies in the environment: in the session as a run has it, without a Kit application."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHIPPED_DEMOS
from tests.generation.running import python

RUN = """
import asyncio, json, sys
from pathlib import Path
from mimicgen.datagen.config.jobs import Evaluate
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.tasks.defaults import build

folder = sys.argv[1]

async def evaluated(values):
    config = build({"output_dir": folder, "render.when": "never"} | values, kind=Evaluate)
    session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
    session.start(config)
    end = await session.finished()
    log = Path(folder, "attempts.jsonl")
    attempts = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    run = json.loads(Path(folder, "run.json").read_text()) if Path(folder, "run.json").exists() else None
    return {"end": [end.reason, end.exit_code], "attempts": attempts, "run": run,
            "written": [path.name for path in session.progress.written]}

async def all_of_them():
    return [await evaluated(values) for values in json.loads(sys.argv[2])]

print("RESULT", json.dumps(asyncio.run(all_of_them())))
"""

REPLAY = f"replay:{SHIPPED_DEMOS}"
NETWORK = "tests.policies.networks"


def evaluated(folder: Path, *runs: dict[str, Any]) -> Any:
    """Evaluate one run after the other in one process, and return what each left."""
    lines = [line for line in python(RUN, folder, json.dumps(runs)).splitlines() if line.startswith("RESULT")]
    return json.loads(lines[-1].removeprefix("RESULT"))


def alike(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in ("seconds", "env")} for one in attempts]


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recorded actions of the scripted expert, as a policy; zeros; and random actions."""
    folder = tmp_path_factory.mktemp("scripted")
    few = {"num_trials": 4, "num_envs": 4}
    return evaluated(
        folder,
        few | {"policy": REPLAY},
        few | {"policy": "zeros", "max_steps": 30},
        few | {"policy": "random", "max_steps": 30, "record_failures": True},
        few | {"policy": REPLAY, "num_trials": 11},
    )


def test_the_expert_replayed_succeeds_and_nobody_and_chance_do_not(scripted: Any) -> None:
    expert, zeros, chance, _ = scripted
    assert [one["outcome"] for one in expert["attempts"]] == ["success"] * 4
    assert [one["segments"][0]["demo"] for one in expert["attempts"]] == ["demo_0", "demo_1", "demo_2", "demo_3"]
    assert all("held for 10 steps" in one["reason"] for one in expert["attempts"])
    for run in (zeros, chance):
        assert [(one["outcome"], one["steps"]) for one in run["attempts"]] == [("failure", 30)] * 4
    for run in (expert, zeros, chance):
        assert run["end"] == ["target reached", 0]


def test_how_far_episodes_came_is_told_by_what_was_lifted(scripted: Any) -> None:
    expert, zeros, _, _ = scripted
    stages = ["grasp_1_lifted", "stack_1", "grasp_2_lifted", "success"]
    assert expert["run"]["counts"]["reached"] == dict.fromkeys(stages, 4)
    steps = [one["signals"] for one in expert["attempts"]]
    assert all(own["grasp_1_lifted"] < own["stack_1"] < own["grasp_2_lifted"] for own in steps)
    assert zeros["run"]["counts"]["reached"] == dict.fromkeys(stages, 0)
    assert all("at least 30 mm are wanted" in one["reason"] for one in zeros["attempts"]), "and by how much it lacked"


def test_a_run_writes_its_records_a_page_and_failures_on_request(scripted: Any) -> None:
    expert, _, chance, _ = scripted
    assert expert["written"] == ["run.json", "attempts.jsonl", "report.html"]
    assert chance["written"] == ["evaluation_failed.hdf5", "run.json", "attempts.jsonl", "report.html"]
    assert [one["demo"] for one in chance["attempts"]] == ["demo_0", "demo_1", "demo_2", "demo_3"]
    told = expert["run"]["policy"]
    assert (told["policy"], told["made_of"]["demos"], told["actions"]) == (REPLAY, 10, "recorded")
    assert told["effort"]["calls"] > 100
    assert expert["run"]["episodes"] == {"max_steps": 500, "hold_steps": 10, "seeds": "evaluation"}


def test_seeds_are_none_that_demonstrations_are_made_with(scripted: Any) -> None:
    for run in scripted[:3]:
        assert all(2**32 <= one["seed"] < 2**33 for one in run["attempts"])
    starts = [[one["starts"] for one in run["attempts"]] for run in scripted[1:3]]
    assert starts[0] == starts[1], "of one seed, whatever the policy"


def test_no_demonstration_is_replayed_twice(scripted: Any) -> None:
    reason, code = scripted[3]["end"]
    assert code == 2
    assert reason.startswith("num_trials = 11: policy 'replay:")
    assert "has 10 demonstrations" in reason


@cache
def networks(folder: Path) -> Any:
    own = {"policy": f"{NETWORK}:act", "num_trials": 3, "max_steps": 60}
    varied = own | {"num_envs": 3, "max_steps": 20}
    return evaluated(
        folder,
        own | {"num_envs": 1},
        own | {"num_envs": 16},
        own | {"num_envs": 16},
        *(varied | {f"vary.{key}": value} for key, value in VARIED.items()),
        {"policy": f"{NETWORK}:of_another_robot"},
        {"policy": f"{NETWORK}:not_finite"},
        {"policy": f"{NETWORK}:too_long"},
    )


VARIED = {"starts": 0.5, "joint_noise": 0.2, "action_delay": 5, "observation_noise": 0.01}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return networks(tmp_path_factory.mktemp("network"))


def test_a_network_does_the_same_in_one_environment_and_in_sixteen_and_twice(network: Any) -> None:
    alone, together, again = (alike(run["attempts"]) for run in network[:3])
    assert len(alone) == 3
    assert alone == together == again


def test_each_variation_changes_what_happens_and_is_told(network: Any) -> None:
    plain = alike(network[1]["attempts"])
    for (key, value), run in zip(VARIED.items(), network[3:7], strict=True):
        assert run["end"] == ["target reached", 0]
        assert run["run"]["config"][f"vary.{key}"] == value
        starts = [one["starts"] for one in run["attempts"]]
        assert (starts == [one["starts"] for one in plain]) is (key != "starts")
    reasons = [[one["reason"] for one in run["attempts"]] for run in network[3:7]]
    assert len({json.dumps(own) for own in reasons}) == 4


def test_a_policy_that_does_not_fit_is_refused_with_both_sides_named(network: Any) -> None:
    reason, code = network[7]["end"]
    assert code == 2
    first, *others = reason.splitlines()
    assert first.startswith(f"policy = '{NETWORK}:of_another_robot' does not fit task 'Isaac-Stack-Cube-Franka")
    words = (
        "observes 'tactile', and the environment has no such observation, but ",
        "observes 'table_cam_rgb', and the environment observes nothing through that camera: "
        "--set observe.cameras=table_cam --set observe.modalities=rgb",
        "actions are 'joints' (positions of the same joints after the step), and the environment can be acted in by "
        "recorded, eef_absolute, eef_relative",
        "trained with 10 actions a second, and the environment takes 20",
    )
    assert len(others) == len(words)
    for line, told in zip(others, words, strict=True):
        assert told in line


def test_what_is_no_action_ends_the_run_and_says_why(network: Any) -> None:
    wild, long = (run["end"] for run in network[8:])
    assert wild[1] == long[1] == 1
    assert "an action that is not finite" in wild[0]
    assert "actions of shape (16, 1, 3), expected (16, steps, 7)" in long[0]
