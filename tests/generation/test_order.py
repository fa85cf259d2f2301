"""Attempts are functions of the run's seed and their numbers: any number of environments, any kills, the same data.

ATTEMPTS=60 for the full size.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import PROJECT

ATTEMPTS = int(os.environ.get("ATTEMPTS", "4"))

RUN = """
import asyncio, sys
from pathlib import Path
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.config.layers import read_toml
from mimicgen.datagen.session import Session
source, folder, num_envs, attempts = sys.argv[1:]
config = build(read_toml(Path("config/upstream.toml")), {
    "source": source, "output_dataset": folder + "/g.hdf5", "output_dir": folder, "num_envs": num_envs, "seed": 77,
    "num_trials": attempts, "guarantee": False, "keep_failed": True, "render.when": "never", "report": False})

async def main():
    session = Session(lambda: asyncio.sleep(0), opening.open_simulation)
    session.start(config)
    return await session.finished()

end = asyncio.run(main())
assert end.reason == "target reached", end
"""


def start(source: Path, folder: Path, num_envs: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "exts" / "mimicgen.datagen")}
    command = [sys.executable, "-c", RUN, str(source), str(folder), str(num_envs), str(ATTEMPTS)]
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def whole(source: Path, folder: Path, num_envs: int) -> Path:
    assert start(source, folder, num_envs).wait(600) == 0
    return folder


def killed_twice(source: Path, folder: Path, num_envs: int) -> Path:
    """Killed when it has committed something, and again when it has committed more."""
    committed = 0
    for _ in range(2):
        process = start(source, folder, num_envs)
        deadline = time.monotonic() + 300
        while len(lines(folder)) <= committed and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        committed = len(lines(folder))
    assert committed > 0
    return whole(source, folder, num_envs)


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
def test_outcomes_and_contents_are_the_same_with_1_6_and_16_environments_and_after_kills(
    human_demos: Path, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("one", "six", "killed")}
    for folder in folders.values():
        folder.mkdir()
    whole(human_demos, folders["one"], 1)
    whole(human_demos, folders["six"], 6)
    killed_twice(human_demos, folders["killed"], 16 if ATTEMPTS > 16 else 3)
    expected = lines(folders["one"])
    assert [one["number"] for one in expected] == list(range(1, ATTEMPTS + 1))
    assert {one["outcome"] for one in expected} == {"success", "failure"}, "both are compared"
    for name in ("six", "killed"):
        assert lines(folders[name]) == expected, name
        for file in ("g.hdf5", "g_failed.hdf5"):
            assert contents(folders[name] / file) == contents(folders["one"] / file), (name, file)
    reasons = [one["reason"] for one in expected if one["reason"].startswith("every subtask signal came")]
    assert all(re.search(r": (cube_\d|the fingers) .* (mm|m/s)", reason) for reason in reasons)
