from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.dataset.images.pixels import colours_of, encode_normals
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering.sheet import CAPTION, MARGIN, Sample, write_sheet
from mimicgen.datagen.rendering.video import LOSSLESS, SHORTEST, Video
from tests.rendering.writing import as_png

COLOURS = colours_of((), {"cube_1": (255, 36, 66), "cube_2": (255, 184, 48)})


@pytest.fixture
def images() -> dict[str, np.ndarray]:
    """Three frames of 33 x 17 pixels: a red class whose surface turns from up to down."""
    normals = np.stack([encode_normals(np.array([0.0, 0.0, 1.0 - step])) for step in range(3)])
    return {
        "segmentation": np.full((3, 17, 33, 3), COLOURS["cube_1"], np.uint8),
        "normals": np.repeat(np.repeat(normals[:, None, None], 17, axis=1), 33, axis=2),
        "depth": np.full((3, 17, 33), 2500, np.uint16),
    }


def frames_of(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.width, stream.height) == ("h264", 24, 32, 16)
        yield from (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))


def test_a_short_demonstration_is_held_to_the_length_that_cosmos_wants(
    tmp_path: Path, images: dict[str, np.ndarray]
) -> None:
    path = tmp_path / "shaded.mp4"
    video = Video(path, "shaded")
    video.add({name: rows[:1] for name, rows in images.items()})
    video.add({name: rows[1:] for name, rows in images.items()})
    assert not path.exists()
    video.end()
    frames = list(frames_of(path))
    assert len(frames) == SHORTEST == 120
    np.testing.assert_allclose(frames[0].reshape(-1, 3).mean(0), COLOURS["cube_1"], atol=6)
    assert frames[2].mean() < 0.5 * frames[0].mean()
    np.testing.assert_allclose(frames[-1], frames[2], atol=6)
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


def test_what_is_held_is_the_last_frame_though_its_memory_has_others_in_it(tmp_path: Path) -> None:
    shown = np.full((3, 16, 32, 3), 200, np.uint8)
    video = Video(tmp_path / "rgb.mp4", "rgb")
    video.add({"rgb": shown})
    shown[:] = 20
    video.end()
    *_, last = frames_of(tmp_path / "rgb.mp4")
    np.testing.assert_allclose(last, 200, atol=6)


def test_depth_is_shown_in_grey(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    video = Video(tmp_path / "depth.mp4", "depth")
    video.add({"depth": images["depth"]})
    video.end()
    np.testing.assert_allclose(next(frames_of(tmp_path / "depth.mp4")), 127, atol=3)


@pytest.mark.parametrize("name", ["frames.mkv", "shaded.mp4"])
@pytest.mark.parametrize("begun", [False, True])
def test_nothing_is_left_of_a_video_that_is_dropped(
    tmp_path: Path, images: dict[str, np.ndarray], name: str, *, begun: bool
) -> None:
    video = Video(tmp_path / name, "segmentation")
    if begun:
        video.add(images)
    video.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_else_stays(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    for name in ("frames.mkv", "shaded.mp4"):
        (tmp_path / name).write_bytes(b"a holiday")
        with pytest.raises(OutputError, match=f"{name}' exists"):
            Video(tmp_path / name, "segmentation")
        assert (tmp_path / name).read_bytes() == b"a holiday"
    assert len(list(tmp_path.iterdir())) == 2


def test_single_frames_can_be_decoded_everywhere_in_a_lossless_video(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (70, 18, 20, 3), dtype=np.uint8)
    video = Video(tmp_path / "frames.mkv", "normals")
    video.add({"normals": pictures})
    video.end()
    with av.open(str(tmp_path / "frames.mkv")) as container:
        keys = [index for index, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert keys == list(range(0, 70, int(LOSSLESS["g"])))


def test_a_sheet_shows_each_frame_with_its_caption(tmp_path: Path, images: dict[str, np.ndarray]) -> None:
    folders = as_png(tmp_path, images)
    rows = [
        [Sample("demo_0, step 0", folders, 0)],
        [Sample("demo_1, step 2", {"depth": folders["depth"]}, 2)],
    ]
    write_sheet(tmp_path / "sheet.png", rows, COLOURS)
    frame = rows[0][0].picture().height + CAPTION + MARGIN
    with Image.open(tmp_path / "sheet.png") as sheet:
        middle = sheet.getpixel((sheet.width // 2, MARGIN + CAPTION + 40))
        assert isinstance(middle, tuple)
        assert all(abs(found - wanted) <= 1 for found, wanted in zip(middle, COLOURS["cube_1"], strict=True))
        assert sheet.getpixel((sheet.width // 2, MARGIN + frame + CAPTION + 40)) == (255, 255, 255)
        legend = np.asarray(sheet)[2 * frame + MARGIN :]
    for name in ("cube_1", "cube_2", "table", "robot"):
        assert (legend == COLOURS[name]).all(axis=-1).sum() > 100, f"the colour of {name} is explained"
    write_sheet(tmp_path / "grey.png", rows[1:], COLOURS)
    with Image.open(tmp_path / "grey.png") as sheet:
        assert sheet.height == frame + MARGIN, "nothing to explain"
