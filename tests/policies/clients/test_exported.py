"""What a policy's features are made of, from the exported dataset that it was trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.clients.exported import image_of, made_of, observed_by, rate_of
from tests.dataset.formats.making import export, some_demos

HAND = ("state.eef_position", "state.eef_rotation")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    demos = some_demos(folder / "demos.hdf5")
    export(demos, "--output", folder / "out", "--objects", "--state", "joints_eef", "--action", "eef_absolute")
    return folder / "out"


def test_a_dataset_says_what_its_vectors_are(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"what its features are made of; copy meta/mimicgen\.datagen\.json"):
        made_of(tmp_path)
    (tmp_path / "train_config.json").write_text(json.dumps({"dataset": {"root": str(tmp_path / "gone")}}))
    with pytest.raises(ConfigError, match=r"the dataset that it was trained on is not at .*gone; copy"):
        made_of(tmp_path)
    (tmp_path / "train_config.json").write_text(json.dumps({"dataset": {"root": str(dataset)}}))
    found = made_of(tmp_path)
    assert observed_by(found, "observation.state") == ("state.arm", "state.gripper", *HAND)
    poses = observed_by(found, "observation.environment_state")
    assert poses == tuple(f"state.cube_{number}_{one}" for number in (1, 2, 3) for one in ("position", "rotation"))
    assert (found.actions, found.rate) == ("eef_absolute", 20.0)
    assert found.task == "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert observed_by(found, "observation.images.front") == ("front_rgb",)
    assert observed_by(found, "observation.images.front_depth") == ("front_depth",)
    assert observed_by(found, "other") == ()

    shutil.copy(dataset / "meta/mimicgen.datagen.json", tmp_path)
    (tmp_path / "train_config.json").unlink()
    beside = made_of(tmp_path)
    assert (beside.observed, beside.rate) == (found.observed, None)
    shutil.copy(dataset / "meta/info.json", tmp_path)
    assert made_of(tmp_path) == found

    own = {"observations": {"observation.state": ["eef_pos"]}, "env_args": {"env_name": "some"}}
    (tmp_path / "observations.json").write_text(json.dumps(own))
    assert made_of(tmp_path).observed == {"observation.state": ("eef_pos",)}, "who trained it knows best"


@pytest.mark.parametrize("told", [[], {}, {"state": {"parts": 5}}, {"state": {"parts": [{}]}}])
def test_what_is_no_record_of_an_export_is_refused(tmp_path: Path, told: Any) -> None:
    (tmp_path / "mimicgen.datagen.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match=r"is no (record of an export|table of JSON)"):
        made_of(tmp_path)


def test_names_of_images() -> None:
    assert [image_of(name) for name in ("front", "front_normals", "wrist_cam", "rgb")] == [
        "front_rgb",
        "front_normals",
        "wrist_cam_rgb",
        "rgb_rgb",
    ]


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ({"sim_args": {"dt": 0.01, "decimation": 5}}, 20.0),
        ({"sim_args": {"dt": 0.01}}, None),
        ({"sim_args": {"dt": 0, "decimation": 5}}, None),
        ({"sim_args": {"dt": "0.01", "decimation": [5]}}, None),
        ({"sim_args": 5}, None),
        ([], None),
        (None, None),
    ],
)
def test_how_many_actions_a_second_a_dataset_has(told: Any, rate: float | None) -> None:
    assert rate_of(told) == (rate if rate is None else pytest.approx(rate))
