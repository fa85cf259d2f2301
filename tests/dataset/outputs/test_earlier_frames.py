from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering.frames import DemoFrames
from tests.dataset.outputs.test_outputs import run
from tests.dataset.writing import config_in
from tests.rendering.writing import add, encoders_of, end

SIZE = {"render.when": "at_end", "render.width": 32, "render.height": 16}


def draw(config: Generate) -> None:
    """Write a frame of each folder as a run with this configuration does."""
    about = {"dataset": config.output_dataset.name, "task": config.task, "every": config.render.every}
    frames = DemoFrames(config.output_dir, "demo_0", config.render, about, {})
    encoders = encoders_of(config.render)
    frames.begin()
    add(frames, config.render, [0], encoders)
    end(frames, encoders)
    frames.finish()
    encoders.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run and its frames."""
    folder = tmp_path_factory.mktemp("made")
    run(folder, 1)
    draw(config_in(folder, **SIZE))
    return folder


@pytest.fixture
def rendered(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"render.width": 64},
            "width = 64: .*table_cam_normals' has frames with 32; pass --set render.width=32",
        ),
        ({"render.height": 32}, "render.height = 32: .* has frames with 16"),
        ({"render.format": "video"}, "render.format = video: .* has frames with 'png'; pass --set render.format=png"),
        ({"render.every": 2}, "render.every = 2: .* has frames with 1"),
        ({"render.cameras.table_cam.width": 48}, r"render.cameras.table_cam.width = 48: .* has frames with 32"),
        (
            {"render.cameras.table_cam.position": (1.0, 0.0, 0.5)},
            r"table_cam.position = \[1.0, 0.0, 0.5\]: .*--set render.cameras.table_cam.position=1.0,0.0,0.33",
        ),
        ({"render.cameras.table_high_cam.aperture": 21}, "table_high_cam.aperture = 21.0: .* has frames with 20.955"),
    ],
)
def test_other_frames_are_refused_before_the_start(rendered: Path, values: dict[str, Any], words: str) -> None:
    with pytest.raises(OutputError, match=words):
        Outputs(config_in(rendered, **SIZE | values)).check()
    Outputs(config_in(rendered, **SIZE | values, fresh=True)).check()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"render.when": "never", "render.width": 64},
        {"render.modalities": "depth,normals,segmentation"},
        {"render.views": "table_cam", "render.cameras.table_high_cam.width": 64},
        {"render.when": "after_each", "render.videos": ""},
    ],
)
def test_rendering_may_change_otherwise(rendered: Path, values: dict[str, Any]) -> None:
    outputs = Outputs(config_in(rendered, **SIZE | values))
    outputs.check()
    assert (rendered / "d.hdf5").exists()


def test_frames_of_another_dataset_are_refused(rendered: Path) -> None:
    values = {"mode": "render", "source": rendered / "other.hdf5"}
    with pytest.raises(OutputError, match=r"has frames of 'd\.hdf5', and these would be of 'other\.hdf5'"):
        Outputs(config_in(rendered, **SIZE | values)).check()


def test_frames_without_a_format_are_of_the_only_one_that_there_was(rendered: Path) -> None:
    for path in rendered.rglob("manifest.json"):
        told = json.loads(path.read_text())
        del told["format"]
        path.write_text(json.dumps(told))
    Outputs(config_in(rendered, **SIZE)).check()
    with pytest.raises(OutputError, match=r"render\.format = video: .* has frames with 'png'"):
        Outputs(config_in(rendered, **SIZE | {"render.format": "video"})).check()


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0", json.dumps({"camera": 3}), "[" * 100_000])
def test_a_damaged_manifest_is_no_obstacle(rendered: Path, content: str) -> None:
    for path in rendered.rglob("manifest.json"):
        path.write_text(content)
    Outputs(config_in(rendered, **SIZE | {"render.width": 64})).check()
    assert list(rendered.rglob("manifest.json")), "nothing is removed by a look"
