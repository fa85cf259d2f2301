from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering.frames import DemoFrames
from tests.dataset.outputs.test_outputs import run
from tests.dataset.writing import config_in

SIZE = {"render.when": "at_end", "render.width": 32, "render.height": 16}


def draw(config: Generate) -> None:
    """Write a frame of each folder as a run with this configuration does."""
    writers, views = Writers(threads=1), views_of(config.render)
    about = {"dataset": config.output_dataset.name, "task": config.task, "every": config.render.every}
    frames = DemoFrames(config.output_dir, "demo_0", views, config.render.drawn(), about, {})
    frames.begin()
    image = np.zeros((16, 32, 3), dtype=np.uint8)
    frames.add(0, {view.name: dict.fromkeys(config.render.drawn(), image) for view in views}, writers)
    while not writers.idle:
        pass
    frames.finish()
    writers.close()


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A folder with a finished run and its frames."""
    run(tmp_path, 1)
    draw(config_in(tmp_path, **SIZE))
    return tmp_path


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"render.width": 64},
            "width = 64: .*table_cam_normals' has frames with 32; pass --set render.width=32",
        ),
        ({"render.height": 32}, "render.height = 32: .* has frames with 16"),
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


@pytest.mark.parametrize("content", ["", "[]", "{}", "\0", json.dumps({"camera": 3}), "[" * 100_000])
def test_a_damaged_manifest_is_no_obstacle(rendered: Path, content: str) -> None:
    for path in rendered.rglob("manifest.json"):
        path.write_text(content)
    Outputs(config_in(rendered, **SIZE | {"render.width": 64})).check()
    assert list(rendered.rglob("manifest.json")), "nothing is removed by a look"
