"""Looks for real: recorded states, drawn again and again with other colours, lights, cameras and things about."""

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
from PIL import Image

from mimicgen.datagen.config.jobs import Generate, Render
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.looks import Look, draw_look
from mimicgen.datagen.dataset.images.pixels import MILLIMETRES, Frames, read_image
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.dataset.tools.split import choose
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import PROJECT, Kit
from tests.kit.runs import run_to_end

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
SIZE = {"render.width": 160, "render.height": 88}
STILL = {"render.looks.camera_position": 0, "render.looks.camera_angle": 0, "render.looks.focal_length": 0}
DEMO = "demo_0"


class Studio:
    """The shipped demonstrations' first one, and what draws it."""

    def __init__(self, viewer: Any, render: RenderConfig) -> None:
        self.render, self.renderer = render, viewer.renderer
        self.states: StateSequence = viewer.states(DEMO)
        self.room = self.renderer.room(self.states.before)

    def look(self, number: int, render: RenderConfig | None = None, *pictures: str) -> Look:
        return draw_look(render or self.render, 1, DEMO, number, self.room, pictures)

    def drawn(self, look: Look | None, *steps: int) -> Frames:
        self.renderer.put_on(look)
        batches = []
        for begin in range(0, len(steps), self.renderer.batch):
            some = steps[begin : begin + self.renderer.batch]
            frames: Frames = self.renderer.drawn(self.states.at(*some))
            batches.append(frames)
        return {
            view: {name: np.concatenate([batch[view][name] for batch in batches]) for name in own}
            for view, own in batches[0].items()
        }


@contextlib.asynccontextmanager
async def unannounced(name: str) -> AsyncIterator[Callable[[str], None]]:
    yield lambda note: None


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, and one that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.fromarray(np.tile(np.array([[[10, 200, 30], [200, 10, 220]]], np.uint8), (20, 20, 1))).save(folder / "a.png")
    (folder / "b.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def studio(kit_application: Kit, tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Studio]:
    wanted = {"render.modalities": ["rgb", "segmentation", "depth"], "render.videos": [], "render.looks.count": 8}
    about = {"source": SHIPPED, "output_dir": tmp_path_factory.mktemp("studio"), "render.looks.distractors": 6}
    config = build(SIZE | wanted | about | {"render.looks.backgrounds": pictures}, kind=Render)
    opened = opening.open_simulation(config, Outputs(config), unannounced)
    viewer = kit_application.run(opened.__aenter__())
    yield Studio(viewer, config.render)
    kit_application.run(opened.__aexit__(None, None, None))


# Runs come first: the studio, once open, is the one simulation that a process may have.


def test_a_demonstration_is_rendered_with_its_looks_and_only_missing_ones_are_drawn(
    kit: Kit, make_config: Callable[..., Generate], tmp_path: Path
) -> None:
    dataset = tmp_path / "own.hdf5"
    shutil.copy(SHIPPED, dataset)
    tiny = {"render.width": 48, "render.height": 32, "render.videos": [], "render.modalities": ["segmentation"]}
    about = {
        "source": dataset,
        "mode": "render",
        "render.when": "at_end",
        "render.demos": ["1"],
        "render.views": ["table_cam"],
    }
    wanted = tiny | about | {"render.looks.count": 2, "render.unseen": ["ground"], "render.looks.lights": 1}
    config = make_config(**wanted, **{"render.every": 50})
    assert run_to_end(kit, config).exit_code == 0
    root = config.output_dir / "table_cam_segmentation"
    folders = ["demo_000001_look_000000", "demo_000001_look_000001"]
    assert sorted(path.name for path in root.iterdir()) == folders
    told = [json.loads((root / name / "manifest.json").read_text()) for name in folders]
    assert [(own["demo"], own["parent"]) for own in told] == [("demo_1_look_0", "demo_1"), ("demo_1_look_1", "demo_1")]
    looks = [Look.from_json(own["look"]) for own in told]
    assert [look.number for look in looks] == [0, 1]
    assert looks[0].cameras["table_cam"].position == tuple(told[0]["camera"]["position"])
    assert looks[0].paints != looks[1].paints
    assert (config.output_dir / "contact_sheet.png").is_file()
    written = {path: path.stat().st_mtime_ns for path in root.rglob("*.png")}
    assert run_to_end(kit, make_config(**wanted | {"render.looks.count": 3}, **{"render.every": 50})).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert sorted(path.name for path in root.iterdir()) == [*folders, "demo_000001_look_000002"]
    other = make_config(**wanted | {"render.looks.lights": 2}, **{"render.every": 50})
    assert "look = " in run_to_end(kit, other).reason, "frames of another look are refused"


def test_looks_in_the_dataset_share_everything_but_images_with_their_parent(
    kit: Kit, make_config: Callable[..., Generate], tmp_path: Path
) -> None:
    dataset = tmp_path / "own.hdf5"
    shutil.copy(SHIPPED, dataset)
    tiny = {"render.width": 32, "render.height": 16, "render.videos": [], "render.modalities": ["depth"]}
    about = {"source": dataset, "mode": "render", "render.when": "at_end", "render.demos": ["0"]}
    wanted = {"render.in_dataset": True, "render.looks.count": 2, "render.views": ["table_cam"]}
    config = make_config(**tiny, **about, **wanted)
    assert run_to_end(kit, config).exit_code == 0
    with h5py.File(dataset) as file, h5py.File(SHIPPED) as before:
        looks = [file["data"][name] for name in ("demo_0_look_0", "demo_0_look_1")]
        parent = file["data/demo_0"]
        for own in looks:
            assert own.attrs["parent"] == "demo_0"
            assert own.attrs["num_samples"] == parent.attrs["num_samples"]
            assert "attempt" not in own.attrs
            assert own["actions"] == parent["actions"], "the array itself, not a copy"
            assert own["states/articulation/robot/joint_position"] == parent["states/articulation/robot/joint_position"]
            assert own["obs/table_cam_depth"].shape == (len(own["actions"]), 16, 32)
        assert Look.from_json(json.loads(looks[1].attrs["look"])).number == 1
        assert not np.array_equal(looks[0]["obs/table_cam_depth"][5], looks[1]["obs/table_cam_depth"][5])
        frame = config.output_dir / "table_cam_depth" / "demo_000000_look_000001" / "0005.png"
        np.testing.assert_array_equal(looks[1]["obs/table_cam_depth"][5], read_image(frame))
        assert file["data"].attrs["total"] == before["data"].attrs["total"] + 2 * len(parent["actions"])
    assert "demo_0_look_0" not in check_recorded(dataset, config.task).names, "a look is not dressed again"
    lists = choose(dataset, 0.5, 3)
    for names in lists.values():
        assert len({"demo_0", "demo_0_look_0", "demo_0_look_1"} & set(names)) in (0, 3)


def test_the_same_look_gives_the_same_bytes_and_another_one_others(studio: Studio) -> None:
    first, other, again = (studio.drawn(studio.look(number), 40)["table_cam"] for number in (0, 1, 0))
    for name, image in first.items():
        np.testing.assert_array_equal(image, again[name])
        assert not np.array_equal(image, other[name])
    room = studio.renderer.room(studio.states.before)
    np.testing.assert_array_equal(room.lowest, studio.room.lowest)
    plain = studio.drawn(None, 40)
    assert not np.array_equal(plain["table_cam"]["rgb"], first["rgb"])
    again = studio.drawn(None, 40)["table_cam"]
    np.testing.assert_array_equal(plain["table_cam"]["rgb"], again["rgb"])


def test_classes_and_depth_stay_where_no_camera_moves_and_nothing_is_put(studio: Studio) -> None:
    plain = studio.drawn(None, 0, 100)
    still = build(SIZE | STILL | {"render.looks.distractors": 0}).render
    dressed = studio.drawn(studio.look(3, still), 0, 100)
    for view, images in plain.items():
        for name in ("segmentation", "depth"):
            np.testing.assert_array_equal(images[name], dressed[view][name])
        assert (np.abs(images["rgb"].astype(int) - dressed[view]["rgb"]).sum(axis=-1) > 30).mean() > 0.3


def test_things_hide_what_is_behind_them_and_nothing_else(studio: Studio) -> None:
    plain = studio.drawn(None, 0, 100)
    still = build(SIZE | STILL | {"render.looks.distractors": 6}).render
    look = next(look for look in (studio.look(number, still) for number in range(9)) if len(look.distractors) > 3)
    seen = 0
    for view, images in studio.drawn(look, 0, 100).items():
        things = np.all(images["segmentation"] == studio.renderer.colours["distractor"], axis=-1)
        for name in ("segmentation", "depth"):
            np.testing.assert_array_equal(images[name][~things], plain[view][name][~things])
        before = plain[view]["depth"][things].astype(int)
        assert np.all((images["depth"][things] <= before) | (before == 0))
        seen += int(things.sum())
    assert seen > 20
    assert "distractor" not in studio.renderer.labels, "no demonstration has to show one"


def test_robot_and_objects_go_through_nothing_that_stands_about(studio: Studio) -> None:
    """Every sixth step, both cameras: no point of a robot's or an object's surface is inside a thing."""
    steps = range(0, len(studio.states), 6)
    frames, points = studio.drawn(None, *steps), []
    for view in views_of(studio.render):
        images = frames[view.name]
        colours = [studio.renderer.colours[name] for name in studio.renderer.labels if name not in ("table", "ground")]
        seen = np.any([np.all(images["segmentation"] == colour, axis=-1) for colour in colours], axis=0)
        rays = view.directions()
        along = images["depth"] / MILLIMETRES / (rays @ view.forward)
        points.append((view.position + rays * along[..., None])[seen])
    met = np.concatenate(points)
    assert len(met) > 5_000
    near = []
    for number in range(40):
        for thing in studio.look(number).distractors:
            away = np.hypot(*(met[:, :2] - thing.position[:2]).T) - thing.around
            within = met[:, 2] - thing.position[2] - thing.size[2] / 2
            near.append(float(np.maximum(away, within).min()))
    assert len(near) > 60
    assert min(near) > 0.02
    assert min(near) < 0.1, "so the check could have failed"


def test_a_picture_is_seen_behind_the_scene_in_colour_alone(studio: Studio, pictures: Path) -> None:
    still = build(SIZE | STILL | {"render.looks.distractors": 0}).render
    plain, images = studio.drawn(None, 100), studio.drawn(studio.look(0, still, "a.png"), 100)
    for view in plain:
        np.testing.assert_array_equal(plain[view]["segmentation"], images[view]["segmentation"])
        behind = np.zeros(plain[view]["rgb"].shape[:-1], bool)
        for name in ("ground", "background"):
            behind |= np.all(plain[view]["segmentation"] == studio.renderer.colours[name], axis=-1)
        assert behind.mean() > 0.1
        shown = images[view]["rgb"][behind].astype(int)
        ends = np.array([[10, 200, 30], [200, 10, 220]])
        across = (shown - ends[0]) @ (ends[1] - ends[0]) / np.square(ends[1] - ends[0]).sum()
        np.testing.assert_allclose(shown, ends[0] + across[:, None] * (ends[1] - ends[0]), atol=8)
    with pytest.raises(SetupError, match=r"b\.png' is no picture .*; take it away"):
        studio.renderer.put_on(studio.look(0, still, "b.png"))
