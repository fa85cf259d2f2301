"""LeRobot's and robomimic's policies learn here, and their own loaders take what comes of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mimicgen.datagen.cli.policies.training import PYTHON
from tests.conftest import PROJECT
from tests.dataset.formats.making import some_demos

pytestmark = pytest.mark.skipif(not PYTHON.is_file(), reason="not installed; ./scripts/setup.sh --with train")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("learning")
    dataset, images = some_demos(folder / "states.hdf5", 2), some_demos(folder / "images.hdf5", 1)
    with h5py.File(images, "r+") as file:
        for demo in file["data"].values():
            noise = np.random.default_rng(0).integers(0, 256, (len(demo["actions"]), 32, 32, 3), np.uint8)
            demo["obs/table_cam_rgb"] = noise
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "exts/mimicgen.datagen"), "HF_HUB_OFFLINE": "1"}
    script = Path(__file__).with_name("learning.py")
    command = [PYTHON, script, dataset, images, folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_stopping_and_going_on_is_as_if_nothing_had_been(found: Any) -> None:
    told = found["continuing"]
    assert told["same"]
    assert told["begins"] == [0, 0, 5]
    assert told["checkpoints"] == ["step_000005", "step_000012"]
    assert told["files"] == ["checkpoints", "state_000012.pt"]
    assert told["about"] == {
        "observation.state": ["eef_pos", "eef_quat", "gripper_pos"],
        "observation.environment_state": ["object"],
    }


def test_the_loss_falls(found: Any) -> None:
    assert found["overfitting"]["after"] < 0.7 * found["overfitting"]["before"]
    assert found["cloning"]["after"] < found["cloning"]["before"] - 1


def test_lerobot_loads_what_was_trained(found: Any) -> None:
    told = found["reloading"]
    assert told["seen"]
    assert told["acts"]
    assert told["chunk"] == [1, 4, 7]
    assert (told["steps"], told["scheduler"]) == (10, "DDIMScheduler")
    assert told["actions"] == [-1, 1]
    assert told["error"] < 1e-6
    assert told["mean"] < 1e-4


def test_scenes_are_turned_where_they_can_be(found: Any) -> None:
    told = found["turning"]
    assert told["losses"][1] < told["losses"][0]
    assert told["off"] < 1e-3, "normalised as LeRobot's own processor does"
    assert told["spread"] == pytest.approx(1, abs=0.1), "moves go every way alike"
    assert told["notes"] == []
    (said,) = told["hidden"]
    assert said.startswith("scenes are not turned: the dataset does not say where its objects are")


def test_policies_on_images(found: Any) -> None:
    told = found["looking"]
    assert len(told["losses"]) == 2
    assert all(np.isfinite(told["losses"]))
    assert told["action"] == [1, 7]
    assert told["inputs"] == ["observation.images.table_cam", "observation.state"]


def test_robomimic_loads_what_was_trained(found: Any) -> None:
    told = found["cloning"]
    assert told["off"] < 1e-4  # robomimic normalises in float64
    for name, (mean, deviation) in told["statistics"].items():
        mean_there, deviation_there = told["numbers"][name]
        assert mean == pytest.approx(mean_there, abs=1e-5)
        assert deviation == pytest.approx([own + 1e-3 for own in deviation_there], abs=1e-5)
    assert told["inputs"] == ["eef_pos", "eef_quat", "gripper_pos", "object"]
    assert "Mimic" in told["task"]


def test_what_the_libraries_do_not_take_is_named(found: Any) -> None:
    told = found["refusing"]
    assert "has the state of another training" in told.pop("output")
    assert "demo_1: actions is not finite at step 4; leave the demonstration out" in told.pop("number")
    assert len(told) == 5
    for assignment, message in told.items():
        assert message.startswith(("unknown key 'network.", "network", "observations.images")), message
        assert assignment.partition("=")[0].split(".")[-1] in message, message


def test_a_loss_that_is_no_number_is_no_checkpoint(found: Any) -> None:
    told = found["diverging"]
    assert "train with a smaller training.learning_rate than 1000" in told["said"]
    assert told["left"] == []


def test_what_is_quicker_on_a_gpu_computes_the_same(found: Any) -> None:
    told = found["on_a_gpu"]
    assert told["products"] == told["convolutions"] > 10
    assert told["large"] > 1e-2
    assert told["off"] < 1e-4 * told["large"]
    assert told["same_names"]


def test_convolutions_are_in_bfloat16_where_it_is_asked_for(found: Any) -> None:
    told = found["in_half"]
    assert told["halves"] == told["convolutions"] > 10


def test_a_graph_can_hold_what_recurrent_networks_begin_with(found: Any) -> None:
    told = found["on_a_gpu"]
    copies_of_robomimic, copies = told["copies"]
    assert copies_of_robomimic > 0, (
        "robomimic makes zeros where they are used: _begin_on_the_device is not needed any more"
    )
    assert copies == 0
    assert told["state"] == [[2, 2, 8], [2, 2, 8]]
