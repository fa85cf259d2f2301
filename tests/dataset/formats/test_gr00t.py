"""Datasets for GR00T, against the rules of its documentation; its own loader is not in a package that installs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.dataset.formats.making import CAMERAS, export, picture, rendered, some_demos


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gr00t")
    dataset = some_demos(folder / "demos.hdf5")
    with h5py.File(dataset, "r+") as file:
        file["data/demo_1"].attrs["success"] = False
        file["data/demo_1"].attrs["record"] = json.dumps({"reason": "it fell"})
    rendered(folder, dataset)
    export(dataset, "--output", folder / "out", "--state", "joints_eef", "--failed", kind="gr00t")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_layout(folder: Path) -> None:
    out = folder / "out"
    info = json.loads((out / "meta/info.json").read_text())
    episodes = lines(out / "meta/episodes.jsonl")
    assert [episode["length"] for episode in episodes] == [209, 196, 219] or len(episodes) == 3
    for number, episode in enumerate(episodes):
        table = pq.read_table(out / info["data_path"].format(episode_chunk=0, episode_index=number))
        assert len(table) == episode["length"]
        for camera in CAMERAS:
            key = f"observation.images.{camera}"
            path = out / info["video_path"].format(episode_chunk=0, episode_index=number, video_key=key)
            with av.open(str(path)) as container:
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            assert len(frames) == episode["length"]
            error = np.mean((frames[7] / 255.0 - picture(camera, f"demo_{number}", 7) / 255.0) ** 2)
            assert -10 * np.log10(error) > 30
    assert info["codebase_version"] == "v2.1"
    assert info["total_episodes"] == 3


def test_the_modality_file_fits_the_columns(folder: Path) -> None:
    out = folder / "out"
    modality = json.loads((out / "meta/modality.json").read_text())
    table = pq.read_table(out / "data/chunk-000/episode_000000.parquet")
    for kind, column in (("state", "observation.state"), ("action", "action")):
        ends = [0]
        for told in modality[kind].values():
            assert told["start"] == ends[-1]
            assert told["original_key"] == column
            ends.append(told["end"])
        assert ends[-1] == table.schema.field(column).type.list_size
    assert [*modality["state"]] == ["arm", "gripper", "eef_position", "eef_rotation"]
    assert {key: told["original_key"] for key, told in modality["video"].items()} == {
        camera: f"observation.images.{camera}" for camera in CAMERAS
    }
    for name in modality["annotation"]:
        assert f"annotation.{name}" in table.column_names
    statistics = json.loads((out / "meta/stats.json").read_text())
    assert {"mean", "std", "min", "max", "q01", "q99"} <= statistics["observation.state"].keys()
    assert len(statistics["action"]["mean"]) == 7


def test_annotations_are_numbers_of_texts(folder: Path) -> None:
    out = folder / "out"
    texts = {row["task_index"]: row["task"] for row in lines(out / "meta/tasks.jsonl")}
    told = {}
    for number in range(2):
        table = pq.read_table(out / f"data/chunk-000/episode_{number:06d}.parquet")
        for name in table.column_names:
            if name.startswith("annotation."):
                told[number, name] = [texts[at] for at in table[name].to_pylist()]
        task = table["task_index"].to_pylist()
        assert [texts[at] for at in task] == told[number, "annotation.human.action.task_description"]
    assert told[0, "annotation.human.action.subtask"][0] == "Grasp the red cube"
    assert told[0, "annotation.human.validity"][0] == "valid"
    assert told[1, "annotation.human.validity"][0] == "failure: it fell"
    assert told[1, "annotation.human.action.task_description"][0].endswith("(failure: it fell)")


def test_depth_is_refused(folder: Path, tmp_path: Path) -> None:
    said = export(folder / "demos.hdf5", "--output", tmp_path / "x", "--modality", "depth", kind="gr00t", code=2)
    assert "GR00T reads colours alone" in said
