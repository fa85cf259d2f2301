"""Where moving bodies can be seen in an image: the pixels that have to be drawn anew."""

from __future__ import annotations

import newton
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw
from scipy.spatial import ConvexHull, QhullError

from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices


class Outlines:
    """Where moving bodies can be seen: their convex hulls, projected."""

    def __init__(self, model: newton.Model, visible: NDArray[np.bool_]):
        self._hulls: list[tuple[int, NDArray[np.float64]]] = []
        bodies, transforms, kinds = model.shape_body.numpy(), model.shape_transform.numpy(), model.shape_type.numpy()
        scales = model.shape_scale.numpy()
        points: dict[int, list[NDArray[np.float64]]] = {}
        for shape in np.flatnonzero(visible & (bodies >= 0)):
            corners = _points_of(model, int(shape), int(kinds[shape]), scales[shape])
            placed = corners @ rotation_matrices(transforms[shape, 3:]).T + transforms[shape, :3]
            points.setdefault(int(bodies[shape]), []).append(placed)
        for body, parts in points.items():
            cloud = np.concatenate(parts)
            self._hulls.append((body, cloud[ConvexHull(cloud).vertices]))

    def mask(self, view: View, bodies: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Return the pixels through which a moving body may be seen, (height, width); None when any may be.

        Args:
            view: The view.
            bodies: Poses of the bodies, shape (bodies, 7), (x, y, z, w).
        """
        height, width = view.size
        picture = Pillow.new("1", (width, height))
        pen = ImageDraw.Draw(picture)
        for body, hull in self._hulls:
            pose = bodies[body].astype(np.float64)
            pixels, depth = view.project(hull @ rotation_matrices(pose[3:]).T + pose[:3])
            if depth.max() <= 0.0:
                continue
            if depth.min() < 0.01:  # it reaches behind the image plane, where a projection means nothing
                return None
            try:
                outline = pixels[ConvexHull(pixels).vertices]
            except QhullError:  # seen edge-on
                outline = pixels
            # For Pillow, the middle of a pixel has whole coordinates.
            pen.polygon([tuple(corner) for corner in np.clip(outline - 0.5, -1e4, 1e4)], fill=1, outline=1)
        return _widened(np.array(picture))


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add a pixel all around, for what rounding leaves out."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    wide = rows.copy()
    wide[:, 1:] |= rows[:, :-1]
    wide[:, :-1] |= rows[:, 1:]
    return wide


def _points_of(model: newton.Model, shape: int, kind: int, scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return points whose hull contains a shape, in the shape's frame, (n, 3)."""
    if kind in (int(newton.GeoType.MESH), int(newton.GeoType.CONVEX_MESH)):
        return np.asarray(model.shape_source[shape].vertices, dtype=np.float64) * scale
    # Primitive shapes: the box around them. Capsules and cylinders keep their radius and half length in the scale.
    extent = scale.astype(np.float64) if kind == int(newton.GeoType.BOX) else np.full(3, float(scale.sum()))
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return np.asarray(signs * extent)
