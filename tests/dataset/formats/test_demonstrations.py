"""Which demonstrations are exported, in which order, with which images; and why others are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.dataset.formats.demonstrations import Plan, Wanted, plan
from mimicgen.datagen.dataset.tools.copying import write_masks
from mimicgen.datagen.errors import ConfigError, SourceError
from mimicgen.datagen.tasks.language import language_of_task
from mimicgen.datagen.tasks.motion import embodiment_of
from tests.dataset.formats.making import CAMERAS, picture, rendered, some_demos


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return some_demos(tmp_path / "demos.hdf5")


def planned(dataset: Path, faults: dict[str, str] | None = None, **wanted: Any) -> Plan:
    return plan(dataset, Wanted(**wanted), embodiment_of, language_of_task, faults or {})


def names(found: Plan) -> list[str]:
    return [episode.name for episode in found.episodes]


def reasons(found: Plan) -> dict[str, str]:
    return {one.demo: one.why for one in found.rejected}


def test_everything_that_is_right_is_exported(dataset: Path) -> None:
    found = planned(dataset)
    assert names(found) == ["demo_0", "demo_1", "demo_2"]
    assert not found.rejected
    assert not found.cameras
    assert found.notes == ("there are no images: states and actions alone",)
    assert (found.fps, found.order, dict(found.splits)) == (20, "xyzw", {"train": (0, 3)})
    assert found.episodes[0].task == "Stack the red cube on the blue cube, and the green cube on the red one."


def test_faults_failures_and_lengths(dataset: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        demo = file["data/demo_1"]
        demo.attrs["success"] = False
        demo.attrs["record"] = json.dumps({"reason": "the green cube fell"})
    found = planned(dataset, {"demo_0": "'obs/x', step 3 is not finite"})
    assert names(found) == ["demo_2"]
    assert reasons(found) == {
        "demo_0": "'obs/x', step 3 is not finite",
        "demo_1": "is a failure: the green cube fell; --failed exports it",
    }
    found = planned(dataset, failed=True)
    assert found.episodes[1].task.endswith("(failure: the green cube fell)")
    assert found.episodes[1].success is False
    with pytest.raises(SourceError, match="none of its demonstrations can be exported") as told:
        planned(dataset, {f"demo_{number}": "is bad" for number in range(3)})
    assert "demo_2: is bad" in str(told.value)


def test_a_demonstration_with_other_numbers(dataset: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        demo = file["data/demo_1"]
        actions = demo["actions"][:, :6]
        del demo["actions"]
        demo["actions"] = actions
    assert "other numbers" in reasons(planned(dataset))["demo_1"]


def test_images_are_found_beside_the_dataset(dataset: Path, tmp_path: Path) -> None:
    rendered(tmp_path / "output", dataset, ["demo_0", "demo_2"])
    found = planned(dataset, places=(tmp_path / "nothing", tmp_path / "output"))
    assert names(found) == ["demo_0", "demo_2"]
    assert [image.name for image in found.cameras] == [*CAMERAS]
    assert "has no images of front, side, which others have" in reasons(found)["demo_1"]
    with h5py.File(dataset) as file:
        images = found.cameras[1].frames(file["data/demo_0"])
        np.testing.assert_array_equal(next(images), picture("side", "demo_0", 0))
    assert planned(dataset, images=tmp_path).cameras == ()


def test_images_of_other_states_or_of_some_steps(dataset: Path, tmp_path: Path) -> None:
    root = rendered(tmp_path / "output", dataset, cameras=("front",))
    manifest = root / "front_rgb/demo_000001/manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"states": "0" * 16}))
    other = root / "front_rgb/demo_000002/manifest.json"
    told = json.loads(other.read_text())
    other.write_text(json.dumps(told | {"frames": told["frames"][::2]}))
    found = reasons(planned(dataset, images=root))
    assert "are of another demonstration" in found["demo_1"]
    assert "show 95 of its 190 steps" in found["demo_2"] or "render every one" in found["demo_2"]


def test_looks_stand_for_their_demonstration(dataset: Path, tmp_path: Path) -> None:
    for look in range(2):
        rendered(tmp_path / "output", dataset, cameras=("front",), look=look)
    found = planned(dataset, images=tmp_path / "output")
    assert names(found)[:2] == ["demo_0_look_0", "demo_0_look_1"]
    assert [episode.demo for episode in found.episodes[:2]] == ["demo_0", "demo_0"]
    assert len(found.episodes) == 6


def test_images_in_the_dataset(dataset: Path, tmp_path: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        for demo in file["data"].values():
            steps = len(demo["actions"])
            demo["obs/hand_cam"] = np.zeros((steps, 64, 64, 3), np.uint8)
            demo["obs/hand_cam_depth"] = np.zeros((steps, 64, 64), np.uint16)
            demo["obs/other"] = np.zeros((steps, 64, 64, 3), np.float32)
    assert [image.name for image in planned(dataset).cameras] == ["hand_cam", "hand_cam_depth"]
    assert [image.name for image in planned(dataset, modalities=("rgb",)).cameras] == ["hand_cam"]
    with pytest.raises(ConfigError, match="no video that could be copied"):
        planned(dataset, video="copy")
    with h5py.File(dataset, "r+") as file:
        for demo in file["data"].values():
            demo.move("obs/hand_cam", "obs/[bold]")
    with pytest.raises(SourceError, match="only letters, digits"):
        planned(dataset)


def test_lists_are_parts(dataset: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        write_masks(file, {"train": ["demo_0", "demo_2"], "valid": ["demo_1"]})
    found = planned(dataset)
    assert names(found) == ["demo_0", "demo_2", "demo_1"]
    assert dict(found.splits) == {"train": (0, 2), "val": (2, 3)}
    with h5py.File(dataset, "r+") as file:
        write_masks(file, {"train": ["demo_0"], "valid": ["demo_1"]})
    found = planned(dataset)
    assert names(found) == ["demo_0", "demo_1", "demo_2"]
    assert "do not divide what is exported" in found.notes[-1]


def test_steps_of_a_length_that_no_format_says(dataset: Path) -> None:
    with h5py.File(dataset, "r+") as file:
        told = json.loads(file["data"].attrs["env_args"])
        told["sim_args"]["decimation"] = 3
        file["data"].attrs["env_args"] = json.dumps(told)
    with pytest.raises(ConfigError, match=r"takes .* steps a second; the format needs a whole number"):
        planned(dataset)
