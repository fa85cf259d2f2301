from __future__ import annotations

import numpy as np

from mimicgen.datagen.config.sections import CameraConfig
from mimicgen.datagen.dataset.images.views import View, views_of
from mimicgen.datagen.tasks.defaults import build


def test_a_point_on_a_pixels_ray_is_projected_to_that_pixel() -> None:
    for view in views_of(build({"render.width": 64, "render.height": 48}).render):
        directions = view.directions()
        assert directions.shape == (48, 64, 3)
        np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1.0)
        for row, column in ((0, 0), (47, 63), (20, 31)):
            pixels, depth = view.project((view.position + 2.5 * directions[row, column])[None])
            np.testing.assert_allclose(pixels[0], (column + 0.5, row + 0.5), atol=1e-9)
            np.testing.assert_allclose(depth[0], 2.5 * directions[row, column] @ view.forward)


def test_the_identity_looks_along_z_with_y_down() -> None:
    view = View("straight", CameraConfig(width=200, height=100))
    pixels, depth = view.project(np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.0, 0.1, 1.0], [0.0, 0.0, -1.0]]))
    focal = 24.0 / 20.955 * 200
    np.testing.assert_allclose(pixels[:3], [(100, 50), (100 + 0.1 * focal, 50), (100, 50 + 0.1 * focal)])
    assert depth.tolist() == [1.0, 1.0, 1.0, -1.0]


def test_a_camera_has_its_own_resolution_or_that_of_all() -> None:
    values = {
        "render.width": 64,
        "render.height": 48,
        "render.cameras.table_cam.width": 128,
        "render.views": ["table_cam"],
    }
    assert [view.size for view in views_of(build(values).render)] == [(48, 128)]
