"""Real runs in a real Kit application: real Isaac Lab, real physics, Kit's own loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import StateError
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PHYSICS, SHIPPED_DEMOS, Kit
from tests.kit.runs import MakeConfig, frames, records, run_record, run_to_end, step_and_stop, until


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


@pytest.fixture(scope="module")
def alone(kit_application: Kit, tmp_path_factory: pytest.TempPathFactory) -> Generate:
    """A run of two attempts in one environment."""
    folder = tmp_path_factory.mktemp("alone")
    values = {"output_dataset": folder / "a.hdf5", "output_dir": folder / "a", "num_trials": 2, "guarantee": False}
    more = {"source": SHIPPED_DEMOS, "seed": 5, "render.when": "never", "physics": PHYSICS}
    config: Generate = build(values | more)
    run_to_end(kit_application, config)
    return config


def test_the_record_says_what_ran(alone: Generate) -> None:
    record = run_record(alone)
    assert record["end"]["reason"] == "target reached"
    assert record["runtime"] == "embedded"
    assert record["physics"] == {"mujoco": "NewtonNativeMujocoManager", "physx": "OvPhysxManager"}[PHYSICS]
    assert record["quaternion_order"] == "xyzw"
    assert record["config"]["seed"] == 5
    assert {"omniverse-kit", "isaaclab", "newton", "torch", "mimicgen.datagen"} <= set(record["versions"])
    assert len(record["source"]["demos"]) == 10
    assert len(record["source"]["sha256"]) == 64
    attempts = records(alone)
    for attempt in attempts:
        assert [segment["subtask"] for segment in attempt["segments"]] == [0, 1, 2, 3][: len(attempt["segments"])]
        assert attempt["segments"][0]["demo"] in record["source"]["demos"]
    assert list(attempts[0]["signals"]) == ["grasp_1", "stack_1", "grasp_2"]
    assert record["timings"]["steps"] == sum(attempt["steps"] for attempt in attempts)


def test_an_attempt_depends_on_its_seed_and_not_on_its_neighbours(
    kit: Kit, make_config: MakeConfig, alone: Generate
) -> None:
    beside = make_config(num_trials=2, num_envs=2, seed=5)
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

    kit.session.start(make_config(num_trials=2, num_envs=2))
    assert step_and_stop(kit, 20).reason == "seen enough"
    source = edited_demos(rename)
    second = make_config(task=absolute, source=source, output_dir=tmp_path / "2", output_dataset=tmp_path / "2.hdf5")
    assert run_to_end(kit, second).exit_code == 0
    assert run_record(second)["counts"]["attempts"] == 1
    assert [attempt["number"] for attempt in records(second)] == [1]


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
    config = make_config(num_trials=3, **{"mimic.action_noise": 0.4})  # an attempt that ends early
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
