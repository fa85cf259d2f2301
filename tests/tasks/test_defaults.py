"""What lies below everything that is said of a job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.tasks.catalogue import TASKS
from mimicgen.datagen.tasks.defaults import TASK, base_layer, build, looking_at, own_subtasks

STACK = TASKS / "stack_three.toml"


def test_the_default_task_has_the_cameras_that_its_file_says() -> None:
    cameras = build().render.cameras
    assert build().task == TASK
    assert list(cameras) == ["table_cam", "table_high_cam"]
    assert cameras["table_cam"] == CameraConfig(
        position=(1.0, 0.0, 0.33), orientation=(0.5963, 0.5963, -0.3799, -0.3799)
    )
    assert cameras["table_high_cam"].near == 1.5
    assert build({"task": "stack_three"}).render == build().render
    assert build({"task": "Isaac-PickPlace-GR1T2-Abs-Mimic-v0"}).render.cameras == {}


def test_what_is_said_of_a_camera_wins_over_the_tasks_own() -> None:
    cameras = build({"render.cameras.table_cam.near": 0.2, "render.cameras.mine.far": 3}).render.cameras
    assert (cameras["table_cam"].near, cameras["table_cam"].position) == (0.2, (1.0, 0.0, 0.33))
    assert list(cameras) == ["table_cam", "table_high_cam", "mine"]


def test_an_edited_file_is_read_anew_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(STACK.read_text())
    assert build({"task": str(path)}).render.cameras["table_cam"].near == 0.1
    told = path.read_text().replace("orientation = [0.5963, 0.5963, -0.3799, -0.3799]", "look_at = [0.5, 0.0, 0.0]")
    path.write_text(f"{told}\n")
    orientation = build({"task": str(path)}).render.cameras["table_cam"].orientation
    assert orientation == looking_at((1.0, 0.0, 0.33), (0.5, 0.0, 0.0))
    path.write_text("objects = 3\n")
    with pytest.raises(TaskError, match=r"task file .*mine\.toml"):
        base_layer({"task": str(path)})


@pytest.mark.parametrize(
    ("position", "target"),
    [((1, 0, 0.3), (0, 0, 0)), ((0, 2, 1), (0.5, 0, 0)), ((-1, -1, 0), (0, 0, 2)), ((0.5, 0, 2), (0.5, 0, 0))],
)
def test_a_camera_that_looks_at_a_point_has_it_in_the_middle_with_z_up(
    position: tuple[float, float, float], target: tuple[float, float, float]
) -> None:
    world_from_camera = Rotation.from_quat(looking_at(position, target))
    seen = world_from_camera.inv().apply(np.subtract(target, position))
    assert seen == pytest.approx([0, 0, np.linalg.norm(np.subtract(target, position))], abs=1e-9)
    up = world_from_camera.inv().apply([0, 0, 1])
    assert up[0] == pytest.approx(0, abs=1e-9)
    assert up[1] <= 1e-9, "y is down in the image"


def test_subtasks_of_a_file_are_found_whatever_isaac_lab_calls_the_end_effector() -> None:
    four = [object()] * 4
    (own,) = own_subtasks(TASK, {"franka": four}).values()
    assert [one.subtask_term_offset_range for one in own] == [(10, 20), (2, 7), (10, 20), (0, 0)]
    assert own_subtasks("stack_three", {"robot": four}) == {"robot": own}
    assert own_subtasks("Isaac-PickPlace-GR1T2-Abs-Mimic-v0", {"left": four}) == {}
    with pytest.raises(TaskError, match="has other subtasks than"):
        own_subtasks(TASK, {"franka": four[:3]})
