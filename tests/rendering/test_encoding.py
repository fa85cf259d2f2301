"""What the processes write equals what they were given, whatever happens to them."""

from __future__ import annotations

import gc
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering import encoding
from mimicgen.datagen.rendering.encoder import End, Frames, Images
from mimicgen.datagen.rendering.encoding import FEWEST, WAITING, Encoders
from mimicgen.datagen.rendering.frames import DemoFrames
from tests.conftest import PROJECT
from tests.rendering.writing import (
    BATCH,
    MODALITIES,
    VIEW,
    add,
    config_of,
    encoders_of,
    end,
    images_of,
    processes,
    room,
    running,
    wait,
)


@pytest.fixture
def encoders() -> Iterator[Encoders]:
    opened = encoders_of(config_of())
    yield opened
    opened.close()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("form", ["png", "video"])
@pytest.mark.parametrize("threads", [False, True])
def test_every_image_is_read_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, *, threads: bool
) -> None:
    """Every modality of two demonstrations, bit for bit, in processes and, where Python is embedded, in threads."""
    if threads:
        monkeypatch.setattr(encoding, "sys", SimpleNamespace(executable="/opt/kit/kit"))
    render = config_of(format=form, width=33, height=17)
    encoders = encoders_of(render)
    assert threads or running()
    steps = {"demo_0": range(67), "demo_1": range(3)}
    made = {demo: DemoFrames(tmp_path, demo, render, {}, {}) for demo in steps}
    for demo, frames in made.items():
        frames.begin()
        add(frames, render, steps[demo], encoders)
    for demo, frames in made.items():
        end(frames, encoders)
        frames.finish()
        given = images_of(render, steps[demo])
        for (view, modality), images in frames.written().items():
            np.testing.assert_array_equal(list(images.some(0, len(images))), given[view][modality])
            for index in (len(images) - 1, 0, len(images) // 2):
                np.testing.assert_array_equal(images[index], given[view][modality][index])
    encoders.close()


def test_there_is_no_room_until_something_is_made_and_nothing_is_dropped(tmp_path: Path, encoders: Encoders) -> None:
    started = running()
    for one in started:
        os.kill(one, signal.SIGSTOP)
    render, taken = config_of(), 0
    while (batch := encoders.free()) is not None:
        batch.frames[VIEW]["rgb"][:] = images_of(render, range(taken, taken + BATCH))[VIEW]["rgb"]
        paths = tuple(tmp_path / f"{step}.png" for step in range(taken, taken + BATCH))
        encoders.submit(Images(paths, batch.where(VIEW, "rgb", BATCH)), batch)
        taken += BATCH
    assert taken == max(WAITING * BATCH, FEWEST)
    assert encoders.free() is None
    assert files(tmp_path) == []
    for one in started:
        os.kill(one, signal.SIGCONT)
    wait(encoders)
    assert processes(os.getpid()) == started
    assert len(files(tmp_path)) == taken
    assert encoders.free() is not None


def test_a_file_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path, encoders: Encoders) -> None:
    batch = room(encoders)
    encoders.submit(Images((tmp_path / "missing" / "0000.png",), batch.where(VIEW, "rgb", 1)), batch)
    with pytest.raises(OutputError, match=r"missing/0000\.png': No such file or directory; choose a place with room"):
        wait(encoders)


def test_a_video_whose_place_is_taken_is_named(tmp_path: Path, encoders: Encoders) -> None:
    batch = room(encoders)
    (tmp_path / "frames.mkv").write_bytes(b"a holiday")
    encoders.share_out({tmp_path / "frames.mkv": "rgb"})
    encoders.submit(Frames(tmp_path / "frames.mkv", "rgb", {"rgb": batch.where(VIEW, "rgb", 2)}), batch)
    with pytest.raises(OutputError, match=r"frames\.mkv' exists; remove it"):
        wait(encoders)
    assert files(tmp_path) == ["frames.mkv"]


def test_a_process_that_is_killed_is_told(tmp_path: Path, encoders: Encoders) -> None:
    batch = room(encoders)
    encoders.share_out({tmp_path / "frames.mkv": "rgb"})
    encoders.submit(Frames(tmp_path / "frames.mkv", "rgb", {"rgb": batch.where(VIEW, "rgb", 2)}), batch)
    wait(encoders)
    for process in running():
        os.kill(process, signal.SIGKILL)
    encoders.submit(End(tmp_path / "frames.mkv"), batch)
    with pytest.raises(OutputError, match=r"the process that encodes them has ended .* run this again"):
        wait(encoders)
    assert "frames.mkv" not in files(tmp_path)


def test_a_process_that_is_killed_while_it_works_is_told(tmp_path: Path, encoders: Encoders) -> None:
    for process in running():
        os.kill(process, signal.SIGSTOP)
    batch = room(encoders)
    encoders.submit(Images((tmp_path / "0000.png",), batch.where(VIEW, "rgb", 1)), batch)
    time.sleep(0.05)
    for process in running():
        os.kill(process, signal.SIGKILL)
    with pytest.raises(OutputError, match="the process that encodes them has ended"):
        wait(encoders)


def test_closing_leaves_no_process_no_scratch_file_and_no_memory(tmp_path: Path) -> None:
    def shared() -> list[str]:
        links = (f"/proc/self/fd/{one}" for one in os.listdir("/proc/self/fd"))
        return [
            own for own in (os.readlink(link) for link in links if os.path.lexists(link)) if "memfd:mimicgen" in own
        ]

    gc.collect()
    before = len(shared())
    encoders = encoders_of(config_of())
    assert len(shared()) > before
    names = ("frames.mkv", "shaded.mp4", "begun.mkv")
    encoders.share_out({tmp_path / name: "rgb" for name in names})
    for name in names:
        batch = room(encoders)
        encoders.submit(Frames(tmp_path / name, "rgb", {"rgb": batch.where(VIEW, "rgb", 2)}), batch)
    encoders.submit(End(tmp_path / "begun.mkv", whole=False))
    while not files(tmp_path):
        time.sleep(0.001)
    encoders.close()
    assert processes(os.getpid()) == []
    assert files(tmp_path) == []
    del encoders, batch
    gc.collect()
    assert len(shared()) == before


def test_encoders_end_with_what_started_them(tmp_path: Path) -> None:
    """Nothing is left of a video when the run is killed: the process notices, and ends."""
    code = f"""
import os, signal
from pathlib import Path
from mimicgen.datagen.rendering.encoder import Frames
from tests.rendering.writing import VIEW, config_of, encoders_of, processes, room, wait
encoders, path = encoders_of(config_of()), Path({str(tmp_path)!r}) / "frames.mkv"
batch = room(encoders)
encoders.share_out({{path: "rgb"}})
encoders.submit(Frames(path, "rgb", {{"rgb": batch.where(VIEW, "rgb", 2)}}), batch)
wait(encoders)
print(*processes(os.getpid()), len(list(path.parent.iterdir())), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False)
    *children, count = map(int, ended.stdout.split())
    assert (ended.returncode, count) == (-signal.SIGKILL, 1)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{child}/cmdline").exists() for child in children) and time.monotonic() < until:
        time.sleep(0.01)
    assert files(tmp_path) == []


def written(frames: DemoFrames, render: RenderConfig, encoders: Encoders) -> None:
    add(frames, render, range(60), encoders)
    end(frames, encoders)


@pytest.mark.parametrize("form", ["png", "video"])
def test_a_full_disk_is_an_error_with_the_file_and_the_remedy(tmp_path: Path, form: str) -> None:
    render = config_of(format=form)
    encoders, frames = encoders_of(render), DemoFrames(tmp_path, "demo_0", render, {}, {})
    frames.begin()
    for process in running():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (600, 600))
    with pytest.raises(OutputError, match="File too large; choose a place with room") as told:
        written(frames, render, encoders)
    encoders.close()
    assert str(tmp_path / "table_") in str(told.value)
    assert [file for file in files(tmp_path) if ".part" in file or file in ("frames.mkv", "manifest.json")] == []


def test_modalities_and_views_do_not_share_memory(encoders: Encoders) -> None:
    (first, second), views = encoders._batches[:2], [view.name for view in views_of(config_of())]
    arrays = [batch.frames[view][name] for batch in (first, second) for view in views for name in MODALITIES]
    for number, array in enumerate(arrays):
        array[:] = number
    assert [int(array.max()) == int(array.min()) == number for number, array in enumerate(arrays)] == [True] * 16
    assert all(np.shares_memory(array, encoders.memory) for array in arrays)


def test_videos_are_shared_out_by_what_they_were_seen_to_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that take long and four that do not: two processes get one and two, whatever the order."""
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    encoders = encoders_of(config_of())
    for film, seconds in (("rgb", 0.002), ("depth", 0.004)):
        for _ in range(100):
            encoders._took(film, seconds)
    films = {tmp_path / f"{number}.mkv": "rgb" if number % 3 else "depth" for number in range(6)}
    encoders.share_out(films)
    assert [round(line.load, 6) for line in encoders._lines] == [0.008, 0.008]
    for path in films:
        encoders.submit(End(path, whole=False))
    assert [round(line.load, 6) for line in encoders._lines] == [0.0, 0.0]
    encoders.close()


def test_what_a_video_takes_is_measured(tmp_path: Path, encoders: Encoders) -> None:
    path, batch = tmp_path / "frames.mkv", room(encoders)
    encoders.share_out({path: "rgb"})
    begin = time.perf_counter()
    encoders.submit(Frames(path, "rgb", {"rgb": batch.where(VIEW, "rgb", 2)}), batch)
    wait(encoders)
    assert 0 < encoders._seconds["rgb"] * 2 <= time.perf_counter() - begin
    encoders.submit(End(path))
    wait(encoders)
