"""Recordings, written by the command and read back with rerun's own reader, against the demonstrations' files."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest
from PIL import Image
from rerun.chunk import RrdReader
from scipy.spatial.transform import Rotation

from mimicgen.datagen.dataset.files import open_source
from mimicgen.datagen.dataset.formats.language import language_of
from mimicgen.datagen.viewing.demonstrations import read
from mimicgen.datagen.viewing.package import environment, program
from tests.conftest import PROJECT, SHIPPED_DEMOS
from tests.viewing.reading import Recording, recordings

COMPACT = PROJECT / "datasets" / "drawer_demos.hdf5"
NAMES = ("demo_0", "demo_7")
HEIGHT, WIDTH = 48, 64


def export(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "export", "rerun", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def scene_image(step: int) -> np.ndarray[Any, Any]:
    """Return an image that tells its step: a bright square that wanders over a gradient."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0] = np.linspace(0, 120, WIDTH)
    image[16:32, step % (WIDTH - 16) : step % (WIDTH - 16) + 16] = (30, 220, 90)
    return image


def depth_image(step: int) -> np.ndarray[Any, Any]:
    return np.full((HEIGHT, WIDTH), 700 + step, np.uint16)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped demonstrations; two of them, one a failure, with images among their observations."""
    path = tmp_path_factory.mktemp("dataset") / "some demos.hdf5"
    path.write_bytes(SHIPPED_DEMOS.read_bytes())
    with h5py.File(path, "r+") as file:
        for name in NAMES:
            demo = file["data"][name]
            steps = range(len(demo["actions"]))
            demo["obs/table_cam_rgb"] = np.stack(list(map(scene_image, steps)))
            demo["obs/table_cam_depth"] = np.stack(list(map(depth_image, steps)))
        demo = file["data/demo_7"]
        demo.attrs["success"], demo.attrs["record"] = False, json.dumps({"reason": "the stack fell"})
        segment = {"eef": "franka", "subtask": 0, "demo": "demo_3", "start": 4, "end": 40}
        demo.attrs["segments"] = json.dumps([segment])
    return path


@pytest.fixture(scope="module")
def file(dataset: Path) -> Path:
    path = dataset.with_name("new.rrd")
    ran = export(dataset, "--demos", "0,demo_7", "--output", path, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["demonstrations"] == list(NAMES)
    assert told["bytes"] == path.stat().st_size
    return path


@pytest.fixture(scope="module")
def found(file: Path) -> dict[str, Recording]:
    return recordings(file)


def test_a_recording_a_demonstration_and_one_layout(file: Path) -> None:
    reader = RrdReader(file)
    assert [entry.recording_id for entry in reader.recordings()] == list(NAMES)
    assert {entry.application_id for entry in reader.recordings()} == {"some_demos"}
    assert [entry.application_id for entry in reader.blueprints()] == ["some_demos"]
    command = [str(program()), "rrd", "verify", str(file)]
    checked = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_poses_and_the_hand_are_those_of_the_file(dataset: Path, found: dict[str, Recording]) -> None:
    chance = np.random.default_rng(3)
    with h5py.File(dataset) as file:
        for name, recording in found.items():
            demo = file["data"][name]
            steps = len(demo["actions"])
            (hand,) = (path for path in recording.entities if path.endswith("/panda_hand"))
            for step in (0, steps, *chance.integers(1, steps, 8)):
                states, row = (demo["states"], step - 1) if step else (demo["initial_state"], 0)
                for cube in ("cube_1", "cube_2", "cube_3"):
                    pose = recording.pose(f"/world/{cube}", step)
                    recorded = states[f"rigid_object/{cube}/root_pose"][row]
                    np.testing.assert_allclose(pose[:3, 3], recorded[:3], atol=1e-6)
                    np.testing.assert_allclose(pose[:3, :3], Rotation.from_quat(recorded[3:]).as_matrix(), atol=1e-5)
                joints = recording.at("/joints/robot", "Scalars:scalars", step)
                np.testing.assert_allclose(joints, states["articulation/robot/joint_position"][row], atol=1e-6)
                if step < steps:  # observations and actions are of the moment before a step
                    tool = recording.pose(hand, step) @ (0.0, 0.0, 0.1034, 1.0)
                    assert np.linalg.norm(tool[:3] - demo["obs/eef_pos"][step]) < 0.002
                    actions = recording.at("/actions", "Scalars:scalars", step)
                    np.testing.assert_allclose(actions, demo["actions"][step], atol=1e-6)


def test_steps_are_also_told_in_seconds(file: Path) -> None:
    reader = RrdReader(file)
    for chunk in reader.stream(store=reader.recordings()[0]):
        if str(chunk.entity_path) == "/actions" and not chunk.is_static:
            batch = chunk.to_record_batch()
            seconds = np.array(batch.column("time").cast("int64").to_pylist()) / 1e9
            np.testing.assert_allclose(seconds, np.array(batch.column("step").to_pylist()) * 0.05)
            break
    else:
        pytest.fail("there are no actions")


def test_subtasks_signals_and_the_outcome(dataset: Path, found: dict[str, Recording]) -> None:
    with h5py.File(dataset) as file:
        for name, recording in found.items():
            signals = json.loads(file["data"][name].attrs["signals"])
            (hand,) = (path for path in recording.entities if path.startswith("/hand/"))
            steps, words = recording.entities[hand]["StateChange:state"]
            assert steps == [0, *signals.values()]
            assert [one for (one,) in words][:2] == ["Grasp the red cube", "Stack the red cube on the blue cube"]
            for signal, step in signals.items():
                assert recording.entities[f"/signal/{signal}"]["StateChange:state"] == (
                    [0, step],
                    [["not yet"], ["came"]],
                )
    outcomes = {name: own.entities["/outcome"]["StateChange:state"][1] for name, own in found.items()}
    assert outcomes == {"demo_0": [["success"]], "demo_7": [["failure: the stack fell"]]}
    properties = found["demo_7"].entities["/__properties/demonstration"]
    assert [properties[key][1] for key in properties if key.endswith("outcome")] == [[["failure: the stack fell"]]]
    ((about,),) = found["demo_7"].entities["/about"]["TextDocument:text"][1]
    assert "| franka | 1 | demo\\_3 | 4 to 40 |" in about
    assert "Stack the red cube on the blue cube" in about


def test_images_are_at_their_steps(found: dict[str, Recording]) -> None:
    recording = found["demo_7"]
    (camera,) = (path for path in recording.entities if path.endswith("/cameras/table_cam"))
    assert "Pinhole:image_from_camera" in recording.entities[camera]
    steps, blobs = recording.entities[f"{camera}/depth"]["EncodedDepthImage:blob"]
    assert steps is not None
    for step in (0, 40, len(steps) - 1):
        image = np.asarray(Image.open(io.BytesIO(bytes(blobs[step][0]))))
        np.testing.assert_array_equal(image, depth_image(steps[step]))
    (blob,) = recording.entities[f"{camera}/rgb"]["AssetVideo:blob"][1]
    with av.open(io.BytesIO(bytes(blob[0]))) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
    shown, times = recording.entities[f"{camera}/rgb"]["VideoFrameReference:timestamp"]
    assert shown == list(range(len(frames)))
    np.testing.assert_allclose([time / 1e9 for (time,) in times], np.arange(len(frames)) / float(rate))
    worst = max(np.mean((frame - scene_image(step).astype(float)) ** 2) for step, frame in enumerate(frames))
    assert 10 * np.log10(255**2 / worst) > 25  # [dB]


def test_of_compact_sources_objects_and_hands_are_shown(tmp_path: Path) -> None:
    ran = export(COMPACT, "--demos", "2", "--output", tmp_path / "compact.rrd")
    assert ran.returncode == 0, ran.stderr
    (recording,) = recordings(tmp_path / "compact.rrd").values()
    with h5py.File(COMPACT) as file:
        info = file["data/demo_2/obs/datagen_info"]
        for step in (0, 150, 250):
            np.testing.assert_allclose(
                recording.pose("/world/hammer", step), info["object_pose/hammer"][step], atol=1e-4
            )
            np.testing.assert_allclose(
                recording.pose("/world/hands/robot", step), info["eef_pose/robot"][step], atol=1e-4
            )
    assert not any(path.startswith("/world/robot") for path in recording.entities)


def test_quaternions_of_older_files_are_turned(human_demos: Path) -> None:
    with open_source(human_demos, demos=("demo_0",)) as file:
        demo = read(file, "demo_0", language_of(file["data"]))
        recorded = file["data/demo_0/states/rigid_object/cube_1/root_pose"][:]
    np.testing.assert_allclose(demo.poses["cube_1"].values[1:, 3:], np.roll(recorded[:, 3:], -1, axis=1), atol=1e-7)


def test_memory_does_not_grow_with_the_demonstrations(tmp_path: Path) -> None:
    """The library keeps every recording unless it is told not to: of a hundred there must not be more than of ten."""
    code = """
import os, sys
from pathlib import Path
from mimicgen.datagen.viewing import recordings
from mimicgen.datagen.viewing.exporting import shown_of

def used():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

what = shown_of(Path(sys.argv[1]), [], [])
seen = []
for number in range(3):
    recordings.write_recordings(what, Path(sys.argv[2]) / f"{number}.rrd")
    seen.append(used())
print(seen[2] - seen[0])
"""
    command = [sys.executable, "-c", code, str(SHIPPED_DEMOS), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 12e6  # twenty recordings are 32 MB


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "new.html"], "expected a name that ends with .rrd"),
        (["--output", "new.rrd", "--demos", "77"], "has no demonstration '77'"),
        (["--output", "new.rrd", "--images", "nowhere"], "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mimicgen.datagen.cli", "export", "rerun", str(SHIPPED_DEMOS), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 2
    assert said in ran.stderr
    assert list(tmp_path.iterdir()) == []
