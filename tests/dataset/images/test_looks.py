from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.looks import Look, backgrounds_in, draw_look
from mimicgen.datagen.dataset.images.room import MARGIN, Room
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices
from mimicgen.datagen.errors import ConfigError, SetupError
from mimicgen.datagen.tasks.defaults import build

CLASSES = ("cube_1", "ground", "robot", "table")
OBJECT = np.array([[0.5, 0.0, 0.02]])


def a_room(points: Any = OBJECT) -> Room:
    """A table of 0.9 m x 1.3 m with an object on it."""
    return Room.over(CLASSES, np.array([0.05, -0.65, -1.0]), np.array([0.95, 0.65, 0.0]), np.array(points), OBJECT)


def config(**looks: Any) -> RenderConfig:
    return build({f"render.looks.{key}": value for key, value in looks.items()}).render


def drawn(render: RenderConfig, numbers: int = 40, demo: str = "demo_3", seed: int = 1) -> list[Look]:
    return [draw_look(render, seed, demo, number, a_room()) for number in range(numbers)]


def test_a_look_follows_from_seed_demonstration_and_number_alone() -> None:
    looks = drawn(config())
    assert looks[7:9] == [draw_look(config(), 1, "demo_3", number, a_room()) for number in (7, 8)]
    different = [*looks, *drawn(config(), demo="demo_4"), *drawn(config(), seed=2)]
    assert len({str(look.paints) for look in different}) == len(different)
    assert [Look.from_json(look.to_json()) for look in looks] == looks


def test_one_range_leaves_the_rest_of_a_look_as_it_was() -> None:
    before, after = drawn(config()), drawn(config(distractors=0, light_strength=[0.1, 0.2]))
    assert [look.paints for look in before] == [look.paints for look in after]
    assert [look.cameras for look in before] == [look.cameras for look in after]
    assert [look.walls for look in before] == [look.walls for look in after]
    assert [look.lights for look in before] != [look.lights for look in after]


def test_looks_keep_to_their_ranges_and_use_them() -> None:
    render = config(
        colours=0.5, object_colours=0.1, gloss=0.3, lights=3, light_strength=[0.5, 1.5], light_angle=40, distractors=3
    )
    looks = drawn(render, 200)
    shares = {name: np.array([look.paints[name].share for look in looks]) for name in CLASSES}
    for name, most in (("table", 0.5), ("robot", 0.5), ("cube_1", 0.1)):
        assert 0.9 * most < shares[name].max() <= most
    colours = np.array([[*look.paints["table"].colour, look.paints["table"].gloss / 0.3] for look in looks])
    assert colours.min() >= 0.0
    assert colours.max() <= 1.0
    assert {len(look.lights) for look in looks} == {1, 2, 3}
    strengths = np.array([sum(light.strength for light in look.lights) for look in looks])
    assert 0.5 <= strengths.min() < 0.6 < 1.4 < strengths.max() <= 1.5
    towards = np.array([light.towards for look in looks for light in look.lights])
    np.testing.assert_allclose(np.linalg.norm(towards, axis=1), 1.0)
    assert 35 < np.degrees(np.arccos(towards[:, 2])).max() <= 40
    assert {len(look.distractors) for look in looks} == {0, 1, 2, 3}
    for name, camera in render.used().items():
        poses = [look.cameras[name] for look in looks]
        moved = np.linalg.norm(np.array([pose.position for pose in poses]) - camera.position, axis=1)
        assert 0.025 < moved.max() <= 0.03
        turned = rotation_matrices(np.array([pose.orientation for pose in poses]))
        cosines = (np.trace(turned @ rotation_matrices(np.array(camera.orientation)).T, axis1=1, axis2=2) - 1) / 2
        assert 1.7 < np.degrees(np.arccos(cosines.clip(-1, 1))).max() <= 2.1  # the task's quaternions are rounded
        focal = np.array([pose.focal_length for pose in poses]) / camera.focal_length
        assert 0.95 <= focal.min() < 0.96 < 1.04 < focal.max() <= 1.05


def test_zeros_leave_everything_as_it_is() -> None:
    nothing = dict.fromkeys(
        ("colours", "object_colours", "gloss", "patterns", "lights", "distractors", "camera_position", "camera_angle"),
        0,
    )
    render = config(**nothing, focal_length=0)
    for look in drawn(render, 5):
        assert look.seen(render) == render
        assert (look.lights, look.ambient, look.distractors, look.walls) == ((), 0.5, (), None)
        for paint in look.paints.values():
            np.testing.assert_array_equal(paint.over((0.2, 0.4, 0.6)), (0.2, 0.4, 0.6))
            assert (paint.gloss, paint.pattern) == (0, "plain")


def test_things_stand_on_the_table_apart_and_where_nothing_comes() -> None:
    across = np.stack([np.linspace(0.05, 0.95, 90), np.zeros(90), np.full(90, 0.02)], axis=1)  # a hand, along y = 0
    above = np.add(across, (0.0, 0.3, 0.3))  # and the arm, above y = 0.3
    room = a_room(np.concatenate([across, above]))
    render = config(distractors=20)
    eyes = np.array([camera.position for camera in render.used().values()])
    things = [draw_look(render, 1, "demo_0", number, room).distractors for number in range(30)]
    assert sum(map(len, things)) > 100
    below = 0
    for own in things:
        for index, thing in enumerate(own):
            x, y, z = thing.position
            assert z == thing.size[2] / 2
            assert x - thing.around >= 0.05
            assert x + thing.around <= 0.95
            assert y - thing.around >= -0.65
            assert y + thing.around <= 0.65
            assert abs(y) > thing.around + MARGIN
            if abs(y - 0.3) < thing.around:
                below += 1
                assert thing.size[2] + MARGIN < 0.3
            for other in own[:index]:
                apart = np.hypot(x - other.position[0], y - other.position[1])
                assert apart > thing.around + other.around
            for eye in eyes:  # nothing hides the object
                way = OBJECT[0] - eye
                for share in np.linspace(0, 1, 200):
                    assert np.linalg.norm(eye + share * way - thing.position) > thing.size[0] / 2
    assert below


def test_where_there_is_no_room_nothing_stands() -> None:
    x, y = np.mgrid[0.05:0.95:0.01, -0.65:0.65:0.01]
    room = a_room(np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.05)], axis=1))
    assert not any(draw_look(config(distractors=9), 1, "demo_0", number, room).distractors for number in range(9))


def test_backgrounds_are_pictures_of_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"render\.looks\.backgrounds = '.*none': there is no such folder; pass one"):
        backgrounds_in(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SetupError, match=r"has no picture that ends with \.jpg, "):
        backgrounds_in(tmp_path)
    for name in ("b.png", "a.JPG"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = backgrounds_in(tmp_path)
    assert found == ("a.JPG", "b.png")
    looks = [draw_look(config(), 1, "demo_0", number, a_room(), found) for number in range(20)]
    assert {look.background for look in looks} == set(found)
    assert {look.walls for look in looks} == {None}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("count", -1, "expected a whole number from 0 to 10,000"),
        ("colours", 1.5, "expected a number from 0 to 1"),
        ("light_strength", [1.0, 0.5], "expected the smaller number first"),
        ("light_angle", 91, "expected a number from 0 to 90"),
        ("distractors", 51, "expected a whole number from 0 to 50"),
        ("backgrounds", "x\0y", "no path has a character NUL"),
        ("brightness", 1, "unknown key 'render.looks.brightness'"),
    ],
)
def test_bad_values_are_refused_by_name(key: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"render\.looks\.{key}.*") as refused:
        config(**{key: value})
    assert told in str(refused.value)
