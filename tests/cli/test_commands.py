"""The command line as a person uses it: real processes, real Kit, real files."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from mimicgen.datagen.dataset.sources.sources import check_sources
from tests.conftest import PROJECT, SHIPPED_DEMOS
from tests.containers import until
from tests.dataset.sources.test_sources import STACK
from tests.generation import running

SHIPPED = PROJECT / "datasets" / "source_demos.hdf5"

LIGHT = 3.0
"""Processor time that a command takes at most which imports nothing heavy [s]; with Isaac Lab it is twice that."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mimicgen.datagen.cli", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"ACCEPT_EULA": "Y", "PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")} | more


def datagen(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=240, env=environment(**more), check=False
    )


def processor_time() -> float:
    """Return what the processes that ended took [s]: unlike the time of day, it leaves out what else goes on here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def outputs(folder: Path) -> list[str]:
    return ["--output-dataset", str(folder / "generated.hdf5"), "--output-dir", str(folder / "output")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[..., subprocess.CompletedProcess[str]], str]:
    """A folder in which one attempt was made, what goes on there, and what was said."""
    folder = tmp_path_factory.mktemp("run")

    def generate(*more: object) -> subprocess.CompletedProcess[str]:
        return running.datagen(
            *("generate", "--source", SHIPPED_DEMOS, "--num-trials", 1, "--set", "guarantee=false"),
            *("--set", "render.every=100", "--set", "render.width=96", "--set", "render.height=64"),
            *(*outputs(folder), *more),
        ).wait()

    process = generate()
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stderr == ""
    return folder, generate, process.stdout


def test_generate_prints_stages_attempts_and_a_summary_and_writes(run: tuple[Path, Any, str]) -> None:
    folder, _, text = run
    assert f"output goes to {folder / 'output' / 'kit.log'}" in text
    positions = [text.index(f"[{number}/4] ") for number in (1, 2, 3, 4)]
    assert positions == sorted(positions)
    assert "attempt 1: " in text
    assert "of 1 attempt, " in text
    assert "reached: grasp_1 " in text
    assert "done: target reached" in text
    assert f"wrote {folder / 'output' / 'run.json'}" in text
    record = json.loads((folder / "output" / "run.json").read_text())
    assert record["counts"]["attempts"] == 1
    assert "[INFO]" not in text, "Isaac Lab's own output goes to the log"


def test_a_run_that_fails_quits_with_its_code_and_says_why_once(run: tuple[Path, Any, str]) -> None:
    """Headless Kit waits for the end to quit: a file of somebody else among the parts, a port that is taken."""
    folder, generate, _ = run
    parts = folder / "generated.hdf5.parts"
    parts.mkdir()
    with h5py.File(parts / "demo_9.hdf5", "w") as file:
        file.attrs["of"] = "somebody else"
    damaged = generate("--num-trials", 3)
    assert damaged.returncode == 2
    assert damaged.stdout.count(f"output '{parts / 'demo_9.hdf5'}' is damaged, or no demonstration of a run") == 1
    (parts / "demo_9.hdf5").unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = generate("--num-trials", 3, "--set", f"live_port={port}")
    assert served.returncode == 2
    assert served.stdout.count(f"live_port = {port}: the page cannot be served there") == 1
    record = json.loads((folder / "output" / "run.json").read_text())
    assert record["end"]["exit_code"] == 2


def test_ctrl_c_and_sigterm_stop_cleanly(shipped_demos: Path, tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        folder = tmp_path / number.name
        run = running.datagen(
            *("generate", "--source", shipped_demos, "--num-trials", 50, *outputs(folder)),
            *("--set", "render.when=never"),
        )
        until(lambda: "\n[4/4]" in run.said(), 120)  # noqa: B023 -- called here
        time.sleep(2)
        sent = time.monotonic()
        os.kill(run.pid, number)
        ended = run.wait()
        text = ended.stdout + ended.stderr
        assert ended.returncode == 130
        assert time.monotonic() - sent < 10
        assert f"done: interrupted by {number.name}" in text
        assert json.loads((folder / "output" / "run.json").read_text())["end"]["exit_code"] == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "none.hdf5"], "source '.*none.hdf5' does not exist"),
        (["--num-trials", "five"], "num_trials = 'five': expected a whole number"),
        (["--num-envs", "0"], "num_envs = 0: expected a whole number from 1"),
        (["--device", "gpu"], "device = 'gpu': expected cpu"),
        (["--set", "mimic.noise=1"], "unknown key 'mimic.noise'"),
        (["--config", "none.toml"], "configuration file 'none.toml': No such file"),
        (["--output-dataset", "/proc/x/y.hdf5"], "output '/proc/x'"),
        (["--output-dir", "/proc/x"], "output '/proc/x'"),
    ],
)
def test_bad_input_is_refused_at_once(shipped_demos: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    begin = processor_time()
    process = datagen("generate", "--source", shipped_demos, *outputs(tmp_path), *arguments)
    assert processor_time() - begin < LIGHT, "something heavy was imported"
    assert process.returncode == 2
    assert re.search(f"error: .*{words}", process.stderr)
    assert not (tmp_path / "output" / "kit.log").exists()


def test_bad_input_in_the_environment_is_refused(shipped_demos: Path, tmp_path: Path) -> None:
    process = datagen("generate", "--source", shipped_demos, *outputs(tmp_path), NUM_TRIALS="many")
    assert process.returncode == 2
    assert "num_trials = 'many'" in process.stderr


def test_an_output_in_use_is_refused(shipped_demos: Path, tmp_path: Path) -> None:
    path = tmp_path / "generated.hdf5"
    with h5py.File(path, "w") as file:
        file["a"] = 1
        process = datagen("generate", "--source", shipped_demos, *outputs(tmp_path), "--fresh")
        assert process.returncode == 2
        assert f"output '{path}' is open in another process" in process.stderr


def test_without_the_licence_nothing_starts(shipped_demos: Path, tmp_path: Path) -> None:
    process = datagen(
        "generate", "--source", shipped_demos, *outputs(tmp_path), ACCEPT_EULA="", OMNI_KIT_ACCEPT_EULA=""
    )
    assert process.returncode == 2
    assert "License Agreement was not accepted" in process.stderr


def test_list_tasks_says_what_can_run_here_and_why_others_cannot() -> None:
    begin = processor_time()
    process = datagen("generate", "--list-tasks")
    assert processor_time() - begin < LIGHT, "Isaac Lab was imported"
    assert (process.returncode, process.stderr) == (0, "")
    lines = process.stdout.splitlines()
    assert lines[0] == "runtime: embedded"
    assert lines[1].startswith("physics: mujoco, physx")
    assert "  Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0" in lines
    assert any("Skillgen  -- it needs the cuRobo motion planner" in line for line in lines)
    number = next(n for n, line in enumerate(lines) if line.startswith("  Isaac-PickPlace-GR1T2-Abs-Mimic-v0  -- "))
    needs = "Pink inverse kinematics; cameras robot_pov_cam; packages pin, pin-pink, daqp"
    assert lines[number + 1] == f"      in Isaac Sim: {needs}"
    assert lines[number + 2] == "      generated: all environments at once: absolute poses of two hands"


def test_list_tasks_says_it_to_programs() -> None:
    process = datagen("generate", "--list-tasks", "--json")
    assert (process.returncode, process.stderr) == (0, "")
    told = json.loads(process.stdout)
    assert told["runtime"] == "embedded"
    assert "stack_three" in told["by_file"]
    planned = told["registered"]["IsaacContrib-Stack-Cube-Franka-IK-Rel-Skillgen"]
    assert planned["why_not_here"] == "it needs the cuRobo motion planner"
    assert planned["generated"]["how"] == "not"
    assert "cuRobo" in planned["generated"]["why"]
    assert "cuRobo's motion planner" in planned["needs"]["controllers"]
    stack = told["registered"]["Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"]
    assert stack["why_not_here"] is None
    assert stack["generated"] == {"how": "batched", "why": "relative poses of a hand"}


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    process = subprocess.Popen(
        command("generate", "--list-tasks"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(30)) == ("", 1)


def test_check_says_what_is_usable_and_what_is_not(edited_demos: Callable[[Callable[[h5py.File], None]], Path]) -> None:
    begin = processor_time()
    process = datagen("check")
    assert processor_time() - begin < LIGHT, "Isaac Lab was imported"
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("source_demos.hdf5: 10 of 10 demonstrations usable for Isaac-Stack-Cube-Franka")
    assert "quaternions x, y, z, w" in process.stdout

    def far_away(file: h5py.File) -> None:
        file["data/demo_3/obs/datagen_info/eef_pose/franka"][:, 0, 3] += 2.0
        file["data/demo_4/obs/datagen_info/subtask_term_signals/stack_1"][:] = False

    process = datagen("check", "--source", edited_demos(far_away), "--json")
    report = json.loads(process.stdout)
    assert len(report["usable"]) == 8
    problems = {finding["demo"]: finding["problem"] for finding in report["findings"]}
    assert "signal 'stack_1' never fires" in problems["demo_4"]
    assert "m from the shoulder" in problems["demo_3"]


def test_what_isaac_lab_has_to_be_asked_is_said_first_and_without_its_warnings() -> None:
    task = "IsaacContrib-Stack-Cube-Bin-Franka-IK-Rel-Mimic"
    with subprocess.Popen(
        command("check", "--task", task, "--source", SHIPPED),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stderr.readline()
        told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        took = (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
        assert took < 2, "it is said first [s of processor time]"
        rest = process.stderr.read()
        assert process.stdout.read() == ""
    assert first == f"asking Isaac Lab about task '{task}', which takes about ten seconds...\n"
    assert rest.splitlines() == [
        f"error: task '{task}' cannot run without Isaac Sim: no task file describes its scene, and the embedded "
        "runtime has no asset server"
    ]
    assert process.returncode == 2


def test_convert_writes_the_current_format(human_demos: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.hdf5"
    assert datagen("dataset", "convert", human_demos, target).returncode == 0
    with h5py.File(target) as file:
        assert file.attrs["format_version"] == 1
    process = datagen("dataset", "convert", human_demos, target)
    assert process.returncode == 2
    assert str(target) in process.stderr


def test_the_dataset_tools_work_together(tmp_path: Path) -> None:
    shipped = PROJECT / "tests" / "data" / "source_demos.hdf5"
    merged, split, few = tmp_path / "merged.hdf5", tmp_path / "split.hdf5", tmp_path / "few.hdf5"
    process = datagen("dataset", "merge", shipped, shipped, "--output", merged)
    assert process.stdout == f"wrote {merged}: 20 demonstrations\n", process.stderr
    process = datagen("dataset", "split", merged, "--ratio", 0.2, "--output", split)
    assert process.stdout == f"wrote {split}: train 16\nwrote {split}: valid 4\n", process.stderr
    process = datagen("dataset", "filter", split, "--where", "num_samples<204", "--where", "seed>1", "--output", few)
    assert process.stdout == f"wrote {few}: 6 demonstrations\n", process.stderr
    process = datagen("dataset", "info", few, "--demos")
    assert "6, 1200 steps" in process.stdout
    assert "merged from" in process.stdout
    told = json.loads(datagen("dataset", "info", few, "--json").stdout)
    assert (told["steps"], [demo["name"] for demo in told["demos"]][:2]) == (1200, ["demo_1", "demo_2"])
    process = datagen("dataset", "validate", shipped)
    assert process.returncode == 0
    assert process.stdout.endswith("10 demonstrations, 2140 steps, 10 end in success; 0 errors, 0 warnings\n")
    with h5py.File(few, "r+") as file:
        file["data"].attrs["total"] = 5
    process = datagen("dataset", "validate", few, "--json")
    report = json.loads(process.stdout)
    assert (process.returncode, report["errors"]) == (2, 1)
    assert report["findings"][0]["where"] == "data.attrs['total']"
    process = datagen("dataset", "split", merged, "--files", "--output", few.with_name("two.hdf5"))
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "few.hdf5",
        "merged.hdf5",
        "split.hdf5",
        "two_train.hdf5",
        "two_valid.hdf5",
    ]
    process = datagen("dataset", "merge", shipped, "--output", few)
    assert (process.returncode, process.stderr) == (
        2,
        f"error: output '{few}' exists; remove it, or choose another name\n",
    )


def test_the_shipped_demonstrations_are_usable_and_small() -> None:
    assert len(check_sources(SHIPPED, STACK).usable) == 10
    assert SHIPPED.stat().st_size <= 4_000_000
    with h5py.File(SHIPPED) as file:
        assert json.loads(file.attrs["provenance"])["source"] == {"expert": "scripted"}


def test_recording_needs_an_expert_and_annotating_needs_demonstrations(tmp_path: Path) -> None:
    process = datagen("record", *outputs(tmp_path))
    assert process.returncode == 2
    assert "pass --expert" in process.stderr
    process = datagen("annotate", *outputs(tmp_path))
    assert process.returncode == 2
    assert "no demonstrations; pass --source" in process.stderr
