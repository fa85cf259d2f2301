"""Whole runs whose workers have no folder in common with them: what is merged is the same, whatever happens."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mimicgen.datagen.cluster.sending.gathering import gathered
from mimicgen.datagen.cluster.sending.shard_run import StoredShardRun, is_stored_shard
from mimicgen.datagen.cluster.shards import job_of_shard, shard_at
from mimicgen.datagen.cluster.tasks import Task
from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import ConfigError, OutputError
from mimicgen.datagen.session import Session
from tests.cluster import chaos
from tests.cluster.chaos import TARGET, is_like
from tests.cluster.made import in_folder, make, merge
from tests.cluster.workers import FATE, Here, run_in, spread
from tests.conftest import SHIPPED_DEMOS
from tests.hostile import snapshot
from tests.session.known import opening


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes."""
    return chaos.plain(tmp_path_factory.mktemp("plain"))


def stored_in(folder: Path, **told: object) -> Generate:
    bucket = f"file://{folder}/bucket"
    return run_in(folder / "r", num_trials=TARGET, cluster__results=bucket, source=SHIPPED_DEMOS, **told)


def keep(made: list[Here], fate: Callable[..., str] = lambda worker, task: "made") -> Callable[[Generate], Here]:
    def workers(config: Generate) -> Here:
        made.append(Here(config, fate))
        return made[-1]

    return workers


def test_results_at_an_address_are_those_of_one_process(tmp_path: Path, plain: Path, worker_disk: Path) -> None:
    end, progress, _ = spread(stored_in(tmp_path), Here)
    assert (end.reason, progress.successes) == ("target reached", TARGET)
    assert is_like(tmp_path / "r", plain)
    names = {path.suffix for path in (tmp_path / "bucket" / "g_shards").iterdir()}
    assert names == {".tar", ".json"}
    assert not list(worker_disk.rglob("*.hdf5.parts")), "what was sent does not stay on a worker's disk"
    assert not list(worker_disk.rglob("attempts_*"))
    record = json.loads((tmp_path / "r" / "o" / "run.json").read_text())
    assert record["config"]["source"] == str(SHIPPED_DEMOS), "of the run, not of a worker"


def test_another_machine_goes_on_from_the_address_alone(tmp_path: Path, plain: Path) -> None:
    end, progress, _ = spread(stored_in(tmp_path), Here, stop_when=lambda progress: progress.attempts >= 15)
    assert (end.exit_code, progress.successes > 0) == (130, True)
    shutil.rmtree(tmp_path / "r")  # the machine that the run was started on is lost
    shutil.rmtree(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    made: list[Here] = []
    end, *_ = spread(stored_in(tmp_path), keep(made))
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)
    assert not {1, 6, 11} & {task.shard.first for task in made[0].made}, "they are not made again"


def test_workers_that_are_lost_change_nothing(tmp_path: Path, plain: Path) -> None:
    count = iter(range(1000))
    fates = keep([], lambda worker, task: "lost" if next(count) % 3 == 0 else "made")
    end, *_ = spread(stored_in(tmp_path), fates)
    assert end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


def test_shards_of_another_run_at_the_address_are_refused_at_the_start(tmp_path: Path) -> None:
    spread(stored_in(tmp_path), Here)
    shutil.rmtree(tmp_path / "r")
    made: list[Here] = []
    end, *_ = spread(stored_in(tmp_path, seed=5), keep(made))
    assert end.exit_code == 2
    assert "seed was 1 and is 5" in end.reason
    assert "choose another cluster.results" in end.reason
    end, *_ = spread(stored_in(tmp_path, fresh=True), keep(made))
    assert end.exit_code == 2
    assert "--fresh moves nothing aside at an address" in end.reason
    assert made == []


def test_a_shard_that_is_damaged_at_the_address_is_told(tmp_path: Path) -> None:
    config = stored_in(tmp_path)
    spread(config, Here)
    shutil.rmtree(tmp_path / "r")
    first = min((tmp_path / "bucket" / "g_shards").glob("*.tar"))
    first.write_bytes(first.read_bytes()[:-600])
    with pytest.raises(OutputError, match=rf"the shard from '.*{first.name}' is damaged"):
        gathered(config)
    assert not (tmp_path / "r" / "g.hdf5").exists()


def test_what_was_begun_in_a_shared_folder_is_not_mixed_with_it(tmp_path: Path) -> None:
    shared = run_in(tmp_path / "r", num_trials=TARGET)
    first = shard_at(0, 5, shared)
    assert first is not None
    chaos.half(shared, Task(first, 1), 2)
    end, *_ = spread(stored_in(tmp_path), Here)
    assert end.exit_code == 2
    assert "was begun in a shared folder and is not whole" in end.reason


def test_shards_of_any_scheduler_are_put_there_and_merged_elsewhere(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "node").mkdir()
    config = stored_in(tmp_path / "node", cluster__address="none")
    bucket = config.cluster.results
    for index in range(8):
        shard = shard_at(index, 5, config)
        assert shard is not None
        job = job_of_shard(config, shard)
        assert is_stored_shard(job)
        assert not is_stored_shard(config)
        session = Session(lambda: asyncio.sleep(0), opening(FATE), make_run=StoredShardRun)  # type: ignore[arg-type]

        async def one(session: Session = session, job: Generate = job) -> int:
            session.start(job)
            return (await session.finished()).exit_code

        assert asyncio.run(one()) == 0
        there = snapshot(tmp_path / "node" / "bucket")
        assert asyncio.run(one()) == 0
        assert snapshot(tmp_path / "node" / "bucket") == there, "it is not put there again"
    elsewhere = run_in(tmp_path / "r", num_trials=TARGET, cluster__results=bucket, source=SHIPPED_DEMOS)
    assert len(gathered(elsewhere)) == 8
    assert merge(elsewhere).end.reason == "target reached"
    assert is_like(tmp_path / "r", plain)


def test_a_shard_that_cannot_be_put_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "bucket").write_text("a file")
    end, *_ = spread(stored_in(tmp_path), Here)
    assert end.exit_code == 2
    assert "cannot be used" in end.reason


def test_in_a_shared_folder_nothing_is_sent(tmp_path: Path) -> None:
    config = in_folder(tmp_path / "r", num_trials=3)
    make(config, FATE, 0, 5)
    assert set(gathered(config)) == {shard_at(0, 5, config)}


@pytest.mark.parametrize("address", ["memory://a", "results", "s3:/a", "://", "Ray"])
def test_no_place_for_results(address: str) -> None:
    with pytest.raises(ConfigError, match=r"cluster\.results"):
        ClusterConfig(results=address)


@pytest.mark.parametrize("address", ["shared", "ray", "/data/results", "s3://bucket/a", "file:///a"])
def test_places_for_results(address: str) -> None:
    config = ClusterConfig(results=address)
    assert (config.apart, config.stored) == (address != "shared", address not in ("shared", "ray"))
