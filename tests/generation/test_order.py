"""Attempts are functions of the run's seed and their numbers: any number of environments, any kills, the same data.

ATTEMPTS=60 for the full size.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import PROJECT
from tests.generation.running import python

SOURCE = PROJECT / "datasets" / "stack_demos.hdf5"
ATTEMPTS = int(os.environ.get("ATTEMPTS", "4"))

OPEN = """
import asyncio, os, sys
from pathlib import Path
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.session import Session
source, folder, num_envs, attempts = sys.argv[1:]
config = build({
    "task": "stack", "source": source, "output_dataset": folder + "/g.hdf5", "output_dir": folder, "num_envs": num_envs,
    "seed": 77, "num_trials": attempts, "guarantee": False, "keep_failed": True, "render.when": "never",
    "report": False, "mimic.action_noise": 0.09, "mimic.retry_start": 1, "mimic.perturb": 0.4})
Path(folder, "process").write_text(str(os.getpid()))
"""

RUN = (
    OPEN
    + """
async def main():
    session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
    session.start(config)
    return await session.finished()

end = asyncio.run(main())
assert end.reason == "target reached", end
"""
)

IN_SHARDS = (
    OPEN
    + """
from mimicgen.datagen.cluster.concluding import conclude
from mimicgen.datagen.cluster.results import whole_shards
from mimicgen.datagen.cluster.shards import shard_at
from mimicgen.datagen.cluster.tasks import Task, Told
from mimicgen.datagen.cluster.worker import Worker
from mimicgen.datagen.dataset.outputs.outputs import Outputs

async def main():
    worker = Worker(config)
    count = config.num_trials
    for index in (1, 0):  # the later one first, and the environment stays open
        answer = await worker.make(Task(shard_at(index, count - count // 2, config), 1))
        assert isinstance(answer, Told), answer

asyncio.run(main())
outputs = Outputs(config)
outputs.open()
end = conclude(config, outputs, whole_shards(config)).end
outputs.close()
assert end.reason == "target reached", end
"""
)


def whole(source: Path, folder: Path, num_envs: int) -> None:
    python(RUN, source, folder, num_envs, ATTEMPTS)


def in_shards(source: Path, folder: Path, num_envs: int) -> None:
    python(IN_SHARDS, source, folder, num_envs, ATTEMPTS)


def killed_twice(source: Path, folder: Path, num_envs: int) -> None:
    """Killed when it has committed something, and again when it has committed more, if it is not over by then."""
    committed = 0
    for ends in ((-signal.SIGKILL,), (-signal.SIGKILL, 0)):
        (folder / "process").unlink(missing_ok=True)
        over = threading.Event()
        killer = threading.Thread(target=kill, args=(folder, committed, over))
        killer.start()
        try:
            python(RUN, source, folder, num_envs, ATTEMPTS, ends=ends)
        finally:
            over.set()
            killer.join()
        committed = len(lines(folder))
    assert committed > 0
    whole(source, folder, num_envs)


def kill(folder: Path, committed: int, over: threading.Event) -> None:
    """Kill a run when it has committed more than it had, unless it is over."""
    while len(lines(folder)) <= committed or not (folder / "process").exists():
        if over.wait(0.02):
            return
    os.kill(int((folder / "process").read_text()), signal.SIGKILL)


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the log says of attempts, without what may differ: where and how long."""
    log = folder / "attempts.jsonl"
    told = [json.loads(line) for line in log.read_bytes().split(b"\n")[:-1]] if log.exists() else []
    return [{key: value for key, value in one.items() if key not in ("env", "seconds")} for one in told]


def contents(path: Path) -> dict[str, bytes]:
    """Every array of a file by its path."""
    found: dict[str, bytes] = {}

    def add(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset):
            found[name] = np.asarray(member[()]).tobytes()

    with h5py.File(path) as file:
        file.visititems(add)
    return found


@pytest.mark.slow
def test_outcomes_and_contents_are_the_same_with_1_6_and_16_environments_after_kills_and_in_shards(
    tmp_path: Path,
) -> None:
    folders = {name: tmp_path / name for name in ("one", "six", "killed", "shards")}
    for folder in folders.values():
        folder.mkdir()
    whole(SOURCE, folders["one"], 1)
    whole(SOURCE, folders["six"], 6)
    killed_twice(SOURCE, folders["killed"], 16 if ATTEMPTS > 16 else 3)
    in_shards(SOURCE, folders["shards"], 3)
    expected = lines(folders["one"])
    assert [one["number"] for one in expected] == list(range(1, ATTEMPTS + 1))
    assert {one["outcome"] for one in expected} == {"success", "failure"}, "both are compared"
    assert any("earlier_tries" in one for one in expected), "and tries,"
    assert any("perturbed" in one for one in expected), "and disturbances,"
    assert any("perturbed" not in one for one in expected), "and what has neither"
    for name in ("six", "killed", "shards"):
        assert lines(folders[name]) == expected, name
        for file in ("g.hdf5", "g_failed.hdf5"):
            assert contents(folders[name] / file) == contents(folders["one"] / file), (name, file)
    reasons = [one["reason"] for one in expected if one["reason"].startswith("every subtask signal came")]
    assert all(re.search(r": (red_cube|the fingers) .* (mm|m/s)", reason) for reason in reasons)
