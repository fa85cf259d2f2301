"""Runs in a process of their own, as notebooks and scripts start them."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.cli import client
from mimicgen.datagen.cli.client import Run, Seen, start
from tests.containers import until

STACK = {"grasp_1": 20, "stack_1": 50, "grasp_2": None}


def attempt(number: int, outcome: Outcome) -> str:
    made = Attempt(
        number=number, env=0, seed=1, segments=(), signals=STACK, outcome=outcome, reason="so", steps=9, seconds=0.1
    )
    return made.to_json() + "\n"


@pytest.fixture(autouse=True)
def accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCEPT_EULA", "Y")
    monkeypatch.delenv("ISAACSIM_PATH", raising=False)


def test_a_run_is_watched_without_blocking_and_stopped(tmp_path: Path) -> None:
    moments: list[float] = []
    lines: list[str] = []

    async def other() -> None:
        while True:
            moments.append(time.monotonic())
            await asyncio.sleep(0.05)

    async def follow() -> Seen:
        ticking = asyncio.create_task(other())
        run = start(
            {"num_trials": 50, "output_dir": tmp_path, "output_dataset": tmp_path / "d.hdf5", "render.when": "never"}
        )

        def show(seen: Seen) -> None:
            lines.append(seen.line)
            if seen.attempts:
                run.stop()

        seen = await run.watch(show, period=0.2)
        ticking.cancel()
        record = run.record()
        assert record is not None
        assert record["end"]["reason"] == "interrupted by SIGINT"
        return seen

    seen = asyncio.run(follow())
    assert seen.exit_code == 130
    assert any("[1/4] Kit" in line for line in lines)
    assert max(after - before for before, after in itertools.pairwise(moments)) < 1.0


def test_a_policy_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"num_trials": 2, "num_envs": 2, "max_steps": 20, "report": False, "output_dir": tmp_path}
    run = start({"mode": "evaluate", "policy": "zeros", "task": "stack_three", **settings})
    assert run.wait(120) == 0
    seen, record = run.seen(), run.record()
    assert (len(seen.attempts), seen.successes) == (2, 0)
    assert record is not None
    assert (record["config"]["mode"], record["policy"]["policy"]) == ("evaluate", "zeros")


def test_bad_input_is_what_the_last_line_says(tmp_path: Path) -> None:
    run = start({"num_trials": 0, "output_dir": tmp_path})
    assert run.wait(60) == 2
    assert run.seen().line == "error: num_trials = 0: expected a whole number from 1 to 10,000,000"


def test_attempts_are_read_as_they_are_written_and_only_whole_ones(tmp_path: Path) -> None:
    run = Run([sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(60)"], tmp_path, os.environ)
    try:
        assert run.seen().attempts == ()
        records = tmp_path / "attempts.jsonl"
        line = attempt(2, Outcome.SUCCESS)
        records.write_text(attempt(1, Outcome.FAILURE) + line[:30])
        assert [one.number for one in run.seen().attempts] == [1]
        with records.open("a") as file:
            file.write(line[30:])
        seen = run.seen()
        assert [one.number for one in seen.attempts] == [1, 2]
        assert seen.successes == 1
        assert seen.reached == {"grasp_1": 2, "stack_1": 2, "grasp_2": 1, "success": 1}
        assert seen.exit_code is None
    finally:
        run.stop()
    assert run.wait(10) != 0
    assert run.frames("table_cam_normals") == []


@pytest.mark.parametrize("fresh", [True, False])
def test_an_earlier_runs_records_are_not_taken_for_this_ones(tmp_path: Path, fresh: bool) -> None:
    """Until the run has moved the old log aside, or continued it in a new file, nothing is known of it."""
    log, record = tmp_path / "attempts.jsonl", tmp_path / "run.json"
    log.write_text("".join(attempt(number, Outcome.SUCCESS) for number in (1, 2, 3)))
    record.write_text('{"end": "of the earlier run"}')
    code = """
import os, sys, time
from pathlib import Path
log, fresh = Path(sys.argv[1]), sys.argv[2] == "True"
def wait(name):
    while not log.with_name(name).exists():
        time.sleep(0.02)
wait("go")
before = log.read_bytes()
if fresh:
    log.rename(log.with_suffix(".old"))
scratch = log.with_suffix(".part")
scratch.write_bytes(b"" if fresh else before)
os.replace(scratch, log)
scratch.write_text('{"end": null}')
os.replace(scratch, log.with_name("run.json"))
with log.open("ab", buffering=0) as file:
    file.write(before[: before.index(b"\\n") + 1])
time.sleep(60)
"""
    run = Run([sys.executable, "-c", code, str(log), str(fresh)], tmp_path, os.environ)
    try:
        for _ in range(3):
            assert run.seen().successes == 0
            assert run.record() is None
            time.sleep(0.05)
        (tmp_path / "go").touch()
        until(lambda: run.seen().successes == (1 if fresh else 4), 20)
        assert run.record() == {"end": None}
    finally:
        run.stop()
    run.wait(10)


def test_a_run_that_is_stopping_is_not_disturbed_until_patience_is_at_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import signal, sys, time
told = []
def stopping(*_):
    told.append(1)
    print("signal", len(told), flush=True)
    if len(told) == 2:
        sys.exit(9)
signal.signal(signal.SIGINT, stopping)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
    run = Run([sys.executable, "-c", code], tmp_path, os.environ)
    until(lambda: run.seen().line == "ready", 20)
    run.stop()
    until(lambda: run.seen().line == "signal 1", 20)
    run.stop()
    time.sleep(0.5)
    assert run.seen().line == "signal 1"
    assert run.seen().exit_code is None
    monkeypatch.setattr(client, "PATIENCE", 0.0)
    run.stop()
    assert run.wait(20) == 9
    assert run.seen().line == "signal 2"


def test_in_isaac_sim_the_configuration_becomes_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for Isaac Sim's kernel says what it was called with."""
    program = tmp_path / "kit" / "kit"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("ISAACSIM_PATH", str(tmp_path))
    run = start({"num_trials": 2, "randomization.x": (0.4, 0.5), "fresh": True, "output_dir": tmp_path / "o"})
    assert run.wait(20) == 0
    said = run.seen().line
    assert "--no-window" in said
    assert "--/exts/mimicgen.datagen/num_trials=2" in said
    assert "--/exts/mimicgen.datagen/randomization/x=0.4,0.5" in said
    assert "--/exts/mimicgen.datagen/fresh=true" in said
