"""Statistics of episodes and of datasets, against numpy's of the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mimicgen.datagen.dataset.formats.lerobot.statistics import ImageStatistics, of_rows, sampled, together


def test_of_numbers() -> None:
    rows = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    found = of_rows(rows)
    np.testing.assert_allclose(found["mean"], rows.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found["std"], rows.std(axis=0), atol=1e-6)
    np.testing.assert_array_equal(found["q50"], np.sort(rows, axis=0)[99])
    assert found["count"].tolist() == [200]
    assert of_rows(np.arange(5))["max"].tolist() == [4]


@pytest.mark.parametrize(("shape", "largest", "unit"), [((20, 30, 3), 255, 255.0), ((20, 30), 65535, 1.0)])
def test_of_images(shape: tuple[int, ...], largest: int, unit: float) -> None:
    images = np.random.default_rng(1).integers(0, largest + 1, (7, *shape))
    images = images.astype(np.uint8 if largest == 255 else np.uint16)
    made = ImageStatistics(largest, unit)
    for image in images:
        made.add(image)
    found = made.result()
    flat = images.reshape(-1, shape[2] if len(shape) == 3 else 1).astype(float) / unit
    for name, wanted in (("min", flat.min(0)), ("max", flat.max(0)), ("mean", flat.mean(0)), ("std", flat.std(0))):
        np.testing.assert_allclose(found[name][:, 0, 0], wanted)
    wanted = np.quantile(flat, 0.9, axis=0, method="inverted_cdf")
    np.testing.assert_allclose(found["q90"][:, 0, 0], wanted)
    assert found["count"].tolist() == [7]


def test_of_a_dataset_from_its_episodes() -> None:
    rows = [np.random.default_rng(seed).normal(seed, size=(50 + seed, 2)) for seed in range(4)]
    found = together([{"x": of_rows(own)} for own in rows])["x"]
    whole = of_rows(np.concatenate(rows))
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(found[name], whole[name])


def test_which_images_are_looked_at() -> None:
    assert sampled(5) == [0, 1, 2, 3, 4]
    assert len(sampled(350)) == 100
    assert sampled(350)[-1] == 349
    assert len(sampled(2000)) == 299
