"""`export` and `import` on the command line: what they say, and refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import h5py
import pytest

from mimicgen.datagen.cli import commands as cli
from mimicgen.datagen.cli.formats import choosing
from mimicgen.datagen.cli.formats import lerobot as lerobot_cli
from tests.dataset.formats.making import rendered, some_demos
from tests.hostile import snapshot
from tests.test_hostile_names import direct


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (choosing, lerobot_cli):
        monkeypatch.setattr(module, "guarded", direct)
    monkeypatch.setattr(choosing, "processes", lambda: 1)
    monkeypatch.setattr(lerobot_cli, "processes", lambda: 1)
    return some_demos(tmp_path / "demos.hdf5")


def run(*arguments: object) -> int:
    return cli.main(list(map(str, arguments)))


def test_reasons_are_told_and_strict_writes_nothing(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(dataset, "r+") as file:
        file["data/demo_1/actions"][5, 0] = float("nan")
        file["data/demo_2"].attrs["success"] = False
    output = tmp_path / "out"
    before = snapshot(tmp_path)
    assert run("export", "lerobot", dataset, "--output", output, "--strict") == 2
    said = capsys.readouterr().err
    assert "2 demonstrations cannot be exported, and --strict wants all" in said
    assert "demo_1: 'actions', step 5" in said
    assert snapshot(tmp_path) == before
    assert run("export", "lerobot", dataset, "--output", output) == 0
    said = capsys.readouterr().out
    assert "not exported, 2 demonstrations:\n  demo_1: 'actions', step 5" in said
    assert "demo_2: is a failure" in said
    assert "1 episode, 209 steps, no images" in said
    record = json.loads((output / "meta/mimicgen.datagen.json").read_text())
    assert [one["demonstration"] for one in record["rejected"]] == ["demo_1", "demo_2"]


def test_json(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "lerobot", dataset, "--output", tmp_path / "out", "--json", "--action", "eef_absolute") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["action"]["representation"] == "eef_absolute"
    assert [one["demonstration"] for one in told["episodes"]] == ["demo_0", "demo_1", "demo_2"]


def test_images_that_are_wanted_and_not_there(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "lerobot", dataset, "--output", tmp_path / "out", "--images", tmp_path / "no") == 2
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "no").mkdir()
    assert run("export", "lerobot", dataset, "--output", tmp_path / "out", "--images", tmp_path / "no") == 2
    assert "there are none of the demonstrations" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_copied_videos_are_what_was_rendered(dataset: Path, tmp_path: Path) -> None:
    import av
    import numpy as np

    from tests.dataset.formats.making import picture

    rendered(tmp_path / "images", dataset, cameras=("front",), kind="video")
    output = tmp_path / "out"
    images = ("--images", tmp_path / "images")
    assert run("export", "lerobot", dataset, "--output", output, *images, "--video", "copy") == 0
    with av.open(str(output / "videos/observation.images.front/chunk-000/file-000.mp4")) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert [time for time, _ in frames] == pytest.approx([step / 20 for step in range(len(frames))])
    np.testing.assert_array_equal(frames[7][1], picture("front", "demo_0", 7))
    np.testing.assert_array_equal(frames[209 + 3][1], picture("front", "demo_1", 3))


def test_without_the_packages(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run("export", "lerobot", dataset, "--output", dataset.parent / "out") == 2
    assert "./scripts/setup.sh --with formats" in capsys.readouterr().err
    assert run("import", "lerobot", dataset.parent, "--output", dataset.parent / "x.hdf5") == 2


def test_there_and_back(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "lerobot", dataset, "--output", tmp_path / "out") == 0
    assert run("import", "lerobot", tmp_path / "out", "--output", tmp_path / "back.hdf5") == 0
    assert "3 demonstrations" in capsys.readouterr().out
    before = snapshot(tmp_path)
    assert run("import", "lerobot", tmp_path / "out", "--output", tmp_path / "back.hdf5") == 2
    assert snapshot(tmp_path) == before
