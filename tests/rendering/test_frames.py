from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import VIDEO
from mimicgen.datagen.errors import OutputError, SourceError
from mimicgen.datagen.rendering.encoding import Encoders
from mimicgen.datagen.rendering.frames import DemoFrames
from tests.hostile import snapshot
from tests.rendering.writing import MODALITIES, add, config_of, encoders_of, end, images_of

FORMATS = ("png", "video")
STEPS = range(0, 30, 5)


@pytest.fixture(scope="module")
def encoders() -> Iterator[Encoders]:
    opened = encoders_of(config_of())
    yield opened
    opened.close()


def frames_in(root: Path, form: str, **facts: Any) -> DemoFrames:
    about = {"dataset": "a.hdf5", **facts}
    return DemoFrames(root, "demo_12", config_of(format=form), about, {"cube_1": (255, 36, 66)})


def finished(root: Path, form: str, encoders: Encoders, **facts: Any) -> DemoFrames:
    """Folders with a few steps, complete."""
    frames = frames_in(root, form, **facts)
    frames.begin()
    add(frames, config_of(), STEPS, encoders)
    end(frames, encoders)
    frames.finish()
    return frames


@pytest.mark.parametrize("form", FORMATS)
def test_files_are_joined_to_demonstration_and_step(tmp_path: Path, encoders: Encoders, form: str) -> None:
    render, frames = config_of(), frames_in(tmp_path, form)
    frames.begin()
    assert not frames.complete()
    add(frames, render, STEPS, encoders)
    end(frames, encoders)
    assert not frames.complete()
    with pytest.raises(SourceError, match=r"no manifest\.json that says what they are; render them again"):
        frames.written()
    frames.finish()
    assert frames.complete()
    given = images_of(render, STEPS)
    for view in views_of(render):
        for modality in MODALITIES:
            folder = tmp_path / f"{view.name}_{modality}" / "demo_000012"
            manifest = json.loads((folder / "manifest.json").read_text())
            assert (manifest["demo"], manifest["view"], manifest["modality"]) == ("demo_12", view.name, modality)
            assert [entry["step"] for entry in manifest["frames"]] == list(STEPS)
            assert manifest.get("units_per_metre") == (1000.0 if modality == "depth" else None)
            images = WrittenImages(folder)
            assert images.steps == list(STEPS)
            np.testing.assert_array_equal(list(images.some(0, len(images))), given[view.name][modality])
            names = {entry["file"] for entry in manifest["frames"]}
            assert names == ({VIDEO} if form == "video" else {f"{step:04d}.png" for step in STEPS})
            labelled = {"labels.json"} if modality == "segmentation" else set()
            assert {path.name for path in folder.iterdir()} == names | labelled | {"manifest.json"}
    labels = json.loads((tmp_path / "table_cam_segmentation" / "demo_000012" / "labels.json").read_text())
    assert labels["cube_1"] == [255, 36, 66]


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_left_half_done_is_made_anew_and_something_else_is_refused(
    tmp_path: Path, encoders: Encoders, form: str
) -> None:
    first = frames_in(tmp_path, form)
    first.begin()
    add(first, config_of(), [7], encoders)
    first.end(encoders, whole=False)
    while not first.is_written():
        pass
    assert form == "png" or not [path for path in tmp_path.rglob("*") if path.suffix == ".mkv"]
    again = frames_in(tmp_path, form)
    assert not again.complete()
    again.begin()
    assert not list(tmp_path.rglob("*.png"))
    add(again, config_of(), [0], encoders)
    end(again, encoders)
    again.finish()
    with pytest.raises(OutputError, match=r"something else \(dataset = 'a\.hdf5', now 'b\.hdf5'\).*--fresh"):
        frames_in(tmp_path, form, dataset="b.hdf5").complete()


def test_frames_of_one_format_are_not_those_of_the_other(tmp_path: Path, encoders: Encoders) -> None:
    finished(tmp_path, "png", encoders)
    with pytest.raises(OutputError, match=r"something else \(format = 'png', now 'video'\).*--fresh"):
        frames_in(tmp_path, "video").complete()
    for path in tmp_path.rglob("manifest.json"):  # as an earlier version wrote it
        told = json.loads(path.read_text())
        del told["format"]
        path.write_text(json.dumps(told))
    assert frames_in(tmp_path, "png").complete()
    with pytest.raises(OutputError, match="format = 'png', now 'video'"):
        frames_in(tmp_path, "video").complete()


def cut(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("form", "damage"),
    [
        ("png", lambda folder: (folder / "0005.png").unlink()),
        ("png", lambda folder: cut(folder / "0005.png", 0)),
        ("png", lambda folder: cut(folder / "0005.png", -20)),
        ("video", lambda folder: (folder / VIDEO).unlink()),
        ("video", lambda folder: cut(folder / VIDEO, 0)),
        ("video", lambda folder: cut(folder / VIDEO, -1)),
        ("video", lambda folder: edit(folder / "manifest.json", bytes=None)),
        *((form, lambda folder: (folder / "labels.json").write_text("{")) for form in FORMATS),
        *((form, lambda folder: (folder / "manifest.json").unlink()) for form in FORMATS),
        *((form, lambda folder: edit(folder / "manifest.json", frames=["0000.png"])) for form in FORMATS),
        *((form, lambda folder: edit(folder / "manifest.json", frames=[])) for form in FORMATS),
        *(
            (form, lambda folder: edit(folder / "manifest.json", frames=[{"step": 0, "file": "../../../a.png"}]))
            for form in FORMATS
        ),
    ],
)
def test_images_that_are_missing_or_cut_are_noticed_and_made_again(
    tmp_path: Path, encoders: Encoders, form: str, damage: Callable[[Path], object]
) -> None:
    frames = finished(tmp_path, form, encoders)
    assert frames.complete()
    folder = frames.folder("table_cam", "segmentation")
    damage(folder)
    assert not frames.complete()
    if (folder / "manifest.json").exists():
        assert finished(tmp_path, form, encoders).complete()


@pytest.mark.parametrize("form", FORMATS)
def test_what_lies_beside_the_frames_stays(tmp_path: Path, encoders: Encoders, form: str) -> None:
    frames = finished(tmp_path, form, encoders)
    folder = frames.folder("table_cam", "segmentation")
    (folder / "thesis.txt").write_text("mine")
    (folder / "more").mkdir()
    (folder / (VIDEO if form == "video" else "0000.png")).unlink()
    finished(tmp_path, form, encoders)
    assert (folder / "thesis.txt").read_text() == "mine"
    assert (folder / "more").is_dir()


def test_a_folder_of_somebody_else_is_refused_and_stays(tmp_path: Path) -> None:
    frames = frames_in(tmp_path, "png")
    folder = frames.folder("table_cam", "depth")
    folder.mkdir(parents=True)
    (folder / "0000.png").write_bytes(b"a photograph")
    before = snapshot(tmp_path)
    with pytest.raises(
        OutputError, match=r"table_cam_depth/demo_000012' exists, and no rendering made it; move it away"
    ):
        frames.begin()
    assert {path: before[path] for path in before} == {path: snapshot(tmp_path)[path] for path in before}


def test_a_missing_video_to_look_at_is_made_of_the_frames_that_are_there(tmp_path: Path, encoders: Encoders) -> None:
    render = config_of(videos=("shaded", "depth"))

    def made(*, only_videos: bool) -> DemoFrames:
        frames = DemoFrames(tmp_path, "demo_12", render, {"dataset": "a.hdf5"}, {"cube_1": (255, 36, 66)})
        assert frames.complete() == only_videos
        assert frames.lacks_videos()
        frames.begin(only_videos=only_videos)
        add(frames, render, STEPS, encoders)
        end(frames, encoders)
        frames.finish()
        assert frames.complete()
        assert not frames.lacks_videos()
        return frames

    made(only_videos=False)
    videos = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.mp4"))
    names = (f"{view.name}_{kind}/demo_000012.mp4" for view in views_of(render) for kind in render.videos)
    assert videos == sorted(map(Path, names))
    before = snapshot(tmp_path / "table_cam_normals")
    (tmp_path / videos[0]).unlink()
    (tmp_path / videos[1]).write_bytes(b"")
    kept = (tmp_path / videos[2]).stat().st_ino
    made(only_videos=True)
    assert snapshot(tmp_path / "table_cam_normals") == before
    assert (tmp_path / videos[2]).stat().st_ino == kept


def test_folders_sort_as_demonstrations_do() -> None:
    names = ("demo_2", "demo_10", "special", "demo_01", "demo_²", "demo_٣", "demo_1234567")
    folders = ["demo_000002", "demo_000010", "special", "demo_01", "demo_²", "demo_٣", "demo_1234567"]
    assert [demo_folder(name) for name in names] == folders
