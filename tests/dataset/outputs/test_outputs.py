"""What was reported is never lost, and a run continues what another left."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from msgspec import structs

from mimicgen.datagen.dataset.locks import Lock
from mimicgen.datagen.dataset.outputs.earlier import refuse_another
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT
from tests.dataset.writing import SHIPPED, attempt_of, config_in, keep, recorded_episodes, write

KILLS = int(os.environ.get("KILLS", "5"))
DEMOS = int(os.environ.get("KILL_DEMOS", "20"))


def start(folder: Path, target: int) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'exts' / 'mimicgen.datagen'}"}
    command = [sys.executable, "-m", "tests.dataset.writing", str(folder), str(target)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT)


def opened(folder: Path, **values: object) -> Outputs:
    outputs = Outputs(config_in(folder, **values))
    outputs.open()
    return outputs


def run(folder: Path, target: int, **values: object) -> None:
    outputs = opened(folder, **values)
    try:
        asyncio.run(write(outputs, target, recorded_episodes()[:1]))
    finally:
        outputs.close()


def attempts_in(folder: Path) -> list[int]:
    """Attempt numbers of a dataset's demonstrations; each holds its number in its actions."""
    with h5py.File(folder / "d.hdf5") as file:
        names = sorted(file["data"], key=lambda name: int(name[5:]))
        assert names == [f"demo_{index}" for index in range(len(names))]
        numbers = [int(file["data"][name].attrs["attempt"]) for name in names]
        for name, number in zip(names, numbers, strict=True):
            assert np.all(file["data"][name]["actions"][:] == number)
        assert file["data"].attrs["total"] == sum(len(file["data"][name]["actions"]) for name in names)
    return numbers


def test_nothing_reported_is_lost_by_kills_at_random_moments(tmp_path: Path) -> None:
    """KILLS=100 KILL_DEMOS=300 for the full size."""
    chance = random.Random(1)
    reported: dict[int, str] = {}
    killed = 0
    process = start(tmp_path, DEMOS)
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        assert process.stdout is not None
        # A moment within the time that one more demonstration takes, once it has begun to write.
        begun = process.stdout.readline()
        if killed < KILLS:
            time.sleep(chance.uniform(0.0, 0.03))
            process.send_signal(signal.SIGKILL)
            killed += 1
        lines = (begun + process.stdout.read()).split("\n")
        process.wait()
        for line in lines[:-1]:
            number, _, demo = line.partition(" ")
            if demo:
                assert reported.setdefault(int(number), demo) == demo
        if "folded" in lines:
            break
        outputs = opened(tmp_path)  # readable at any moment, with all that was told
        found = {attempt.number: attempt.demo for attempt in outputs.earlier.attempts if attempt.demo}
        for demo in found.values():
            assert len(outputs.states(str(demo))) > 100
        outputs.close()
        assert reported.items() <= found.items()
        process = start(tmp_path, DEMOS)
    numbers = attempts_in(tmp_path)
    assert len(numbers) == len(set(numbers)) == DEMOS
    assert set(reported) <= set(numbers)
    assert killed == KILLS
    assert not (tmp_path / "d.hdf5.parts").exists()


def test_a_finished_run_continues_to_a_higher_target(tmp_path: Path) -> None:
    run(tmp_path, 4)
    assert attempts_in(tmp_path) == [1, 2, 3, 5]
    first = (tmp_path / "o" / "attempts.jsonl").read_text()
    run(tmp_path, 6, num_trials=20, num_envs=3)
    assert attempts_in(tmp_path) == [1, 2, 3, 5, 6, 7]
    log = (tmp_path / "o" / "attempts.jsonl").read_text()
    assert log.startswith(first)
    assert [json.loads(line)["number"] for line in log.splitlines()] == [1, 2, 3, 4, 5, 6, 7]


def test_what_every_demonstration_says_of_itself(tmp_path: Path) -> None:
    run(tmp_path, 1)
    with h5py.File(tmp_path / "d.hdf5") as file, h5py.File(SHIPPED) as source:
        demo, before = file["data/demo_0"], source["data/demo_0"]
        assert (demo.attrs["seed"], demo.attrs["success"], demo.attrs["num_samples"]) == (1001, True, 209)
        index = demo["subtask_index"][:]
        assert [index[19], index[20], index[49], index[50], index[-1]] == [0, 1, 1, 2, 2]
        assert (demo["rewards"][:].sum(), demo["rewards"][-1], demo["dones"][-1]) == (1.0, 1.0, 1)
        last = before["states/rigid_object"]
        offset = last["cube_3/root_pose"][-1, :3] - last["cube_2/root_pose"][-1, :3]
        told = json.loads(demo.attrs["final_offsets"])
        assert list(told) == ["cube_2", "cube_3"]
        np.testing.assert_allclose(told["cube_3"], offset, atol=1e-5)
        np.testing.assert_array_equal(demo["obs/eef_pos"], before["obs/eef_pos"])


def test_a_run_goes_on_whatever_is_to_be_shown_of_it(tmp_path: Path) -> None:
    run(tmp_path, 1)
    Outputs(config_in(tmp_path, live_port=0, report=False)).check()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": 2}, ["seed was 1 and is now 2"]),
        (
            {"mimic.action_noise": 0.5, "settle_steps": 0},
            ["action_noise was left out and is", "settle_steps was 10 and is"],
        ),
    ],
)
def test_another_configuration_is_refused_with_the_differences(
    tmp_path: Path, values: dict[str, object], words: list[str]
) -> None:
    run(tmp_path, 1)
    before = (tmp_path / "d.hdf5").read_bytes()
    with pytest.raises(OutputError, match="another configuration") as error:
        Outputs(config_in(tmp_path, **values)).check()
    for word in (*words, "--fresh"):
        assert word.replace("is now", "is") in str(error.value).replace("is now", "is")
    assert (tmp_path / "d.hdf5").read_bytes() == before
    run(tmp_path, 1, fresh=True, **values)
    aside = [path for path in tmp_path.glob("d.*.hdf5") if path.name != "d.hdf5"]
    assert [path.read_bytes() for path in aside] == [before]


def test_a_changed_task_or_robot_file_is_another_configuration(tmp_path: Path) -> None:
    task, robot = tmp_path / "task.toml", tmp_path / "robot.toml"
    for file in (task, robot):
        file.write_text("")
    config = structs.replace(config_in(tmp_path), task=str(task))
    hashes = {"file": "task.toml", "sha256": file_hash(task), "robots": {"robot.toml": file_hash(robot)}}
    made = json.dumps({"config": config.flat(), "task_file": hashes}, default=str)
    (tmp_path / "run.json").write_text(made)
    refuse_another(config, tmp_path / "run.json", tmp_path / "d.hdf5")
    robot.write_text("speed = 2.0")
    with pytest.raises(OutputError, match=r"the file 'robot.toml' was changed since; continue"):
        refuse_another(config, tmp_path / "run.json", tmp_path / "d.hdf5")
    robot.unlink()
    task.write_text("table = false")
    with pytest.raises(OutputError, match=r"'task.toml' was changed since; the file 'robot.toml' was changed"):
        refuse_another(config, tmp_path / "run.json", tmp_path / "d.hdf5")


def test_a_dataset_of_somebody_else_is_never_continued(tmp_path: Path) -> None:
    (tmp_path / "d.hdf5").write_bytes(SHIPPED.read_bytes())
    with h5py.File(tmp_path / "d.hdf5", "r+") as file:
        del file.attrs["provenance"]
    with pytest.raises(OutputError, match="no run of this project says how it was made"):
        Outputs(config_in(tmp_path)).check()
    with pytest.raises(OutputError, match="no run of this project"):
        opened(tmp_path)


def test_records_of_another_dataset_are_refused(tmp_path: Path) -> None:
    run(tmp_path, 1)
    other = build({"output_dataset": tmp_path / "other.hdf5", "output_dir": tmp_path / "o", "render.when": "never"})
    with pytest.raises(OutputError, match=r"records of a run that writes 'd\.hdf5'"):
        Outputs(other).check()


def test_a_second_run_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    outputs = opened(tmp_path)
    code = (
        "import sys; from pathlib import Path; from tests.dataset.writing import config_in, Outputs\n"
        "Outputs(config_in(Path(sys.argv[1]))).check()"
    )
    second = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"is being written by process {os.getpid()}, started 2" in second.stderr
    outputs.close()
    assert not list(tmp_path.rglob("*.lock"))
    lock = Lock(tmp_path / "x.lock", tmp_path)
    lock.close()
    opened(tmp_path).close()


def test_a_line_that_was_cut_off_anywhere_is_made_good(tmp_path: Path) -> None:
    """Power loss while the last line of the log was written: the demonstration itself has its record."""
    outputs = opened(tmp_path)
    keep(outputs, attempt_of(1), recorded_episodes()[0])
    keep(outputs, attempt_of(4))
    keep(outputs, attempt_of(2), recorded_episodes()[1])
    while outputs.writing:
        outputs.settled()
        time.sleep(0.001)
    outputs.close()
    log = tmp_path / "o" / "attempts.jsonl"
    whole = log.read_bytes()
    *_, last = whole.splitlines(keepends=True)
    for cut in range(len(last) + 1):
        log.write_bytes(whole[: len(whole) - cut])
        again = opened(tmp_path)
        assert [attempt.number for attempt in again.earlier.attempts] == [1, 2, 4]
        assert again.earlier.demos == ["demo_0", "demo_1"]
        again.close()
        assert sorted(log.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_full_disk_is_a_clear_end_and_what_was_kept_stays(tmp_path: Path) -> None:
    code = f"""
import resource, signal, time
from pathlib import Path
from tests.dataset.writing import *
outputs = Outputs(config_in(Path({str(tmp_path)!r})))
outputs.open()
episode = recorded_episodes()[0]
def settle():
    while outputs.writing:
        for attempt in outputs.settled():
            print("kept", attempt.demo)
        time.sleep(0.001)
keep(outputs, attempt_of(1), episode)
settle()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
keep(outputs, attempt_of(2), episode)
try:
    settle()
except Exception as error:
    print(type(error).__name__, error)
outputs.close()
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[0] == "kept demo_0"
    assert told[1].startswith("OutputError output ")
    assert "choose a place with room" in told[1]
    again = opened(tmp_path)
    assert again.earlier.demos == ["demo_0"]
    assert len(again.states("demo_0")) == 209
    again.close()
    run(tmp_path, 2)
    with h5py.File(tmp_path / "d.hdf5") as file:
        assert [file["data"][name].attrs["attempt"] for name in ("demo_0", "demo_1")] == [1, 2]


def test_a_folder_that_goes_away_is_a_clear_end_and_what_was_kept_stays(tmp_path: Path) -> None:
    outputs = opened(tmp_path)
    keep(outputs, attempt_of(1), recorded_episodes()[0])
    while outputs.writing:
        outputs.settled()
        time.sleep(0.001)
    parts = tmp_path / "d.hdf5.parts"
    moved = tmp_path / "moved"
    parts.rename(moved)
    parts.write_text("not a folder any more")
    keep(outputs, attempt_of(2), recorded_episodes()[0])

    def settle() -> None:
        while outputs.writing:
            outputs.settled()
            time.sleep(0.001)

    with pytest.raises(OutputError, match=r"d\.hdf5\.parts"):
        settle()
    parts.unlink()
    moved.rename(parts)
    outputs.close()
    again = opened(tmp_path)
    assert again.earlier.demos == ["demo_0"]
    again.close()
