from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.dataset.images.pixels import Frame, Frames, colours_of
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.errors import RenderError
from mimicgen.datagen.rendering.checks import DemoChecks, FrameChecks

VIEW = View("cam", CameraConfig(width=40, height=20))
COLOURS = colours_of(("cube_1", "cube_3", "bottle", "ring"))
STATE: dict[str, Any] = {"rigid_object": {"cube_1": {"root_pose": np.array([[0.0, 0.0, 1.0, 0, 0, 0, 1]])}}}


def picture(middle: str, rest: str = "table") -> Frame:
    image = np.empty((20, 40, 3), np.uint8)
    image[:] = COLOURS[rest]
    image[8:12, 18:22] = COLOURS[middle]
    return {"cam": {"segmentation": image}}


def several(*frames: Frame) -> Frames:
    return {"cam": {"segmentation": np.stack([frame["cam"]["segmentation"] for frame in frames])}}


def run_checks(*labels: str) -> FrameChecks:
    return FrameChecks(labels, COLOURS, {"ring": (0.0, 0.2, 0.0)})


def checks(*labels: str) -> DemoChecks:
    return run_checks(*labels).demonstration([VIEW])


def test_right_frames_pass() -> None:
    check = checks("cube_1", "table")
    check.first(picture("cube_1"), STATE)
    check.every(several(picture("cube_1")))
    check.end(1)


def test_a_robot_may_stand_before_the_object_but_the_object_may_not_be_elsewhere() -> None:
    checks("cube_1", "robot").first(picture("robot"), STATE)
    with pytest.raises(RenderError, match="cam does not show cube_1 at column 20, row 10"):
        checks("cube_1", "robot").first(picture("table", rest="cube_1"), STATE)


def test_an_object_with_a_hole_is_looked_for_where_it_is_solid() -> None:
    upside_down = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    turned = {"rigid_object": {"ring": {"root_pose": np.array([upside_down])}}}
    view = picture("table")
    x, y = (int(place) for place in VIEW.project(np.array([[0.0, -0.2, 1.0]]))[0][0])
    view["cam"]["segmentation"][y, x] = COLOURS["ring"]
    checks("ring").first(view, turned)
    with pytest.raises(RenderError, match="does not show ring"):
        checks("ring").first(picture("table"), turned)


def test_the_first_frame_is_not_the_one_that_was_drawn_before() -> None:
    run = run_checks("cube_1")
    before = several(picture("cube_3"), picture("cube_1"))
    run.demonstration([VIEW]).every(before)
    run.keep()
    before["cam"]["segmentation"][:] = 0
    check = run.demonstration([VIEW])
    check.first(picture("cube_3"), STATE)
    with pytest.raises(RenderError, match="equals the last one"):
        check.first(picture("cube_1"), STATE)


def test_a_constant_image_is_refused() -> None:
    check = checks("table")
    check.every(several(picture("cube_1"), picture("cube_1")))
    with pytest.raises(RenderError, match="the segmentation image of cam is constant in frame 4"):
        check.every(several(picture("cube_1"), picture("table"), picture("cube_1")))


def test_a_class_that_is_never_seen_is_named() -> None:
    run = run_checks("cube_1", "cube_3", "table")
    one, other = (run.demonstration([VIEW]) for _ in range(2))
    one.every(several(picture("cube_1")))
    other.every(several(picture("cube_1"), picture("cube_3")))
    one.every(several(picture("cube_1")))
    with pytest.raises(RenderError, match=r"no frame shows cube_3;.*render\.unseen"):
        one.end(2)
    other.end(2)


def test_missing_frames_are_counted() -> None:
    check = checks()
    check.every(several(picture("cube_1"), picture("cube_3")))
    with pytest.raises(RenderError, match="2 frames were rendered of 3"):
        check.end(3)
