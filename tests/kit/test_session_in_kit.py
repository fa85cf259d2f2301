"""Real runs in a real Kit application: real Isaac Lab, real physics, Kit's own loop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import StateError
from mimicgen.datagen.progress import End, Progress, State
from tests.conftest import PHYSICS, Kit
from tests.dataset.writing import attempt_of, keep, recorded_episodes

MakeConfig = Callable[..., Generate]


def records(config: Generate) -> list[dict[str, Any]]:
    lines = (config.output_dir / "attempts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def run_record(config: Generate) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((config.output_dir / "run.json").read_text())
    return record


def run_to_end(kit: Kit, config: Generate) -> End:
    kit.session.start(config)
    end: End = kit.run(kit.session.finished())
    return end


async def frames(kit: Kit, times: int) -> None:
    for _ in range(times):
        await kit.app.next_update_async()


async def until(kit: Kit, condition: Callable[[Progress], bool]) -> None:
    while not condition(kit.session.progress):
        await kit.app.next_update_async()


def test_a_run_keeps_demonstrations_that_isaac_lab_reads(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(num_trials=2, num_envs=2, guarantee=True)
    seen: list[Progress] = []
    unsubscribe = kit.session.subscribe(seen.append)
    end = run_to_end(kit, config)
    unsubscribe()
    assert (end.reason, end.exit_code, kit.session.state) == ("target reached", 0, State.DONE)
    states = list(dict.fromkeys(progress.state for progress in seen))
    assert states == [State.STARTING, State.RUNNING, State.DONE]
    assert [stage.name for stage in seen[-1].stages] == ["Isaac Lab", "Source demonstrations", "Environment"]

    from isaaclab.utils.datasets import HDF5DatasetFileHandler

    handler = HDF5DatasetFileHandler()
    handler.open(str(config.output_dataset))
    try:
        assert sorted(handler.get_episode_names()) == ["demo_0", "demo_1"]
        assert not handler.is_legacy_quaternion_format()
        kept = [attempt for attempt in records(config) if attempt["outcome"] == "success"]
        for attempt in kept:
            episode = handler.load_episode(attempt["demo"], "cpu")
            assert bool(episode.success)
            assert episode.seed == attempt["seed"]
            assert len(episode.data["actions"]) == attempt["steps"]
    finally:
        handler.close()
    counts = run_record(config)["counts"]
    assert (counts["successes"], counts["reached"]["success"]) == (2, 2)

    from robomimic.utils.dataset import SequenceDataset

    # As Isaac Lab's own robomimic configurations read its files: without the next observations.
    dataset = SequenceDataset(
        str(config.output_dataset),
        obs_keys=["eef_pos", "joint_pos"],
        dataset_keys=["actions"],
        seq_length=10,
        hdf5_cache_mode=None,
        load_next_obs=False,
    )
    assert len(dataset) == sum(attempt["steps"] for attempt in kept)
    assert dataset[5]["actions"].shape == (10, 7)
    assert dataset[5]["obs"]["eef_pos"].shape == (10, 3)


def test_the_record_says_what_ran(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(num_trials=1, seed=7)
    run_to_end(kit, config)
    record = run_record(config)
    assert record["end"]["reason"] == "target reached"
    assert record["runtime"] == "embedded"
    assert record["physics"] == {"mujoco": "NewtonNativeMujocoManager", "physx": "OvPhysxManager"}[PHYSICS]
    assert record["quaternion_order"] == "xyzw"
    assert record["config"]["seed"] == 7
    assert {"omniverse-kit", "isaaclab", "newton", "torch", "mimicgen.datagen"} <= set(record["versions"])
    assert len(record["source"]["demos"]) == 10
    assert len(record["source"]["sha256"]) == 64
    (attempt,) = records(config)
    assert [segment["subtask"] for segment in attempt["segments"]] == [0, 1, 2, 3][: len(attempt["segments"])]
    assert attempt["segments"][0]["demo"] in record["source"]["demos"]
    assert list(attempt["signals"]) == ["grasp_1", "stack_1", "grasp_2"]
    assert record["timings"]["steps"] == attempt["steps"]


def test_an_attempt_depends_on_its_seed_and_not_on_its_neighbours(
    kit: Kit, make_config: MakeConfig, tmp_path: Path
) -> None:
    alone = make_config(num_trials=2, seed=5, output_dir=tmp_path / "a", output_dataset=tmp_path / "a.hdf5")
    beside = make_config(
        num_trials=2, num_envs=2, seed=5, output_dir=tmp_path / "b", output_dataset=tmp_path / "b.hdf5"
    )
    run_to_end(kit, alone)
    run_to_end(kit, beside)
    keys = ("number", "seed", "segments", "signals", "outcome", "steps")
    first = [{key: attempt[key] for key in keys} for attempt in records(alone)]
    by_number = sorted(records(beside), key=lambda attempt: int(attempt["number"]))
    second = [{key: attempt[key] for key in keys} for attempt in by_number if attempt["outcome"] != "abandoned"]
    assert first == second


def test_a_second_run_with_another_task_and_number_of_environments(
    kit: Kit, make_config: MakeConfig, edited_demos: Callable[[Callable[[h5py.File], None]], Path], tmp_path: Path
) -> None:
    """The absolute-pose task has the same scene and subtasks; its demonstrations differ only in their actions."""
    from scipy.spatial.transform import Rotation

    absolute = "Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0"

    def rename(file: h5py.File) -> None:
        file["data"].attrs["env_args"] = json.dumps({"env_name": absolute, "type": 2})
        for demo in file["data"].values():
            target = demo["obs/datagen_info/target_eef_pose/franka"][:]
            quaternion = Rotation.from_matrix(target[:, :3, :3]).as_quat()  # x, y, z, w
            actions = np.concatenate([target[:, :3, 3], quaternion, demo["actions"][:, 6:]], axis=1)
            del demo["actions"]
            demo["actions"] = actions.astype(np.float32)

    first = make_config(num_trials=2, num_envs=2)
    run_to_end(kit, first)
    source = edited_demos(rename)
    second = make_config(task=absolute, source=source, output_dir=tmp_path / "2", output_dataset=tmp_path / "2.hdf5")
    assert run_to_end(kit, second).exit_code == 0
    assert run_record(second)["counts"]["attempts"] == 1
    assert [attempt["number"] for attempt in records(second)] == [1]


def step_and_stop(kit: Kit, steps: int) -> End:
    """Let a run that was started take some steps, then stop it."""

    async def person() -> End:
        await until(kit, lambda progress: progress.steps >= steps or progress.end is not None)
        kit.session.stop("seen enough")
        end: End = await kit.session.finished()
        return end

    return kit.run(person())


def test_four_ways_to_start(kit: Kit, make_config: MakeConfig, tmp_path: Path) -> None:
    """From a coroutine, from an update observer, from a button-like callback; at start-up is tested with the CLI."""
    import carb.eventdispatcher
    import omni.kit.app

    def config(name: str) -> Generate:
        return make_config(output_dir=tmp_path / name, output_dataset=tmp_path / f"{name}.hdf5")

    async def from_coroutine() -> None:
        kit.session.start(config("coroutine"))

    kit.run(from_coroutine())
    assert step_and_stop(kit, 5).reason == "seen enough"

    def on_update(_: Any) -> None:
        if kit.session.state is State.DONE and not (tmp_path / "observer").exists():
            kit.session.start(config("observer"))

    subscription = carb.eventdispatcher.get_eventdispatcher().observe_event(
        observer_name="test", event_name=omni.kit.app.GLOBAL_EVENT_UPDATE, on_event=on_update
    )
    kit.update()
    subscription.reset()
    assert step_and_stop(kit, 5).reason == "seen enough"
    assert (tmp_path / "observer" / "run.json").exists()

    kit.session.start(config("button"))
    assert step_and_stop(kit, 5).reason == "seen enough"


def test_pause_resume_and_stop_take_effect_within_one_step(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(num_trials=5)

    async def person() -> None:
        session = kit.session
        session.start(config)
        await until(kit, lambda progress: progress.steps >= 5)
        session.pause()
        steps, elapsed = session.progress.steps, session.progress.elapsed
        await frames(kit, 30)
        assert session.progress.steps == steps
        session.resume()
        assert session.progress.elapsed == pytest.approx(elapsed, abs=0.05)
        await until(kit, lambda progress: progress.steps >= steps + 5)
        session.pause()
        steps = session.progress.steps
        session.stop("enough")
        await session.finished()
        assert session.progress.steps == steps

    kit.run(person())
    assert kit.session.state is State.DONE
    end = run_record(config)["end"]
    assert (end["reason"], end["exit_code"]) == ("enough", 130)
    assert [attempt["outcome"] for attempt in records(config)] == ["abandoned"]
    assert not config.output_dataset.exists(), "a dataset without demonstrations is not left behind"


def test_a_pause_at_the_end_of_an_attempt_does_not_count_it_twice(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(num_trials=3)
    session = kit.session

    def pause(progress: Progress) -> None:
        if progress.last_attempt is not None:
            session.pause()

    async def person() -> None:
        unsubscribe = session.subscribe(pause)
        session.start(config)
        await until(kit, lambda progress: progress.state is State.PAUSED)
        await frames(kit, 10)
        assert session.progress.attempts == 1
        unsubscribe()
        session.resume()
        await frames(kit, 5)
        session.stop("enough")
        await session.finished()

    kit.run(person())
    assert [attempt["outcome"] == "abandoned" for attempt in records(config)] == [False, True]
    assert run_record(config)["counts"]["attempts"] == 1


def test_a_call_that_the_state_does_not_allow_names_the_state(kit: Kit, make_config: MakeConfig) -> None:
    session = kit.session
    with pytest.raises(StateError, match=r"pause: the session is (idle|done).*when it is running"):
        session.pause()
    session.start(make_config())
    with pytest.raises(StateError, match="start: the session is starting"):
        session.start(make_config())
    with pytest.raises(StateError, match=r"resume: the session is starting.*when it is paused"):
        session.resume()
    session.stop()
    with pytest.raises(StateError, match="stop: the session is stopping"):
        session.stop()
    kit.run(session.finished())


def test_stopping_while_starting_up_leaves_nothing(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config()
    kit.session.start(config)
    kit.session.stop()
    end = kit.run(kit.session.finished())
    assert end.exit_code == 130
    assert not config.output_dir.exists()


def test_other_coroutines_run_and_updates_are_as_long_as_a_step(kit: Kit, make_config: MakeConfig) -> None:
    """The figure itself is measured by scripts/measure_loop.py; here a step must not hide several frames' work."""
    ticks = updates = 0
    session = kit.session

    async def ticker() -> None:
        nonlocal ticks
        while session.active:
            ticks += 1
            await kit.app.next_update_async()

    async def start() -> None:
        session.start(make_config())
        await until(kit, lambda progress: progress.state is State.RUNNING)

    kit.run(start())
    from omni.kit.async_engine import run_coroutine

    run_coroutine(ticker())
    kit.update()
    begin, steps = ticks, session.progress.steps
    while updates < 80:
        kit.update()
        updates += 1
    assert ticks - begin >= updates - 1
    assert session.progress.steps - steps <= updates, "more than one step in an update"


def test_a_nested_update_by_somebody_else_neither_breaks_nor_doubles_a_run(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config()
    session = kit.session
    nested = 0

    def somebody(progress: Progress) -> None:
        nonlocal nested
        if progress.state is State.RUNNING and progress.steps % 20 == 1:
            nested += 1
            kit.app.update()  # in the middle of our step

    unsubscribe = session.subscribe(somebody)
    session.start(config)
    end = step_and_stop(kit, 100)
    unsubscribe()
    assert nested >= 4
    assert end.reason == "seen enough"
    (attempt,) = records(config)
    assert session.progress.steps == attempt["steps"], "a step was lost or done twice"


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
        monkeypatch.setattr(Planner, "plans", explode)
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
    assert not config.output_dataset.exists()


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
        assert json.loads(file.attrs["provenance"])["quaternion_order"] == "xyzw"


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
