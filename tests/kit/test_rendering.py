"""Rendering for real: recorded states, the rasteriser, files, in a Kit application."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import msgspec
import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.images.pixels import read_image
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.progress import End, Progress, State
from tests.conftest import PROJECT, Kit

MakeConfig = Callable[..., Generate]
SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
MODALITIES = ("rgb", "normals", "segmentation", "depth")
SMALL = {"source": SHIPPED, "mode": "render", "render.when": "at_end", "render.width": 160, "render.height": 88}


async def until(kit: Kit, condition: Callable[[Progress], bool]) -> None:
    while not condition(kit.session.progress):
        await kit.app.next_update_async()


def run_to_end(kit: Kit, config: Generate) -> End:
    kit.session.start(config)
    end: End = kit.run(kit.session.finished())
    return end


def test_a_run_renders_what_it_keeps(kit: Kit, make_config: MakeConfig) -> None:
    render = {"render.when": "after_each", "render.width": 64, "render.height": 48, "render.every": 60}
    config = make_config(**render, source=SHIPPED, num_trials=2, num_envs=2, guarantee=True)
    seen: list[Progress] = []
    unsubscribe = kit.session.subscribe(seen.append)
    end = run_to_end(kit, config)
    unsubscribe()
    assert (end.exit_code, kit.session.state) == (0, State.DONE), end
    assert [progress.last_rendered for progress in seen if progress.last_rendered] == ["demo_0", "demo_1"]
    with h5py.File(config.output_dataset) as file:
        lengths = {name: len(file["data"][name]["actions"]) for name in file["data"]}
    for view in ("table_cam", "table_high_cam"):
        for modality in ("normals", "segmentation"):
            for number, demo in enumerate(("demo_0", "demo_1")):
                folder = config.output_dir / f"{view}_{modality}" / f"demo_{number:06d}"
                manifest = json.loads((folder / "manifest.json").read_text())
                assert manifest["steps"] == lengths[demo]
                files = [entry["file"] for entry in manifest["frames"]]
                assert files == [f"{step:04d}.png" for step in range(0, lengths[demo], 60)]
                assert {read_image(folder / name).shape for name in files} == {(48, 64, 3)}
        assert (config.output_dir / f"{view}_shaded" / "demo_000001.mp4").stat().st_size > 1000
    assert (config.output_dir / "contact_sheet.png").is_file()
    rendering = json.loads((config.output_dir / "run.json").read_text())["rendering"]
    assert (rendering["complete"], rendering["failed"]) == (2, {})
    latest = [progress.drawing.latest for progress in seen if progress.drawing and progress.drawing.latest]
    assert all(path.is_file() for path in latest)


def test_pause_stop_and_finish_later(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(**SMALL, **{"render.demos": ["0-1"], "render.every": 10, "render.videos": []})

    async def interrupted() -> None:
        session = kit.session
        session.start(config)
        await until(kit, lambda progress: progress.drawing is not None and progress.drawing.frames >= 3)
        session.pause()
        await kit.app.next_update_async()
        drawing = session.progress.drawing
        for _ in range(20):
            await kit.app.next_update_async()
        assert session.progress.drawing == drawing
        session.resume()
        await until(kit, lambda progress: progress.drawing is not None and progress.drawing.demo == "demo_1")
        session.stop()
        await session.finished()

    kit.run(interrupted())
    assert kit.session.progress.end.exit_code == 130
    manifests = sorted(path.parent.name for path in config.output_dir.glob("table_cam_normals/*/manifest.json"))
    assert manifests == ["demo_000000"]
    done = (config.output_dir / "table_cam_normals/demo_000000/0000.png").stat().st_mtime_ns
    assert run_to_end(kit, config).exit_code == 0
    manifests = sorted(path.parent.name for path in config.output_dir.glob("table_cam_normals/*/manifest.json"))
    assert manifests == ["demo_000000", "demo_000001"]
    assert (config.output_dir / "table_cam_normals/demo_000000/0000.png").stat().st_mtime_ns == done


def test_a_camera_that_sees_nothing_fails_the_rendering_loudly(kit: Kit, make_config: MakeConfig) -> None:
    away = {"render.cameras.table_cam.position": [1.0, 0.0, 5.0], "render.views": ["table_cam"], "render.every": 100}
    config = make_config(**SMALL, **away, **{"render.demos": ["0"], "render.videos": []})
    end = run_to_end(kit, config)
    assert end.exit_code == 1
    assert "but the frames of 1 demonstration are not right (demo_0: the segmentation image of table_cam" in end.reason
    assert not list(config.output_dir.rglob("manifest.json"))


def folders_in(root: Path) -> list[Path]:
    """Return the folders of complete images, relative to their root."""
    return sorted(path.parent.relative_to(root) for path in root.rglob("manifest.json"))


def test_videos_without_loss_have_the_pixels_of_the_files(kit: Kit, make_config: MakeConfig, tmp_path: Path) -> None:
    """Every modality of two demonstrations; continued after a stop, what is complete stays, what is damaged goes."""
    values = {"render.modalities": MODALITIES, "render.every": 20, "render.demos": ["0-1"], "render.videos": []}
    tiny = SMALL | values | {"render.width": 64, "render.height": 48, "render.unseen": ["ground"]}
    png = make_config(**tiny, output_dir=tmp_path / "png")
    video = make_config(**tiny, output_dir=tmp_path / "video", **{"render.format": "video"})
    for config in (png, video):
        assert run_to_end(kit, config).exit_code == 0
    folders = folders_in(video.output_dir)
    assert folders == folders_in(png.output_dir)
    assert len(folders) == 2 * len(MODALITIES) * 2

    def check() -> None:
        for folder in folders:
            files, film = WrittenImages(png.output_dir / folder), WrittenImages(video.output_dir / folder)
            assert files.steps == film.steps
            np.testing.assert_array_equal(list(files.some(0, len(files))), list(film.some(0, len(film))))
            told = [json.loads((config.output_dir / folder / "manifest.json").read_text()) for config in (png, video)]
            assert [one.pop("format") for one in told] == ["png", "video"]
            assert {entry["file"] for entry in told[1].pop("frames")} == {"frames.mkv"}
            assert told[1].pop("bytes") == (video.output_dir / folder / "frames.mkv").stat().st_size
            del told[0]["frames"]
            assert told[0] == told[1]
            assert not list((video.output_dir / folder).glob("*.png"))

    check()
    cut, gone, kept = (
        video.output_dir / f"table_cam_{name}" for name in ("rgb/demo_000000", "depth/demo_000000", "rgb")
    )
    whole = kept / "demo_000001" / "frames.mkv"
    before = whole.stat().st_mtime_ns
    (cut / "frames.mkv").write_bytes((cut / "frames.mkv").read_bytes()[:-100])
    (gone / "frames.mkv").unlink()
    assert run_to_end(kit, video).exit_code == 0
    assert whole.stat().st_mtime_ns == before
    check()
    end = run_to_end(kit, msgspec.structs.replace(video, render=png.render))
    assert end.exit_code == 2
    assert "render.format = png: " in end.reason
    assert "has frames with 'video'; pass --set render.format=video, start afresh" in end.reason


@pytest.mark.parametrize("form", ["png", "video"])
def test_images_go_into_the_dataset_on_request(kit: Kit, make_config: MakeConfig, tmp_path: Path, form: str) -> None:
    dataset = tmp_path / "own.hdf5"
    shutil.copy(SHIPPED, dataset)
    tiny = {
        "render.width": 32,
        "render.height": 16,
        "render.modalities": ["segmentation", "depth"],
        "render.videos": [],
    }
    tiny["render.format"] = form
    wanted = {"render.in_dataset": True, "render.demos": ["0"], "source": dataset, "render.unseen": ["ground"]}
    config = make_config(**SMALL | tiny | wanted)
    end = run_to_end(kit, config)
    assert end.exit_code == 0, end
    with h5py.File(dataset) as file, h5py.File(SHIPPED) as before:
        images = file["data/demo_0/obs/table_high_cam_segmentation"]
        assert (images.shape, images.dtype, images.chunks) == ((209, 16, 32, 3), np.uint8, (1, 16, 32, 3))
        written = WrittenImages(config.output_dir / "table_high_cam_segmentation" / "demo_000000")
        for index in (0, 100, 208):
            np.testing.assert_array_equal(images[index], written[index])
        assert file["data/demo_0/obs/table_cam_depth"].dtype == np.uint16
        assert "table_cam_depth" not in file["data/demo_1/obs"]
        np.testing.assert_array_equal(file["data/demo_1/actions"], before["data/demo_1/actions"])
        assert dict(file.attrs) == dict(before.attrs)
