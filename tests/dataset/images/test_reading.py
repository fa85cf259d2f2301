"""Images of a demonstration's folder, read as they were written: PNG files, or a video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.images.reading import PIXELS, WrittenImages
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.rendering.video import Video
from tests.rendering.writing import as_png

COUNT, EVERY = 75, 3


def noise(modality: str, count: int = COUNT) -> Image:
    """Return images that no lossy encoding can keep; that of depth has every kind of a 16 bit number."""
    shape, kind = ((12, 14), np.uint16) if modality == "depth" else ((12, 14, 3), np.uint8)
    images: NDArray[np.unsignedinteger] = np.random.default_rng(7).integers(
        0, np.iinfo(kind).max, (count, *shape), kind
    )
    images[:, 0, 0], images[:, 0, 1] = 0, np.iinfo(kind).max
    return images


def written(folder: Path, form: str, modality: str) -> WrittenImages:
    if form == "png":
        own = as_png(folder, {modality: noise(modality)})[modality]
    else:
        own = folder / modality
        own.mkdir()
        video = Video(own / "frames.mkv", modality)
        video.add({modality: noise(modality)})
        video.end()
        told = [{"step": EVERY * index, "file": "frames.mkv"} for index in range(COUNT)]
        (own / "manifest.json").write_text(json.dumps({"modality": modality, "frames": told}))
    return WrittenImages(own)


@pytest.mark.parametrize("form", ["png", "video"])
@pytest.mark.parametrize("modality", PIXELS)
def test_single_images_and_some_of_them_are_what_was_written(tmp_path: Path, form: str, modality: str) -> None:
    images, given = written(tmp_path, form, modality), noise(modality)
    assert len(images) == COUNT
    for index in (0, 1, 29, 30, 31, 59, 60, COUNT - 1, 5):
        found = images[index]
        assert (found.shape, found.dtype) == (given[index].shape, given.dtype)
        np.testing.assert_array_equal(found, given[index])
    for begin, end in ((0, COUNT), (0, 1), (28, 33), (61, COUNT), (COUNT - 1, COUNT)):
        np.testing.assert_array_equal(list(images.some(begin, end)), given[begin:end])


def test_the_step_of_each_is_told(tmp_path: Path) -> None:
    assert written(tmp_path, "video", "rgb").steps == list(range(0, EVERY * COUNT, EVERY))


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", "{}", '{"modality": "rgb"}', '{"modality": "rgb", "frames": [1]}']
)
def test_a_folder_that_does_not_say_what_is_in_it_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(SourceError, match=rf"images '{tmp_path}': no manifest\.json that says .* render them again"):
        WrittenImages(tmp_path)


def test_a_video_that_is_too_short_is_refused(tmp_path: Path) -> None:
    images = written(tmp_path, "video", "normals")
    path = tmp_path / "normals" / "manifest.json"
    told = json.loads(path.read_text())
    told["frames"] += told["frames"][:5]
    path.write_text(json.dumps(told))
    longer = WrittenImages(path.parent)
    assert len(list(longer.some(0, COUNT))) == len(images)
    for begin, end in ((0, COUNT + 1), (40, COUNT + 5), (COUNT, COUNT + 1)):
        with pytest.raises(SourceError, match=rf"frames\.mkv': has {COUNT} frames of {COUNT + 5}; render them again"):
            list(longer.some(begin, end))


@pytest.mark.parametrize("name", ["frames.mkv", "0003.png"])
@pytest.mark.parametrize("left", [None, 0, 40, -200])
def test_a_file_that_is_missing_or_cut_is_an_error_that_names_it(tmp_path: Path, name: str, left: int | None) -> None:
    images = written(tmp_path, "video" if name == "frames.mkv" else "png", "rgb")
    path = tmp_path / "rgb" / name
    if left is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(SourceError, match=rf"images '{path}': .*; render them again"):
        list(images.some(0, COUNT))
