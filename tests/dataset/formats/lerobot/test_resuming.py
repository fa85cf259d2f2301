"""An export that is killed, and continued: the same bytes as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.dataset.formats.making import export, rendered, some_demos
from tests.hostile import snapshot

KILLS = 4

MARK = ".mimicgen.datagen-unfinished"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    dataset = some_demos(folder / "demos.hdf5", 4)
    rendered(folder, dataset, cameras=("front",))
    return dataset


@pytest.mark.parametrize("kind", ["lerobot", "gr00t"])
def test_killed_and_continued(kind: str, dataset: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    export(dataset, "--output", tmp_path / "whole", kind=kind)
    whole, seconds = snapshot(tmp_path / "whole"), time.monotonic() - began
    output = tmp_path / "killed"
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "export", kind, str(dataset), "--output", str(output)]
    chance = random.Random(1)
    unfinished = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
        while not (output / MARK).exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(seconds * chance.uniform(0.0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        unfinished += (output / MARK).exists()
        for path in output.rglob("*.parquet"):
            if ".part." not in path.name:
                pq.read_metadata(path)  # has a footer
        if output.exists() and not (output / MARK).exists():
            break
    if not output.exists() or (output / MARK).exists():
        export(dataset, "--output", output, kind=kind)
    assert snapshot(output) == whole
    assert unfinished
    assert "exists" in export(dataset, "--output", output, kind=kind, code=2)


def test_an_export_of_something_else_is_not_continued(dataset: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / MARK).write_text("another")
    before = snapshot(tmp_path)
    assert "something else" in export(dataset, "--output", output, code=2)
    assert snapshot(tmp_path) == before
