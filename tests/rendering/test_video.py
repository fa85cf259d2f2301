from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mimicgen.datagen.dataset.images.pixels import colours_of, encode_normals
from mimicgen.datagen.rendering.sheet import CAPTION, MARGIN, Sample, write_sheet
from mimicgen.datagen.rendering.video import SHORTEST, write_video

COLOURS = colours_of((), {"cube_1": (255, 36, 66), "cube_2": (255, 184, 48)})


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Frames of 33 x 17 pixels: a red class whose surface turns from up to down."""
    found = {name: tmp_path / name for name in ("segmentation", "normals", "depth")}
    for folder in found.values():
        folder.mkdir()
    for step in range(3):
        normal = np.array([0.0, 0.0, 1.0 - step])
        images = {
            "segmentation": np.broadcast_to(np.array(COLOURS["cube_1"], np.uint8), (17, 33, 3)),
            "normals": np.broadcast_to(encode_normals(normal), (17, 33, 3)),
            "depth": np.full((17, 33), 2500, np.uint16),
        }
        for name, image in images.items():
            Image.fromarray(np.ascontiguousarray(image)).save(found[name] / f"{step:04d}.png")
    return found


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.width, stream.height) == ("h264", 24, 32, 16)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_short_demonstration_is_held_to_the_length_that_cosmos_wants(
    tmp_path: Path, folders: dict[str, Path]
) -> None:
    path = tmp_path / "shaded.mp4"
    write_video(path, "shaded", folders, [f"{step:04d}.png" for step in range(3)])
    frames = frames_of(path)
    assert len(frames) == SHORTEST == 120
    np.testing.assert_allclose(frames[0].reshape(-1, 3).mean(0), COLOURS["cube_1"], atol=6)
    assert frames[2].mean() < 0.5 * frames[0].mean()
    np.testing.assert_allclose(frames[-1], frames[2], atol=6)
    assert not path.with_suffix(".part.mp4").exists()


def test_depth_is_shown_in_grey(tmp_path: Path, folders: dict[str, Path]) -> None:
    write_video(tmp_path / "depth.mp4", "depth", folders, ["0000.png"])
    np.testing.assert_allclose(frames_of(tmp_path / "depth.mp4")[0], 127, atol=3)


def test_a_sheet_shows_each_frame_with_its_caption(tmp_path: Path, folders: dict[str, Path]) -> None:
    rows = [
        [Sample("demo_0, step 0", {name: folder / "0000.png" for name, folder in folders.items()})],
        [Sample("demo_1, step 2", {"depth": folders["depth"] / "0002.png"})],
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
