"""Rendering for real: recorded states, Newton's ray tracer, files, in a Kit application."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen import simulation
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.progress import End, Progress, State
from mimicgen.datagen.rendering.images import MILLIMETRES, Frame, colour_of, decode_normals, read_image
from mimicgen.datagen.rendering.views import View, views_of
from tests.conftest import PROJECT, Kit

MakeConfig = Callable[..., RunConfig]
SHIPPED = PROJECT / "datasets" / "source_demos.hdf5"
CUBES = ("cube_1", "cube_2", "cube_3")
SMALL = {"source": SHIPPED, "mode": "render", "render.when": "at_end", "render.width": 320, "render.height": 176}


@contextlib.asynccontextmanager
async def unannounced(name: str) -> AsyncIterator[Callable[[str], None]]:
    yield lambda note: None


@pytest.fixture(scope="module")
def viewer(kit_application: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, tuple[View, ...]]]:
    """The shipped demonstrations, open to be drawn, with the views."""
    from mimicgen.datagen.config import build

    folder = tmp_path_factory.mktemp("viewer")
    modalities = {"render.modalities": ["normals", "segmentation", "depth"], "render.videos": []}
    config = build(SMALL | modalities | {"output_dataset": folder / "none.hdf5", "output_dir": folder})
    opened = simulation.open_simulation(config, Outputs(config), unannounced)
    found = kit_application.run(opened.__aenter__())
    yield found, views_of(config.render)
    kit_application.run(opened.__aexit__(None, None, None))


def draw(kit: Kit, viewer: Any, demo: str, step: int) -> Frame:
    frame: Frame = kit.run(viewer.renderer.draw(viewer.states(demo).at(step)))
    return frame


def test_pixels_are_where_the_recorded_cubes_are(kit: Kit, viewer: tuple[Any, tuple[View, ...]]) -> None:
    """In three demonstrations, both cameras: the pixel of a cube's middle is the cube's, unless depth says hidden."""
    simulated, views = viewer
    seen = {(view.name, cube): 0 for view in views for cube in CUBES}
    hidden = 0
    for demo in simulated.demos[:3]:
        states = simulated.states(demo)
        for step in (0, len(states) // 2, len(states) - 1):
            state = states.at(step)
            frame = draw(kit, simulated, demo, step)
            for view in views:
                images = frame[view.name]
                for cube in CUBES:
                    middle = state["rigid_object"][cube]["root_pose"][0, :3].astype(float)
                    (pixel,), (distance,) = view.project(middle[None])
                    column, row = int(pixel[0]), int(pixel[1])
                    if not (0 <= column < view.size[1] and 0 <= row < view.size[0]):
                        continue
                    surface = images["depth"][row, column] / MILLIMETRES
                    assert surface < distance
                    if surface < distance - 0.0467 / 2 * np.sqrt(3):  # in front of any point of the cube
                        hidden += 1
                        continue
                    assert tuple(images["segmentation"][row, column]) == colour_of(cube), (demo, step, view.name, cube)
                    seen[view.name, cube] += 1
    assert all(count >= 3 for count in seen.values()), seen
    assert hidden < sum(seen.values())


def test_the_table_top_points_up(kit: Kit, viewer: tuple[Any, tuple[View, ...]]) -> None:
    simulated, views = viewer
    frame = draw(kit, simulated, simulated.demos[0], 0)
    for view in views:
        images = frame[view.name]
        table = np.all(images["segmentation"] == colour_of("table"), axis=-1)
        # The table's sides have its colour, too: its top is what lies inside of its rim.
        rows, columns = np.nonzero(table)
        rays = view.directions()[rows, columns]
        depth = images["depth"][rows, columns] / MILLIMETRES
        points = view.position + rays * (depth / (rays @ view.forward))[:, None]
        top = np.all(np.abs(points[:, :2] - (0.5, 0.0)) < (0.44, 0.64), axis=-1)
        assert top.mean() > 0.8
        np.testing.assert_allclose(points[top, 2], 0.0203 - 0.0467 / 2, atol=0.004)
        normals = decode_normals(images["normals"])[rows[top], columns[top]]
        angles = np.degrees(np.arccos(np.clip(normals[:, 2], -1.0, 1.0)))
        assert angles.max() < 1.0


def test_the_hand_is_where_it_was_recorded(kit: Kit, viewer: tuple[Any, tuple[View, ...]]) -> None:
    """The robot is drawn in the recorded pose: its hand is seen around the recorded end effector."""
    simulated, views = viewer
    demo = simulated.demos[0]
    with h5py.File(SHIPPED) as file:
        hands = file["data"][demo]["obs/datagen_info/eef_pose/franka"][:, :3, 3].astype(float)
    view = views[1]  # sees the hand all the time
    for step in (0, 60, 120, 180):
        image = draw(kit, simulated, demo, step)[view.name]["segmentation"]
        (pixel,), _ = view.project(hands[step][None])
        column, row = int(pixel[0]), int(pixel[1])
        around = image[row - 12 : row + 4, column - 6 : column + 7].reshape(-1, 3)
        assert np.all(around == colour_of("robot"), axis=-1).mean() > 0.2


def test_rendering_again_or_every_ray_gives_the_same_bytes(kit: Kit, viewer: tuple[Any, tuple[View, ...]]) -> None:
    from mimicgen.datagen.simulation.raytracer import Raytracer

    simulated, views = viewer
    import omni.kit.app  # noqa: F401 -- the stage belongs to the Kit application
    from isaaclab.sim import SimulationContext

    modalities = ("normals", "segmentation", "depth")
    every_ray = Raytracer(SimulationContext.instance().stage, views, modalities, device="cpu", every_ray=True)
    try:
        demo = simulated.demos[1]
        for step in (0, 50, 100, 150):
            first, other = draw(kit, simulated, demo, step), draw(kit, simulated, simulated.demos[0], 3)
            again = draw(kit, simulated, demo, step)
            whole: Frame = kit.run(every_ray.draw(simulated.states(demo).at(step)))
            for view in views:
                for name in modalities:
                    np.testing.assert_array_equal(first[view.name][name], again[view.name][name])
                    np.testing.assert_array_equal(first[view.name][name], whole[view.name][name])
            assert any(not np.array_equal(first[view.name]["depth"], other[view.name]["depth"]) for view in views)
    finally:
        every_ray.close()


async def until(kit: Kit, condition: Callable[[Progress], bool]) -> None:
    while not condition(kit.session.progress):
        await kit.app.next_update_async()


def run_to_end(kit: Kit, config: RunConfig) -> End:
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


def test_a_class_that_no_camera_sees_fails_the_rendering_loudly(kit: Kit, make_config: MakeConfig) -> None:
    away = {"render.cameras.table_cam.position": [1.0, 0.0, 5.0], "render.views": ["table_cam"], "render.every": 100}
    config = make_config(**SMALL, **away, **{"render.demos": ["0"], "render.videos": []})
    end = run_to_end(kit, config)
    assert end.exit_code == 1
    assert "the frames of 1 demonstrations are not right (demo_0: no frame shows cube_1" in end.reason
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
