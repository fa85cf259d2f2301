"""Policies in the environment: in the session as a run has it, without a Kit application."""

from __future__ import annotations

import json
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
    few = {"num_trials": 2, "num_envs": 2}
    return evaluated(
        folder,
        few | {"policy": REPLAY},
        few | {"policy": "zeros", "max_steps": 30},
        few | {"policy": "random", "max_steps": 30, "record_failures": True},
        few | {"policy": REPLAY, "num_trials": 11},
    )


def test_the_expert_replayed_succeeds_and_nobody_and_chance_do_not(scripted: Any) -> None:
    expert, zeros, chance, _ = scripted
    assert [one["outcome"] for one in expert["attempts"]] == ["success"] * 2
    assert [one["segments"][0]["demo"] for one in expert["attempts"]] == ["demo_0", "demo_1"]
    assert all("held for 10 steps" in one["reason"] for one in expert["attempts"])
    for run in (zeros, chance):
        assert [(one["outcome"], one["steps"]) for one in run["attempts"]] == [("failure", 30)] * 2
    for run in (expert, zeros, chance):
        assert run["end"] == ["target reached", 0]


def test_how_far_episodes_came_is_told_by_what_was_lifted(scripted: Any) -> None:
    expert, zeros, _, _ = scripted
    stages = ["grasp_1_lifted", "stack_1", "grasp_2_lifted", "success"]
    assert expert["run"]["counts"]["reached"] == dict.fromkeys(stages, 2)
    steps = [one["signals"] for one in expert["attempts"]]
    assert all(own["grasp_1_lifted"] < own["stack_1"] < own["grasp_2_lifted"] for own in steps)
    assert zeros["run"]["counts"]["reached"] == dict.fromkeys(stages, 0)
    assert all("at least 30 mm are wanted" in one["reason"] for one in zeros["attempts"]), "and by how much it lacked"


def test_a_run_writes_its_records_a_page_and_failures_on_request(scripted: Any) -> None:
    expert, _, chance, _ = scripted
    assert expert["written"] == ["run.json", "attempts.jsonl", "report.html"]
    assert chance["written"] == ["evaluation_failed.hdf5", "run.json", "attempts.jsonl", "report.html"]
    assert [one["demo"] for one in chance["attempts"]] == ["demo_0", "demo_1"]
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


STARTS, ACTING = {"starts": 0.5, "joint_noise": 0.2}, {"action_delay": 5, "observation_noise": 0.05}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    own = {"policy": f"{NETWORK}:act", "num_trials": 3, "max_steps": 40}
    return evaluated(
        tmp_path_factory.mktemp("network"),
        own | {"num_envs": 1},
        own | {"num_envs": 16},
        *(
            own | {"num_envs": 3} | {f"vary.{key}": value for key, value in varied.items()}
            for varied in (STARTS, ACTING)
        ),
        {"policy": f"{NETWORK}:of_another_robot"},
        {"policy": f"{NETWORK}:too_long"},
    )


def test_a_network_does_the_same_in_one_environment_and_in_sixteen(network: Any) -> None:
    alone, together = (alike(run["attempts"]) for run in network[:2])
    assert len(alone) == 3
    assert alone == together


def test_what_is_varied_changes_what_happens_and_is_told(network: Any) -> None:
    plain, starts, acting = (run["attempts"] for run in network[1:4])
    for told, run in zip((STARTS, ACTING), network[2:4], strict=True):
        assert run["end"] == ["target reached", 0]
        assert {key: run["run"]["config"][f"vary.{key}"] for key in told} == told
    assert [one["starts"] for one in acting] == [one["starts"] for one in plain]
    for narrow, wide in zip(starts, plain, strict=True):
        middle = {"x": 0.5, "y": 0.0}
        for name, place in narrow["starts"].items():
            assert place != wide["starts"][name]
            assert all(abs(at - of) <= 0.051 for at, of in zip(place[:2], middle.values(), strict=True))
    assert [one["reason"] for one in acting] != [one["reason"] for one in plain]


def test_a_policy_that_does_not_fit_is_refused_with_both_sides_named(network: Any) -> None:
    reason, code = network[4]["end"]
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
    reason, code = network[5]["end"]
    assert code == 1
    assert "actions of shape (16, 1, 3), expected (16, steps, 7)" in reason
