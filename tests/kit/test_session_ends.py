"""How real runs end that go wrong, and how others go on from there, in a real Kit application."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import h5py
import pytest

from mimicgen.datagen.dataset.formats.language import language_of, outcome_text
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.progress import State
from tests.conftest import Kit
from tests.dataset.writing import attempt_of, keep, recorded_episodes
from tests.kit.runs import MakeConfig, records, run_record, run_to_end, step_and_stop


# First, because it makes a run: the others import from Isaac Lab what a run has prepared it for.
def test_nothing_is_overwritten_unasked(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config()
    config.output_dir.mkdir()
    for path in (config.output_dataset, config.output_dir / "run.json"):
        path.write_bytes(b"of an earlier run")
    end = run_to_end(kit, config)
    assert end.exit_code == 2
    assert f"output '{config.output_dir / 'run.json'}' exists, and this project did not write it" in end.reason
    for path in (config.output_dataset, config.output_dir / "run.json"):
        assert path.read_bytes() == b"of an earlier run"
    kit.session.start(make_config(fresh=True))
    assert step_and_stop(kit, 3).reason == "seen enough"
    (aside,) = config.output_dataset.parent.glob("generated.2*.hdf5")
    assert aside.read_bytes() == b"of an earlier run"
    assert run_record(config)["end"]["reason"] == "seen enough"


def test_a_hopeless_run_gives_up_and_says_where(
    kit: Kit, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimicgen.datagen.isaaclab.environment import Environment
    from mimicgen.datagen.session import committing

    monkeypatch.setattr(committing, "HOPELESS_AFTER", 2)
    monkeypatch.setattr(Environment, "update_success", lambda self: None)
    config = make_config(guarantee=True, num_envs=2, give_up_below=0.9)
    end = run_to_end(kit, config)
    assert end.exit_code == 3
    assert end.reason.startswith("gave up: 0 of 2 attempts succeeded, so the success rate is 0.0 to 65.8%")
    assert "grasp_1 " in end.reason
    assert run_record(config)["counts"]["failures"] == 2


def test_failures_are_bounded_and_written_on_request(
    kit: Kit, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimicgen.datagen.isaaclab.environment import Environment

    monkeypatch.setattr(Environment, "update_success", lambda self: None)
    config = make_config(guarantee=True, max_failures=1, keep_failed=True)
    end = run_to_end(kit, config)
    assert end.exit_code == 3
    assert end.reason.startswith("gave up: max_failures = 1 attempts failed; attempts that reached each subtask: ")
    assert "1 times, for instance: " in end.reason
    with h5py.File(config.output_dataset.with_name("generated_failed.hdf5")) as file:
        assert list(file["data"]) == ["demo_0"]
        assert not file["data/demo_0"].attrs["success"]
        assert outcome_text(file["data/demo_0"]) == f"failure: {records(config)[0]['reason']}"
    assert not config.output_dataset.exists()


def test_a_run_continues_what_another_left(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(num_trials=5, seed=7)
    earlier = Outputs(config)
    earlier.open()
    keep(earlier, attempt_of(1), recorded_episodes()[0])
    while earlier.writing:
        earlier.settled()
    earlier.close()  # as a killed process leaves it: the demonstration has not been folded
    assert not config.output_dataset.exists()
    kit.session.start(config)
    assert step_and_stop(kit, 3).reason == "seen enough"
    assert (kit.session.progress.successes, kit.session.progress.attempts) == (1, 1)
    assert [(record["number"], record["outcome"]) for record in records(config)] == [(1, "success"), (2, "abandoned")]
    assert run_record(config)["counts"]["successes"] == 1
    with h5py.File(config.output_dataset) as file:
        assert list(file["data"]) == ["demo_0"]
        assert json.loads(file["data"].attrs["env_args"])["sim_args"]["decimation"] == 5
        provenance = json.loads(file.attrs["provenance"])
        assert provenance["quaternion_order"] == "xyzw"
        assert provenance["counts"] == {"attempts": 1, "successes": 1}
        told = language_of(file["data"])
        assert told.instruction == "Stack the red cube on the blue cube, and the green cube on the red one."
        assert told.subtasks["franka"][2] == "Grasp the green cube"
        assert provenance["language"] == told.plain() == run_record(config)["language"]


def test_a_bad_source_or_task_fails_before_the_environment(kit: Kit, make_config: MakeConfig, tmp_path: Path) -> None:
    end = run_to_end(kit, make_config(source=tmp_path / "none.hdf5"))
    assert (end.exit_code, kit.session.state) == (2, State.FAILED)
    assert "does not exist" in end.reason
    end = run_to_end(kit, make_config(task="Isaac-Fold-Laundry-v0"))
    assert end.exit_code == 2
    assert "--list-tasks" in end.reason
    end = run_to_end(kit, make_config(task="Isaac-PickPlace-GR1T2-Abs-Mimic-v0"))
    assert end.exit_code == 2
    end = run_to_end(kit, make_config(device="cuda"))
    assert end.exit_code == 2
    assert "no CUDA device" in end.reason


@pytest.mark.parametrize("where", ["planner", "generator", "environment"])
def test_an_exception_ends_the_run_with_its_cause(
    kit: Kit, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    from isaaclab_mimic.datagen.data_generator import DataGenerator

    from mimicgen.datagen.generation.planning import Planner
    from mimicgen.datagen.isaaclab.environment import Environment

    def explode(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the motor is on fire")

    if where == "planner":
        monkeypatch.setattr(Planner, "part", explode)
    elif where == "generator":
        monkeypatch.setattr(DataGenerator, "merge_eef_subtask_trajectory", explode)
    else:
        monkeypatch.setattr(Environment, "update_success", explode)
    config = make_config(**{"mimic.reference": where == "generator"})
    begin = time.monotonic()
    end = run_to_end(kit, config)
    assert time.monotonic() - begin < 60
    assert kit.session.state is State.FAILED
    assert (end.reason, end.exit_code) == ("ZeroDivisionError: the motor is on fire", 1)
    assert run_record(config)["end"]["exit_code"] == 1
    names = {task.get_name() for task in kit.run(all_tasks())}
    assert not any("mimicgen" in name for name in names)


async def all_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks()
