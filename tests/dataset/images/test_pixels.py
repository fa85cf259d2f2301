from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mimicgen.datagen.dataset.images.pixels import (
    APART,
    colours_of,
    decode_normals,
    encode_depth,
    encode_normals,
    read_image,
    shade,
)


def test_normals_survive_being_bytes_within_half_a_degree() -> None:
    random = np.random.default_rng(0)
    normals = random.normal(size=(1000, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    decoded = decode_normals(encode_normals(normals))
    angles = np.degrees(np.arccos(np.clip((normals * decoded).sum(-1), -1, 1)))
    assert angles.max() < 0.5
    assert encode_normals(np.array([-1.0, 0.0, 1.0])).tolist() == [0, 128, 255]
    assert decode_normals(encode_normals(np.zeros(3))).tolist() == [0.0, 0.0, 0.0]


def test_depth_counts_millimetres(tmp_path: Path) -> None:
    depth = encode_depth(np.array([[0.0, 0.0004, 1.2346, 65.0, 1e9]]))
    assert depth.tolist() == [[0, 0, 1235, 65000, 65535]]
    Image.fromarray(depth).save(tmp_path / "depth.png")
    read = read_image(tmp_path / "depth.png")
    assert (str(read.dtype), read.tolist()) == ("uint16", depth.tolist())


def test_shading_takes_light_from_above_by_default() -> None:
    up, side, down, nothing = encode_normals(np.array([[0, 0, 1], [1, 0, 0], [0, 0, -1], [0, 0, 0]], dtype=float))
    colour = np.array((255, 184, 48), dtype=np.uint8)
    shaded = shade(np.stack([colour] * 4)[None], np.stack([up, side, down, nothing])[None], ambient=0.25)[0]
    assert shaded[0].tolist() == colour.tolist()
    for pixel in shaded[1:3]:
        np.testing.assert_allclose(pixel, 0.25 * colour.astype(float), atol=1.5)
    assert shaded[3].tolist() == colour.tolist()
    sideways = shade(colour[None, None], side[None, None], light=(-1.0, 0.0, 0.0))
    assert sideways[0, 0].tolist() == colour.tolist()


def test_classes_that_nobody_gave_a_colour_get_one_each_by_name() -> None:
    names = [f"thing_{index}" for index in range(30)]
    found = colours_of(names, {"thing_3": (1, 2, 3), "table": (4, 5, 6)})
    assert found["thing_3"] == (1, 2, 3)
    assert found["table"] == (4, 5, 6)
    assert found["unlabelled"] == found["robot"] == (125, 125, 125)
    drawn = [np.array(found[name], dtype=int) for name in names]
    apart = [np.abs(one - other).sum() for index, one in enumerate(drawn) for other in drawn[:index]]
    assert min(apart) >= APART
    assert colours_of(["thing_7"])["thing_7"] == colours_of(["thing_7", "zebra"])["thing_7"]
