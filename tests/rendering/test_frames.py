from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimicgen.datagen.dataset.images.pixels import read_image
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.outputs.writers import QUEUE, Writers
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering.frames import DemoFrames
from mimicgen.datagen.tasks.defaults import build
from tests.hostile import snapshot

MODALITIES = ("segmentation", "depth")
VIEWS = views_of(build({"render.width": 32, "render.height": 16}).render)


def frames_in(root: Path, **facts: Any) -> DemoFrames:
    return DemoFrames(root, "demo_12", VIEWS, MODALITIES, {"dataset": "a.hdf5", **facts}, {"cube_1": (255, 36, 66)})


def frame(step: int) -> dict[str, dict[str, Any]]:
    random = np.random.default_rng(step)
    return {
        view.name: {
            "segmentation": random.integers(0, 255, (16, 32, 3), dtype=np.uint8),
            "depth": random.integers(0, 65535, (16, 32), dtype=np.uint16),
        }
        for view in VIEWS
    }


def drained(writers: Writers) -> None:
    while not writers.idle:
        time.sleep(0.001)


def test_files_are_joined_to_demonstration_and_step(tmp_path: Path) -> None:
    writers = Writers(threads=2)
    frames = frames_in(tmp_path)
    frames.begin()
    assert not frames.complete()
    for step in (0, 5, 10):
        frames.add(step, frame(step), writers)
    drained(writers)
    assert not frames.complete()
    frames.finish()
    writers.close()
    assert frames.complete()
    for view in VIEWS:
        for modality in MODALITIES:
            folder = tmp_path / f"{view.name}_{modality}" / "demo_000012"
            manifest = json.loads((folder / "manifest.json").read_text())
            assert (manifest["demo"], manifest["view"], manifest["modality"]) == ("demo_12", view.name, modality)
            assert [entry["step"] for entry in manifest["frames"]] == [0, 5, 10]
            for entry in manifest["frames"]:
                np.testing.assert_array_equal(
                    read_image(folder / entry["file"]), frame(entry["step"])[view.name][modality]
                )
            assert ("labels.json" in {path.name for path in folder.iterdir()}) == (modality == "segmentation")
            assert manifest.get("units_per_metre") == (1000.0 if modality == "depth" else None)
    labels = json.loads((tmp_path / "table_cam_segmentation" / "demo_000012" / "labels.json").read_text())
    assert labels["cube_1"] == [255, 36, 66]


def test_what_was_left_half_done_is_made_anew_and_something_else_is_refused(tmp_path: Path) -> None:
    writers = Writers(threads=1)
    first = frames_in(tmp_path)
    first.begin()
    first.add(7, frame(7), writers)
    drained(writers)
    again = frames_in(tmp_path)
    assert not again.complete()
    again.begin()
    assert not list(tmp_path.rglob("*.png"))
    again.add(0, frame(0), writers)
    drained(writers)
    again.finish()
    writers.close()
    with pytest.raises(OutputError, match=r"something else \(dataset = 'a\.hdf5', now 'b\.hdf5'\).*--fresh"):
        frames_in(tmp_path, dataset="b.hdf5").complete()


def finished(root: Path) -> DemoFrames:
    """Folders with two steps, complete."""
    frames, writers = frames_in(root), Writers(threads=1)
    frames.begin()
    for step in (0, 1):
        frames.add(step, frame(step), writers)
    drained(writers)
    writers.close()
    frames.finish()
    return frames


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "0001.png").unlink(),
        lambda folder: (folder / "0001.png").write_bytes(b""),
        lambda folder: (folder / "0001.png").write_bytes((folder / "0001.png").read_bytes()[:-20]),
        lambda folder: (folder / "labels.json").write_text("{"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: edit(folder / "manifest.json", frames=["0000.png"]),
        lambda folder: edit(folder / "manifest.json", frames=[{"step": 0, "file": "../../../elsewhere.png"}]),
    ],
)
def test_images_that_are_missing_or_cut_are_noticed_and_made_again(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    frames = finished(tmp_path)
    assert frames.complete()
    folder = frames.folder("table_cam", "segmentation")
    damage(folder)
    assert not frames.complete()
    if (folder / "manifest.json").exists():
        assert finished(tmp_path).complete()


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_lies_beside_the_frames_stays(tmp_path: Path) -> None:
    frames = finished(tmp_path)
    folder = frames.folder("table_cam", "segmentation")
    (folder / "thesis.txt").write_text("mine")
    (folder / "more").mkdir()
    (folder / "0000.png").unlink()
    finished(tmp_path)
    assert (folder / "thesis.txt").read_text() == "mine"
    assert (folder / "more").is_dir()


def test_a_folder_of_somebody_else_is_refused_and_stays(tmp_path: Path) -> None:
    frames = frames_in(tmp_path)
    folder = frames.folder("table_cam", "depth")
    folder.mkdir(parents=True)
    (folder / "0000.png").write_bytes(b"a photograph")
    before = snapshot(tmp_path)
    with pytest.raises(
        OutputError, match=r"table_cam_depth/demo_000012' exists, and no rendering made it; move it away"
    ):
        frames.begin()
    assert {path: before[path] for path in before} == {path: snapshot(tmp_path)[path] for path in before}


def test_the_queue_is_bounded_and_nothing_is_dropped() -> None:
    writers, gate, done = Writers(threads=2), threading.Event(), []

    def write(number: int) -> None:
        gate.wait()
        done.append(number)

    submitted = 0
    while not writers.full:
        writers.submit(write, submitted)
        submitted += 1
    assert submitted == QUEUE
    assert done == []
    gate.set()
    drained(writers)
    writers.close()
    assert sorted(done) == list(range(QUEUE))


def test_a_full_disk_is_an_error_with_the_file_and_the_remedy(tmp_path: Path) -> None:
    code = f"""
import resource, signal, time
from pathlib import Path
from tests.rendering.test_frames import Writers, OutputError, frame, frames_in
frames, writers = frames_in(Path({str(tmp_path)!r})), Writers(threads=2)
frames.begin()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
frames.add(0, frame(0), writers)
try:
    while not writers.idle:
        time.sleep(0.001)
except OutputError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "File too large" in told
    assert "choose a place with room" in told


def test_folders_sort_as_demonstrations_do() -> None:
    names = ("demo_2", "demo_10", "special", "demo_01", "demo_²", "demo_٣", "demo_1234567")
    folders = ["demo_000002", "demo_000010", "special", "demo_01", "demo_²", "demo_٣", "demo_1234567"]
    assert [demo_folder(name) for name in names] == folders
