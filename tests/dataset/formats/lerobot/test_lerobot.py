"""Datasets that are exported, read by LeRobot itself and looked at by lerobot-doctor."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.conftest import PROJECT
from tests.dataset.formats.making import CAMERAS, depths, export, picture, rendered, some_demos

LEROBOT = PROJECT / ".cache" / "train" / "bin"

needs_lerobot = pytest.mark.skipif(
    not (LEROBOT / "python").is_file(), reason="LeRobot is not installed; ./scripts/setup.sh --with train"
)

PSNR = 30.0
"""Least likeness of decoded colours and rendered ones [dB]."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with images of two cameras, one of them with depth, and what was exported of it."""
    folder = tmp_path_factory.mktemp("exported")
    dataset = some_demos(folder / "demos.hdf5")
    rendered(folder, dataset)
    rendered(folder, dataset, cameras=("front",), modality="depth")
    export(dataset, "--output", folder / "out", "--objects")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """LeRobot's processes ask nobody, keep nothing elsewhere, and see their own packages first."""
    own = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HOME": str(folder / "hf")}
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | own


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What LeRobot reads, by column, and `told`."""
    script = Path(__file__).with_name("with_lerobot.py")
    command = [LEROBOT / "python", script, folder / "out", folder / "found.npz"]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(folder / "found.npz") as arrays:
        columns = dict(arrays)
    return columns | {"told": json.loads(str(columns["told"]))}


def recorded(folder: Path, path: str) -> np.ndarray:  # type: ignore[type-arg]
    with h5py.File(folder / "demos.hdf5") as file:
        return np.concatenate([file[f"data/demo_{number}/{path}"][:] for number in range(3)])


@needs_lerobot
def test_lerobot_reads_every_number(folder: Path, found: dict[str, Any]) -> None:
    told = found["told"]
    steps = len(recorded(folder, "actions"))
    assert (told["length"], told["episodes"], told["fps"], told["robot"]) == (steps, 3, 20, "franka_panda")
    np.testing.assert_array_equal(found["action"], recorded(folder, "actions"))
    with h5py.File(folder / "demos.hdf5") as file:
        path = "articulation/robot/joint_position"
        demos = [file[f"data/demo_{number}"] for number in range(3)]
        before = [np.concatenate([demo[f"initial_state/{path}"][:], demo[f"states/{path}"][:-1]]) for demo in demos]
        lengths = [len(rows) for rows in before]
    np.testing.assert_array_equal(found["observation.state"], np.concatenate(before))
    places = found["observation.environment_state"][:, :3]
    np.testing.assert_array_equal(places, recorded(folder, "obs/cube_positions")[:, :3])
    times = np.concatenate([np.arange(count) for count in lengths])
    np.testing.assert_array_equal(found["timestamp"], (times / 20).astype(np.float32))
    np.testing.assert_array_equal(found["frame_index"], times)
    np.testing.assert_array_equal(found["index"], np.arange(steps))
    np.testing.assert_array_equal(found["episode_index"], np.repeat(range(3), lengths))
    assert found["next.done"].sum() == found["next.success"].sum() == found["next.reward"].sum() == 3
    assert told["tasks"] == ["Stack the red cube on the blue cube, and the green cube on the red one."]
    assert found["subtask_index"].max() == 3
    assert told["failures"] == 0


@needs_lerobot
def test_lerobot_decodes_what_was_rendered(found: dict[str, Any]) -> None:
    for camera in CAMERAS:
        decoded = found[f"video observation.images.{camera}"]
        for image, step in zip(decoded, (0, 1, 7, 150), strict=True):
            wanted = picture(camera, "demo_0", step).transpose(2, 0, 1) / 255
            assert -10 * np.log10(np.mean((image - wanted) ** 2)) > PSNR
    assert found["told"]["depth_keys"] == ["observation.images.front_depth"]
    for image, step in zip(found["video observation.images.front_depth"], (0, 1, 7, 150), strict=True):
        assert np.abs(image[0] - depths(step)).max() <= 2  # of 4096 steps from 10 mm to 10 m, by their logarithm


@needs_lerobot
def test_other_times_and_loaders(found: dict[str, Any]) -> None:
    told = found["told"]
    assert told["counted"] == 192
    assert told["shifted"] == {"action": [3, 7], "observation.images.front": [2, 3, 64, 96]}
    assert told["padded"] == [False, True, True]


@needs_lerobot
def test_the_doctor_finds_no_failure(folder: Path) -> None:
    done = subprocess.run([LEROBOT / "lerobot-doctor", "check", folder / "out"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[FAIL]" not in done.stdout, done.stdout
    assert done.stdout.count("[PASS]") >= 8, done.stdout


@needs_lerobot
@pytest.mark.slow
@pytest.mark.skipif("LEROBOT_TRAIN" not in os.environ, reason="trains half a minute; LEROBOT_TRAIN=1 does it")
def test_act_is_trained_by_lerobots_own_script(folder: Path) -> None:
    """Twenty steps of a small one, of colours alone: ACT takes no depth."""
    export(folder / "demos.hdf5", "--output", folder / "colours", "--modality", "rgb")
    small = {"dim_model": 64, "n_heads": 2, "dim_feedforward": 64, "n_encoder_layers": 1, "n_vae_encoder_layers": 1}
    small |= {"chunk_size": 10, "n_action_steps": 10}
    policy: dict[str, object] = {
        "type": "act",
        "device": "cpu",
        "push_to_hub": "false",
        "pretrained_backbone_weights": "null",
    }
    dataset = {"repo_id": "some/name", "root": folder / "colours", "video_backend": "pyav"}
    run = {"steps": 20, "batch_size": 2, "num_workers": 0, "log_freq": 10, "save_checkpoint": "false"}
    options = [f"--{key}={value}" for key, value in run.items()]
    options += [f"--policy.{key}={value}" for key, value in (policy | small).items()]
    options += [f"--dataset.{key}={value}" for key, value in dataset.items()]
    command = [str(LEROBOT / "python"), "-m", "lerobot.scripts.lerobot_train", *options, "--wandb.enable=false"]
    done = subprocess.run(
        [*command, f"--output_dir={folder / 'trained'}"], env=environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "step:20" in done.stderr
    assert "End of training" in done.stderr


def test_what_is_written(folder: Path) -> None:
    out = folder / "out"
    info = json.loads((out / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert info["splits"] == {"train": "0:3"}
    assert info["total_episodes"] == 3
    assert info["features"]["action"]["names"] == ["dx", "dy", "dz", "rx", "ry", "rz", "gripper"]
    front = info["features"]["observation.images.front"]
    assert front["shape"] == [64, 96, 3]
    assert (front["info"]["video.codec"], front["info"]["video.pix_fmt"]) == ("av1", "yuv420p")
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert names == [
        *("README.md", "contact_sheet.png", "data/chunk-000/file-000.parquet"),
        "meta/episodes/chunk-000/file-000.parquet",
        *(f"meta/{name}" for name in ("info.json", "initial_states.hdf5", "mimicgen.datagen.json", "stats.json")),
        *("meta/subtasks.parquet", "meta/tasks.parquet"),
        *(f"videos/observation.images.{name}/chunk-000/file-000.mp4" for name in ("front", "front_depth", "side")),
    ]
    record = json.loads((out / "meta/mimicgen.datagen.json").read_text())
    assert [one["demonstration"] for one in record["episodes"]] == ["demo_0", "demo_1", "demo_2"]
    assert record["quaternions"].startswith("x, y, z, w")
    with pq.ParquetFile(out / "data/chunk-000/file-000.parquet") as file:
        assert file.num_row_groups == 3, "an episode a row group"
    subtasks = pq.read_table(out / "meta/subtasks.parquet")["subtask"].to_pylist()
    assert subtasks[0] == "Grasp the red cube"
    row = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()[1]
    assert (row["dataset_from_index"], row["length"], row["demonstration"]) == (209, 196, "demo_1")
    assert row["videos/observation.images.front/from_timestamp"] == pytest.approx(209 / 20)
    assert np.shape(row["stats/observation.images.front/q50"]) == (3, 1, 1)
