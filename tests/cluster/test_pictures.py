"""Images that workers draw are those of one process, under the names of the whole; what is missing is drawn later."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from msgspec import structs

from mimicgen.datagen.config.cluster import ClusterConfig
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.images.pixels import Frames
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.errors import RenderError
from mimicgen.datagen.progress import End
from mimicgen.datagen.session import Session
from tests.cluster.workers import FATE, Here, KnownWorker, run_in, spread
from tests.session.known import DRAWN, FILMED, Stripes, opening

TARGET = 4

SHOWN = DRAWN | {"render.videos": ("normals",)}


class DrawingWorker(KnownWorker):
    def renderer(self) -> Renderer | None:
        return Stripes()


class Blind(Stripes):
    """Draws nothing that serves."""

    async def draw(self, states: States, frames: Frames) -> None:
        raise RenderError("too dark")


class BlindWorker(KnownWorker):
    def renderer(self) -> Renderer | None:
        return Blind()


def drawn_in(folder: Path, how: dict[str, object] = SHOWN, **told: object) -> Generate:
    return run_in(
        folder,
        num_trials=TARGET,
        cluster__shard_attempts=3,
        cluster__workers=1,
        **{name.replace(".", "__"): value for name, value in how.items()},
        **told,
    )


def make(config: Generate, kind: type[KnownWorker], renderer: Stripes | None = None) -> End:
    end, progress, _ = spread(config, lambda config: Here(config, worker=kind), renderer=renderer)
    assert progress.rendered == TARGET, end
    return end


def contents(root: Path) -> dict[str, str]:
    """Return digests of the images, manifests and the contact sheet of a run by their place."""
    paths = [path for path in root.rglob("*") if path.is_file() and path.parent != root]
    paths += [root / "contact_sheet.png"]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def plain(config: Generate) -> None:
    async def main() -> End:
        session = Session(lambda: asyncio.sleep(0), opening(FATE, renderer=Stripes()))
        session.start(structs.replace(config, cluster=ClusterConfig()))
        return await session.finished()

    assert asyncio.run(main()).exit_code == 0


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of one process."""
    config = drawn_in(tmp_path_factory.mktemp("plain") / "r")
    plain(config)
    return config.output_dir


def test_images_of_shards_are_those_of_one_process(tmp_path: Path, expected: Path) -> None:
    config = drawn_in(tmp_path / "r")
    assert make(config, DrawingWorker).exit_code == 0, "nobody draws here: there is no renderer"
    assert contents(config.output_dir) == contents(expected)
    record = json.loads((config.output_dir / "run.json").read_text())
    assert record["rendering"]["complete"] == TARGET
    assert record["shards"]["count"] >= 2
    assert make_again(config).reason.startswith("the target was reached before")


def test_videos_without_loss_are_taken_as_they_are(tmp_path: Path) -> None:
    config = drawn_in(tmp_path / "r", FILMED)
    assert make(config, DrawingWorker).exit_code == 0
    videos = [path.read_bytes() for path in (config.output_dir / "table_cam_normals").glob("*/frames.mkv")]
    assert (len(videos), len(set(videos))) == (TARGET, TARGET)


def make_again(config: Generate) -> End:
    return spread(config, lambda config: Here(config, worker=DrawingWorker))[0]


def test_what_workers_cannot_draw_is_drawn_by_the_run_and_nothing_is_lost(tmp_path: Path, expected: Path) -> None:
    config = drawn_in(tmp_path / "r")
    renderer = Stripes()
    assert make(config, BlindWorker, renderer).exit_code == 0
    assert renderer.closed == 1
    assert contents(config.output_dir) == contents(expected)


def test_one_image_that_is_missing_is_drawn_by_the_run(tmp_path: Path, expected: Path) -> None:
    config = drawn_in(tmp_path / "r")
    make(config, DrawingWorker)
    record = config.output_dir / "run.json"  # of a run that was killed before its end
    record.write_text(json.dumps(json.loads(record.read_text()) | {"end": None}))
    for root in (config.output_dir, tmp_path / "r" / "g_shards" / "attempts_00000001_00000003"):
        (root / "table_cam_normals" / "demo_000000" / "0001.png").unlink()
    assert make(config, DrawingWorker, Stripes()).exit_code == 0
    last = {"contact_sheet.png": ""}  # on which what was drawn now stands last
    assert contents(config.output_dir) | last == contents(expected) | last


def test_images_in_the_dataset_are_put_there_in_the_end(tmp_path: Path) -> None:
    config = drawn_in(tmp_path / "r", render__in_dataset=True)
    assert make(config, DrawingWorker).exit_code == 0
    with h5py.File(config.output_dataset) as file:
        images = {name: demo["obs/table_cam_normals"][()] for name, demo in file["data"].items()}
    assert len(images) == TARGET
    assert len({np.asarray(image).tobytes() for image in images.values()}) == TARGET


def test_images_go_the_way_of_their_shards(tmp_path: Path, expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    config = drawn_in(tmp_path / "r", cluster__results=f"file://{tmp_path}/bucket")
    assert make(config, DrawingWorker).exit_code == 0
    assert contents(config.output_dir) == contents(expected)


def test_images_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    config = drawn_in(tmp_path / "r")
    mine = config.output_dir / "table_cam_normals" / "demo_000002"
    mine.mkdir(parents=True)
    (mine / "0000.png").write_text("holidays")
    end, *_ = spread(config, lambda config: Here(config, worker=DrawingWorker))
    assert end.exit_code == 2
    assert (mine / "0000.png").read_text() == "holidays"
