"""A run in shards with a real Ray on this machine: two workers, of which some are killed, and a driver that is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from mimicgen.datagen.cluster import ray_workers
from mimicgen.datagen.cluster.ray_workers import RayWorkers, places
from mimicgen.datagen.cluster.sending.inputs import Inputs
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import RunError, SetupError
from tests.cluster.chaos import is_like
from tests.cluster.workers import Here, KnownWorker, run_in, spread
from tests.conftest import PROJECT, SHIPPED_DEMOS

ray = pytest.importorskip("ray")
TARGET = 90


def kill_once(sign: Path, wanted: bool) -> None:
    """Kill this process, if that is wanted and was not done before."""
    if wanted and not sign.exists():
        sign.touch()
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal(KnownWorker):
    """A worker whose process is killed at some shards, the first time that it makes them."""

    async def make(self, task: Any) -> Any:
        kill_once(self._config.output_dataset.with_name(f"killed_{task.shard.first}"), task.shard.first % 3 == 0)
        return await super().make(task)


class Poor(KnownWorker):
    """A worker to which nothing that belongs to the run is visible, and which is killed while it sends a shard."""

    def __init__(self, config: Generate, inputs: Inputs | None = None):
        tempfile.tempdir = str(config.output_dataset.parents[1] / "disk")
        nowhere = Path("/nowhere")
        super().__init__(structs.replace(config, source=nowhere / "a", output_dir=nowhere), inputs)

    async def piece(self, task: Any, begin: int) -> bytes:
        kill_once(Path(tempfile.gettempdir(), f"killed_{task.shard.first}"), task.shard.first % 10 == 1)
        return await super().piece(task, begin)


def poor(config: Generate) -> RayWorkers:
    return RayWorkers(config, Poor)


def mortal(config: Generate) -> RayWorkers:
    return RayWorkers(config, Mortal)


@pytest.fixture(autouse=True)
def found_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("RAY_worker_niceness", "0")  # other tests take the cores of workers that give way


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("expected")
    assert spread(run_in(folder, num_trials=TARGET), Here)[0].exit_code == 0
    return folder


DRIVER = """
import sys
from pathlib import Path
from tests.cluster.workers import run_in, spread
from tests.cluster.test_ray import TARGET, mortal
spread(run_in(Path(sys.argv[1]), num_trials=TARGET, cluster__workers=2), mortal)
"""


def test_a_driver_and_workers_that_are_killed_change_nothing(tmp_path: Path, expected: Path) -> None:
    folder = tmp_path / "r"
    path = os.pathsep.join([str(PROJECT), str(PROJECT / "exts" / "mimicgen.datagen")])
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(folder)], env=os.environ | {"PYTHONPATH": path})
    bound = time.monotonic() + 120
    while len(list(folder.glob("g_shards/*/dataset.hdf5"))) < 2 and time.monotonic() < bound and driver.poll() is None:
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    assert not (folder / "g.hdf5").exists(), "it was killed on its way"
    end, progress, told = spread(run_in(folder, num_trials=TARGET, cluster__workers=2), mortal)
    assert (end.reason, progress.successes) == ("target reached", TARGET)
    assert [one for one in told if "is lost" in one]
    assert is_like(folder, expected)


def test_shards_and_sources_go_through_ray_where_no_folder_is_shared(
    tmp_path: Path,
) -> None:
    (tmp_path / "disk").mkdir()
    few = {"num_trials": 20}
    assert spread(run_in(tmp_path / "expected", **few), Here)[0].exit_code == 0
    told = {"cluster__results": "ray", "cluster__workers": 2, "source": SHIPPED_DEMOS}
    end, progress, said = spread(run_in(tmp_path / "r", **few, **told), poor)
    assert (end.reason, progress.successes) == ("target reached", 20)
    assert is_like(tmp_path / "r", tmp_path / "expected")
    assert [one for one in said if "is lost" in one]
    left = [path.parent.name for path in (tmp_path / "disk").rglob("dataset.hdf5")]
    needed = [name for name in left if int(name.split("_")[1]) <= progress.attempts]
    assert not needed, "what was fetched does not stay on a worker's disk; what was under way at the end may"
    assert [path.read_bytes() for path in (tmp_path / "disk").rglob("source/*")] == [SHIPPED_DEMOS.read_bytes()]


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = run_in(tmp_path / "r", num_trials=3, cluster__address="127.0.0.1:1")
    with pytest.raises(SetupError, match=r"the Ray cluster at '127\.0\.0\.1:1' cannot be reached"):
        RayWorkers(config).start()


def test_a_cluster_without_a_node_is_waited_for_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"Alive": False}, {"Alive": True}]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    workers = RayWorkers(run_in(tmp_path / "r"))
    assert workers.poll() == []
    del nodes[1]
    assert workers.poll() == [], "it does not look every time"
    monkeypatch.setattr(ray_workers, "LOOKS", 0.0)
    later = RayWorkers(run_in(tmp_path / "r"))
    with pytest.raises(RunError, match="the Ray cluster at 'local' is lost, none of its nodes answers"):
        later.poll()


@pytest.mark.parametrize(
    ("told", "resources", "expected"),
    [
        ({}, {"CPU": 16.0}, (8, 2.0)),
        ({"cluster__workers": 3}, {"CPU": 16.0}, (3, 5.0)),
        ({"cluster__workers": 3}, {"CPU": 2.0}, (3, 1.0)),
        ({"device": "cuda"}, {"CPU": 64.0, "GPU": 4.0}, (4, 1.0)),
        ({"device": "cuda", "cluster__gpus_per_worker": 0.5}, {"CPU": 64.0, "GPU": 4.0}, (8, 1.0)),
        ({"device": "cuda", "cluster__workers": 2}, {"CPU": 64.0, "GPU": 4.0}, (2, 1.0)),
    ],
)
def test_workers_for_what_the_cluster_has(
    tmp_path: Path, told: dict[str, Any], resources: dict[str, float], expected: tuple[int, float]
) -> None:
    assert places(run_in(tmp_path / "r", **{"cluster__workers": 0} | told), resources) == expected


def test_gpus_that_are_not_there_are_told(tmp_path: Path) -> None:
    config = run_in(tmp_path / "r", device="cuda", cluster__gpus_per_worker=2)
    with pytest.raises(SetupError, match="a worker wants 2 GPUs and the Ray cluster has 0"):
        places(config, {"CPU": 4.0})
