"""Recorded states, drawn by the rasteriser: are the pixels right?"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Render
from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.dataset.images.pixels import MILLIMETRES, Frame, decode_normals, frame_of
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import View, views_of
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.session import opening
from mimicgen.datagen.tasks.colours import class_colours
from tests.conftest import PROJECT, Kit

SHIPPED = PROJECT / "tests" / "data" / "source_demos.hdf5"
COLOURS = class_colours("stack_three")
CUBES = ("cube_1", "cube_2", "cube_3")
SMALL = {"source": SHIPPED, "render.when": "at_end", "render.width": 320, "render.height": 176}


CLOSE = tuple(
    View(name, CameraConfig(position=position, orientation=(0.5, -0.5, 0.5, -0.5), near=near, width=160, height=90))
    for name, position, near in (
        ("within_the_base", (-0.05, 0.0, 0.15), 0.01),
        ("within_an_elbow", (0.05, 0.0, 0.55), 0.01),
        ("before_the_hand", (0.35, 0.0, 0.25), 0.1),
    )
)
"""Cameras that look along x from where triangles reach behind them."""


@contextlib.asynccontextmanager
async def unannounced(name: str) -> AsyncIterator[Callable[[str], None]]:
    yield lambda note: None


@pytest.fixture(scope="module")
def viewer(kit_application: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, tuple[View, ...]]]:
    """The shipped demonstrations, open to be drawn, with the views."""
    from mimicgen.datagen.tasks.defaults import build

    folder = tmp_path_factory.mktemp("viewer")
    modalities = {"render.modalities": ["normals", "segmentation", "depth"], "render.videos": []}
    config = build(SMALL | modalities | {"output_dir": folder}, kind=Render)
    opened = opening.open_simulation(config, Outputs(config), unannounced)
    found = kit_application.run(opened.__aenter__())
    yield found, views_of(config.render)
    kit_application.run(opened.__aexit__(None, None, None))


def draw(kit: Kit, viewer: Any, demo: str, step: int) -> Frame:
    frames = frames_for(viewer.renderer._views, viewer.renderer._modalities, 1)
    kit.run(viewer.renderer.draw(viewer.states(demo).at(step), frames))
    return frame_of(frames, 0)


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
                    assert tuple(images["segmentation"][row, column]) == COLOURS[cube], (demo, step, view.name, cube)
                    seen[view.name, cube] += 1
    assert all(count >= 3 for count in seen.values()), seen
    assert hidden < sum(seen.values())


def test_the_table_top_points_up(kit: Kit, viewer: tuple[Any, tuple[View, ...]]) -> None:
    simulated, views = viewer
    frame = draw(kit, simulated, simulated.demos[0], 0)
    for view in views:
        images = frame[view.name]
        table = np.all(images["segmentation"] == COLOURS["table"], axis=-1)
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
        assert np.all(around == COLOURS["robot"], axis=-1).mean() > 0.2


@pytest.fixture(scope="module")
def comparing() -> ModuleType:
    """What compares images; it imports Newton, which whoever only collects tests does not wait for."""
    from scripts import compare_images

    return compare_images


@pytest.fixture(scope="module")
def newton(kit_application: Kit, viewer: tuple[Any, tuple[View, ...]], comparing: ModuleType) -> Any:
    """Newton's own camera in front of the same scene."""
    colours = viewer[0].renderer.colours
    return comparing.NewtonCamera(stage(), (*viewer[1], *CLOSE), comparing.MODALITIES, device="cpu", colours=colours)


def stage() -> Any:
    import omni.kit.app  # noqa: F401 -- the stage belongs to the Kit application
    from isaaclab.sim import SimulationContext

    return SimulationContext.instance().stage


def test_every_pixel_is_what_newtons_camera_sees(
    kit: Kit, viewer: tuple[Any, tuple[View, ...]], newton: Any, comparing: ModuleType
) -> None:
    """Classes, depths and normals alike, colours within 1; also right before the robot, and inside of it."""
    import warp as wp

    from mimicgen.datagen.embedded.images.rasteriser import Rasteriser

    simulated, views = viewer
    renderer = Rasteriser(stage(), (*views, *CLOSE), comparing.MODALITIES, device="cpu", colours=COLOURS)
    for demo, steps in zip(simulated.demos[1:4], ((0, 100), (50,), (150,)), strict=True):
        states = simulated.states(demo).at(*steps)
        ours = comparing.drawn(renderer, states)
        found = comparing.differences(ours, newton.drawn(states))
        for name in ("normals", "segmentation", "depth"):
            assert found[name]["differ"] == 0, found
        assert found["rgb"]["by_more_than_1"] == 0, found
        for view in CLOSE:
            robot = np.all(ours[view.name]["segmentation"] == COLOURS["robot"], axis=-1)
            assert robot.mean() > 0.05, (view.name, demo)
    # What only a GPU does otherwise: large triangles are noted, as far as there is room, and threads share the pixels.
    for canvas in renderer._canvases:
        canvas._large, canvas._painters = wp.empty(20, dtype=wp.vec2i, device="cpu"), 7
    again = comparing.drawn(renderer, states)
    assert all(canvas._larges.numpy()[0] > 20 for canvas in renderer._canvases[:2])
    for name, images in ours.items():
        for modality, pixels in images.items():
            np.testing.assert_array_equal(again[name][modality], pixels)
    renderer.close()


def test_drawing_again_gives_the_same_bytes_in_batches_of_any_size(
    kit: Kit, viewer: tuple[Any, tuple[View, ...]], comparing: ModuleType
) -> None:
    simulated, views = viewer
    states = simulated.states(simulated.demos[1])
    steps = range(0, 150, 30)
    single = [draw(kit, simulated, simulated.demos[1], step) for step in steps]
    together = comparing.drawn(simulated.renderer, states.at(*steps))
    for view in views:
        for name, images in together[view.name].items():
            np.testing.assert_array_equal(images, [frame[view.name][name] for frame in single])
            assert not np.array_equal(images[0], images[-1])


def test_a_scene_without_what_was_recorded_is_refused(viewer: tuple[Any, tuple[View, ...]]) -> None:
    simulated, _ = viewer
    state = simulated.states(simulated.demos[0]).at(0)
    other = {"rigid_object": {"teapot": state["rigid_object"]["cube_1"]}}
    with pytest.raises(SetupError, match="the recorded object 'teapot' is not in this scene; pass the task"):
        simulated.renderer.drawn(other)
    robot = {name: {"joint_position": own["joint_position"][:, :5]} for name, own in state["articulation"].items()}
    with pytest.raises(SetupError, match="has 5 joints, this scene's 9; pass the task of the recording"):
        simulated.renderer.drawn({"articulation": robot})
