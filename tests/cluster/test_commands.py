"""Merging on the command line: what it says, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli import runs
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.tasks.catalogue import TASKS
from mimicgen.datagen.tasks.defaults import build
from tests.cluster.alike import digests
from tests.cluster.made import make
from tests.conftest import PROJECT, SHIPPED_DEMOS
from tests.hostile import snapshot
from tests.session.known import early_failures

FATE = early_failures(0.6)
SOURCE = PROJECT / "datasets" / "stack_demos.hdf5"
TOLD = ["--source", str(SHIPPED_DEMOS), "--output-dataset", "g.hdf5", "--output-dir", "o", "--set", "render.when=never"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_of(**values: object) -> Generate:
    told = {"source": SHIPPED_DEMOS, "output_dataset": Path("g.hdf5"), "output_dir": Path("o")}
    return build({**told, "render.when": "never", **values})


def begun(monkeypatch: pytest.MonkeyPatch) -> list[Generate]:
    """Return the jobs that Kit would be started with."""
    started: list[Generate] = []

    def launch(job: Generate, *more: object, **others: object) -> int:
        started.append(job)
        return 0

    monkeypatch.setattr(runs, "_launch", launch)
    return started


def merge(*more: str) -> int:
    return cli.main(["cluster", "merge", *TOLD, "--set", "report=false", *more])


def test_what_was_merged_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in (1, 0, 2):
        make(config_of(num_trials=5), FATE, index, 6)
    assert merge("--num-trials", "5") == 0
    said = capsys.readouterr().out
    assert said.startswith("done: target reached\n  5 successes of ")
    assert "attempts from 3 shards" in said
    assert f"wrote {folder / 'g.hdf5'}\n" in said
    assert len(digests(folder / "g.hdf5")) == 5
    before = digests(folder / "g.hdf5")
    assert merge("--num-trials", "5") == 0, "again"
    assert digests(folder / "g.hdf5") == before
    assert merge("--num-trials", "500") == 3
    assert "attempt 19 and those after it are missing" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["g.hdf5", "g_shards", "o"]


def test_a_task_file_is_the_same_from_any_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine").mkdir()
    shutil.copy(TASKS / "stack.toml", folder / "mine" / "stack.toml")
    shutil.copy(SOURCE, folder / "a.hdf5")
    told = [*TOLD, "--source", "a.hdf5", "--task", "mine/stack.toml", "--num-trials", "2"]
    started = begun(monkeypatch)
    assert cli.main(["generate", *told, "--shard", "1/1"]) == 0
    assert started[0].task == str(folder / "mine" / "stack.toml"), "as its record will have it"
    config = config_of(num_trials=2, task=started[0].task, source=folder / "a.hdf5")
    make(config, FATE, 0, 6)
    assert cli.main(["cluster", "merge", *told, "--set", "report=false"]) == 0, capsys.readouterr().err


def test_without_a_shard_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert merge() == 2
    assert f"no whole shard in '{folder / 'g_shards'}'" in capsys.readouterr().err
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_dataset_of_somebody_else_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(config_of(num_trials=2), FATE, 0, 6)
    (folder / "g.hdf5").write_text("years of work")
    (folder / "o").mkdir()
    before = snapshot(folder)
    assert merge("--num-trials", "2") == 2
    assert "g.hdf5" in capsys.readouterr().err
    assert snapshot(folder) == before


def test_a_dataset_of_another_run_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(config_of(num_trials=2), FATE, 0, 6)
    assert merge("--num-trials", "2") == 0
    for path in folder.glob("g_shards/*/run.json"):
        told = json.loads(path.read_text())
        told["config"]["seed"] = 5
        path.write_text(json.dumps(told))
    before = snapshot(folder)
    assert merge("--num-trials", "2", "--seed", "5") == 2
    assert "seed was 1 and is 5" in capsys.readouterr().err
    assert snapshot(folder) == before


def test_fresh_moves_the_shards_of_an_earlier_run_aside(folder: Path) -> None:
    config = config_of(num_trials=2, fresh=True)
    make(config_of(num_trials=2), FATE, 0, 6)
    outputs = Outputs(config)
    outputs.open()
    outputs.close()
    assert not (folder / "g_shards").exists()
    assert len(list(folder.glob("g_shards.*"))) == 1


def test_a_shard_is_a_run_in_a_folder_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = begun(monkeypatch)
    assert cli.main(["generate", *TOLD, "--num-trials", "100", "--shard", "3/10"]) == 0
    (job,) = started
    assert (job.first_attempt, job.num_trials, job.guarantee, job.report) == (21, 10, False, False)
    assert job.output_dataset == folder / "g_shards" / "attempts_00000021_00000030" / "dataset.hdf5"
    assert cli.main(["generate", *TOLD, "--shard", "3/10", "--fresh"]) == 2
    assert cli.main(["generate", *TOLD, "--shard", "11/10"]) == 2


def test_spreading_is_said_on_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = begun(monkeypatch)
    options = ["--cluster", "10.0.0.1:6379", "--workers", "4", "--gpus-per-worker", "0.5"]
    assert cli.main(["generate", *TOLD, *options]) == 0
    spread = started[0].cluster
    assert (spread.address, spread.workers, spread.gpus_per_worker) == ("10.0.0.1:6379", 4, 0.5)
