"""What workers encode is in the export as if the export had encoded it, and nothing else is taken for it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from mimicgen.datagen.cluster.encoding import encode_shard
from mimicgen.datagen.cluster.pictures import Taken, place_pictures
from mimicgen.datagen.cluster.results import Made
from mimicgen.datagen.cluster.shards import Shard
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.lerobot.encoded import encoded
from mimicgen.datagen.dataset.replacing import begin_frames
from tests.cluster.made import in_folder
from tests.dataset.formats.making import HEIGHT, WIDTH, export, rendered, some_demos
from tests.hostile import snapshot

SEEN = "front"


def config_in(folder: Path) -> Generate:
    camera = {f"render.cameras.{SEEN}.{name}": value for name, value in (("width", WIDTH), ("height", HEIGHT))}
    how = {"render.views": (SEEN,), "render.modalities": ("rgb",), "render.videos": (), "render.when": "at_end"}
    return in_folder(folder, **camera, **how, export="lerobot")


def shard_in(folder: Path) -> Made:
    """Return a shard of two demonstrations with images."""
    folder.mkdir()
    some_demos(folder / "dataset.hdf5", 2)
    rendered(folder, folder / "dataset.hdf5", cameras=(SEEN,))
    return Made(Shard(1, 2), folder, {"rendering": {"complete": 2}})


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("shard")
    made = shard_in(folder / "attempts_00000001_00000002")
    encode_shard(config_in(folder), made)
    return made


@pytest.fixture(scope="module")
def expected(shard: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the export is without them."""
    folder = tmp_path_factory.mktemp("expected")
    plain = shutil.copytree(shard.folder, folder / "r", ignore=shutil.ignore_patterns("av1.*"))
    export(plain / "dataset.hdf5", "--output", folder / "out")
    return without_paths(folder / "out")


def without_paths(output: Path) -> dict[str, str]:
    return {name: content for name, content in snapshot(output).items() if not name.endswith((".json", ".md"))}


def test_an_export_with_what_workers_encoded_is_the_same(shard: Made, expected: dict[str, str], tmp_path: Path) -> None:
    videos = sorted(shard.folder.rglob("av1.mp4"))
    assert len(videos) == 2
    config = config_in(tmp_path / "r")
    shutil.copy(shard.dataset, tmp_path / "r" / "g.hdf5")
    rendered = place_pictures(config, config.output_dir, [Taken(shard, ("demo_0", "demo_1"), 0)])
    assert rendered is not None
    assert len(list(config.output_dir.rglob("av1.*"))) == 4, "they come with the images"
    unread = [*config.output_dir.rglob("0005.png"), *config.output_dir.rglob("frames.mkv")]
    assert unread
    for path in unread:  # what was encoded is not looked at again
        path.write_bytes(b"")
    output = tmp_path / "out"
    export(tmp_path / "r" / "g.hdf5", "--images", config.output_dir, "--output", output)
    assert without_paths(output) == expected


def test_encoding_leaves_the_processors_to_others(tmp_path: Path) -> None:
    before = os.sched_getscheduler(0)
    encode_shard(config_in(tmp_path / "r"), shard_in(tmp_path / "attempts_00000001_00000002"))
    assert len(list(tmp_path.rglob("av1.mp4"))) == 2
    assert os.sched_getscheduler(0) == before == os.SCHED_OTHER


def test_what_is_there_is_taken_and_not_encoded_again(shard: Made, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in shard.folder.rglob("av1.*")}
    encode_shard(config_in(tmp_path / "r"), shard)
    assert {path: path.stat().st_mtime_ns for path in shard.folder.rglob("av1.*")} == before
    folder = next(iter(before)).parent
    copied = shutil.copytree(folder, tmp_path / "frames")
    begin_frames(copied)
    assert [path.name for path in copied.iterdir()] == [".mimicgen.datagen-unfinished"], "it goes with the images"


@pytest.mark.parametrize(
    "damage",
    [
        {"bytes": 3},
        {"fps": 7},
        {"steps": 3},
        {"statistics": None},
        {"statistics": {"min": 1}},
        {"statistics": {name: [[["a"]]] for name in ("min", "max")}},
    ],
)
def test_what_does_not_fit_is_not_taken(
    shard: Made, expected: dict[str, str], tmp_path: Path, damage: dict[str, object]
) -> None:
    told = json.loads(next(shard.folder.rglob("av1.json")).read_text())
    source = next(shard.folder.rglob("av1.json")).parent
    folder = shutil.copytree(source, tmp_path / "frames")
    image = Images(camera=SEEN, modality="rgb", height=HEIGHT, width=WIDTH, folder=folder)
    assert encoded(image, "av1", told["fps"], told["steps"]) is not None
    (folder / "av1.json").write_text(json.dumps(told | damage))
    assert encoded(image, "av1", told["fps"], told["steps"]) is None


def test_without_an_export_or_without_images_nothing_is_encoded(tmp_path: Path) -> None:
    made = shard_in(tmp_path / "attempts_00000001_00000002")
    encode_shard(in_folder(tmp_path / "r"), made)
    encode_shard(config_in(tmp_path / "r"), Made(made.shard, made.folder, {}))
    assert not list(tmp_path.rglob("av1.*"))
