"""A run that renders is killed: nothing that was told is lost, and nothing is taken for complete that is not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from tests.conftest import PROJECT
from tests.rendering.writing import processes
from tests.session.killed import MODALITIES, STEPS, job
from tests.session.known import stripes

KILLS = int(os.environ.get("RENDER_KILLS", "3"))
DEMOS = int(os.environ.get("KILL_DEMOS", "8"))


def start(folder: Path, form: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'exts' / 'mimicgen.datagen'}"}
    command = [sys.executable, "-m", "tests.session.killed", str(folder), str(DEMOS), form]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=PROJECT)


def kill(process: subprocess.Popen[str], *, encoders: bool) -> None:
    """Kill a run, and at once what encodes for it, as a machine without power or memory does; else that ends itself."""
    children = processes(process.pid) if encoders else []
    for child in children:
        os.kill(child, signal.SIGSTOP)
    process.send_signal(signal.SIGKILL)
    for child in children:
        os.kill(child, signal.SIGKILL)


def folder_of(folder: Path, demo: str, modality: str) -> Path:
    return folder / "o" / f"table_cam_{modality}" / demo_folder(demo)


def check(folder: Path, demo: str, states: StateSequence) -> bool:
    """Check the images of a demonstration that say they are complete; return whether all say so."""
    found = [own for own in (folder_of(folder, demo, name) for name in MODALITIES) if (own / "manifest.json").is_file()]
    for own in found:
        images = WrittenImages(own)
        assert images.steps == list(range(STEPS))
        for image, pose in zip(
            images.some(0, len(images)), states.before["rigid_object"]["cube"]["root_pose"], strict=True
        ):
            np.testing.assert_array_equal(image, stripes(image, pose[0], pose[1]))
    return len(found) == len(MODALITIES)


@pytest.mark.parametrize("form", ["png", "video"])
def test_what_was_told_is_there_after_kills_at_random_moments(tmp_path: Path, form: str) -> None:
    """RENDER_KILLS=50 KILL_DEMOS=100 for the full size."""
    chance, killed, kept, rendered = random.Random(form), 0, set[str](), set[str]()
    while True:
        process = start(tmp_path, form)
        assert process.stdout is not None
        first = process.stdout.readline()
        if killed < KILLS:
            time.sleep(chance.uniform(0.0, 0.3))
            kill(process, encoders=killed % 2 == 1)
            killed += 1
        lines = (first + process.stdout.read()).split("\n")
        process.wait()
        kept |= {line.removeprefix("kept ") for line in lines[:-1] if line.startswith("kept ")}
        rendered |= {line.removeprefix("rendered ") for line in lines[:-1] if line.startswith("rendered ")}
        if any(line.startswith("ended 0 ") for line in lines[:-1]):
            break
        assert process.returncode == -signal.SIGKILL, lines
        outputs = Outputs(job(tmp_path, DEMOS, form))
        outputs.open()
        demos = set(outputs.earlier.demos)
        assert kept <= demos
        assert rendered <= {demo for demo in demos if check(tmp_path, demo, outputs.states(demo))}
        outputs.close()
    recorded = check_recorded(tmp_path / "g.hdf5", "known")
    assert kept <= set(recorded.names)
    assert len(recorded.names) == DEMOS
    for demo in recorded.names:
        assert check(tmp_path, demo, StateSequence.of(recorded.initial_state(demo), recorded.states(demo)))
    left = {path.name for path in (tmp_path / "o").rglob(".*") if not path.match(".contact_sheet.*.part.png")}
    assert left == set(), "no scratch files of frames, and no marks of what was not finished"
    assert killed == KILLS
