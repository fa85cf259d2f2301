"""Rendering for real: recorded states, Newton's ray tracer, files, in a Kit application."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.images.pixels import read_image
from mimicgen.datagen.progress import End, Progress, State
from tests.conftest import PROJECT, Kit

MakeConfig = Callable[..., Generate]
SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
CUBES = ("cube_1", "cube_2", "cube_3")
SMALL = {"source": SHIPPED, "mode": "render", "render.when": "at_end", "render.width": 320, "render.height": 176}


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


def test_images_go_into_the_dataset_on_request(kit: Kit, make_config: MakeConfig, tmp_path: Path) -> None:
    dataset = tmp_path / "own.hdf5"
    shutil.copy(SHIPPED, dataset)
    tiny = {
        "render.width": 32,
        "render.height": 16,
        "render.modalities": ["segmentation", "depth"],
        "render.videos": [],
    }
    wanted = {"render.in_dataset": True, "render.demos": ["0"], "source": dataset, "render.unseen": ["ground"]}
    config = make_config(**SMALL | tiny | wanted)
    end = run_to_end(kit, config)
    assert end.exit_code == 0, end
    with h5py.File(dataset) as file, h5py.File(SHIPPED) as before:
        images = file["data/demo_0/obs/table_high_cam_segmentation"]
        assert (images.shape, images.dtype, images.chunks) == ((209, 16, 32, 3), np.uint8, (1, 16, 32, 3))
        frame = config.output_dir / "table_high_cam_segmentation" / "demo_000000" / "0100.png"
        np.testing.assert_array_equal(images[100], read_image(frame))
        assert file["data/demo_0/obs/table_cam_depth"].dtype == np.uint16
        assert "table_cam_depth" not in file["data/demo_1/obs"]
        np.testing.assert_array_equal(file["data/demo_1/actions"], before["data/demo_1/actions"])
        assert dict(file.attrs) == dict(before.attrs)
