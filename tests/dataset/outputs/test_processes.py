"""Demonstrations written by processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.parts import Parts
from mimicgen.datagen.dataset.outputs.processes import EpisodeWriters, processes_for, write_demo
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.tasks.defaults import build
from tests.dataset.writing import attempt_of, keep, recorded_episodes

EPISODES = recorded_episodes()


@pytest.fixture
def processes() -> Iterator[EpisodeWriters]:
    opened = EpisodeWriters(2)
    yield opened
    opened.close()


def test_they_write_what_a_thread_writes(tmp_path: Path, processes: EpisodeWriters) -> None:
    here, there = Parts(tmp_path / "here.hdf5"), Parts(tmp_path / "there.hdf5")
    for parts in (here, there):
        parts.prepare()
    written = [
        processes.submit(there, f"demo_{index}", EPISODES[index % 3], attempt_of(1 + 4 * index), {})
        for index in range(6)
    ]
    for index in range(6):
        write_demo(here, f"demo_{index}", EPISODES[index % 3], attempt_of(1 + 4 * index), {})
        written[index].result(timeout=30)
    assert there.written() == here.written()
    for (name, told), (_, expected) in zip(there.attributes(), here.attributes(), strict=True):
        assert told.keys() == expected.keys()
        with h5py.File(there.path(name)) as one, h5py.File(here.path(name)) as other:
            assert (one[f"data/{name}/actions"][()] == other[f"data/{name}/actions"][()]).all()


def test_what_cannot_be_written_is_told(tmp_path: Path, processes: EpisodeWriters) -> None:
    nowhere = Parts(tmp_path / "taken.hdf5")
    nowhere.folder.write_text("a file where the folder would be")
    with pytest.raises(OutputError, match="taken"):
        processes.submit(nowhere, "demo_0", EPISODES[0], attempt_of(1), {}).result(timeout=30)
    good = Parts(tmp_path / "g.hdf5")
    good.prepare()
    processes.submit(good, "demo_0", EPISODES[0], attempt_of(1), {}).result(timeout=30)  # the process goes on
    assert good.written() == ["demo_0"]


def test_a_process_that_is_gone_is_told(tmp_path: Path, processes: EpisodeWriters) -> None:
    parts = Parts(tmp_path / "g.hdf5")
    parts.prepare()
    for process in processes._processes:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
    with pytest.raises(OutputError, match="the process that writes it has ended"):
        processes.submit(parts, "demo_0", EPISODES[0], attempt_of(1), {}).result(timeout=30)


@pytest.mark.parametrize(("flush", "works"), [(False, True), (True, False)])
def test_what_a_library_prints_is_not_taken_for_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flush: bool, works: bool
) -> None:
    """Printed before the process serves, and pushed into the pipe: told. Kept back, it goes elsewhere."""
    (tmp_path / "sitecustomize.py").write_text(f"print('hello from a library', flush={flush})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    writers = EpisodeWriters(1)
    parts = Parts(tmp_path / "g.hdf5")
    parts.prepare()
    try:
        written = writers.submit(parts, "demo_0", EPISODES[0], attempt_of(1), {})
        if works:
            written.result(timeout=30)
        else:
            with pytest.raises(OutputError, match="is out of order"):
                written.result(timeout=30)
    finally:
        writers.close()
    assert not works or parts.written() == ["demo_0"]


@pytest.mark.parametrize(("num_envs", "expected"), [(1, False), (63, False), (64, True), (1024, True)])
def test_they_are_for_large_runs(num_envs: int, expected: bool) -> None:
    assert (processes_for(num_envs) > 0) is expected


def test_an_application_that_embeds_python_is_not_started_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/isaac-sim/kit/kit")
    assert processes_for(1024) == 0


def test_a_large_runs_attempts_are_reported_in_order_when_they_are_on_the_disk(tmp_path: Path) -> None:
    outputs = Outputs(build({"output_dataset": tmp_path / "g.hdf5", "output_dir": tmp_path, "num_envs": 128}))
    outputs.open()
    try:
        for index in range(20):
            keep(outputs, attempt_of(1 + 4 * index), EPISODES[index % 3])
        reported = []
        while outputs.writing:
            for settled in outputs.settled():
                assert settled.demo is not None
                assert (outputs.parts_folder / f"{settled.demo}.hdf5").exists()
                reported.append(settled.number)
            time.sleep(0.005)
        assert reported == [1 + 4 * index for index in range(20)]
        assert len(outputs.attempts.read_text().splitlines()) == 20
    finally:
        outputs.close()
