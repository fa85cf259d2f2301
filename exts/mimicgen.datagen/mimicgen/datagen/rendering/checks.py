"""Checks of a demonstration's frames, made while they are rendered. One that fails fails the rendering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mimicgen.datagen.dataset.images.pixels import BACKGROUND, Colour, Frame, Frames, Image, frame_of
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.dataset.sources.conventions import rotation_matrices
from mimicgen.datagen.dataset.sources.raw import States
from mimicgen.datagen.errors import RenderError

NEVER_IN_FRONT = {BACKGROUND, "ground", "table"}
"""Classes that hide no object."""


class FrameChecks:
    """Checks over the demonstrations of a run.

    Args:
        labels: Classes that have to be seen in every demonstration.
        colours: Colours of the classes of the scene.
        points: A point of an object that is looked for, in its own frame [m], by object; its origin where left out.
    """

    def __init__(
        self,
        labels: Iterable[str],
        colours: Mapping[str, Colour],
        points: Mapping[str, tuple[float, float, float]],
    ):
        self.points = points
        self.colours = {label: _packed_colour(colour) for label, colour in colours.items()}
        self.labels = {label: self.colours[label] for label in labels}
        self.latest: Frame | None = None

    def demonstration(self, views: Iterable[View]) -> DemoChecks:
        """Return the checks of a demonstration that is seen from some views."""
        return DemoChecks(self, views)

    def keep(self) -> None:
        """Copy the latest frame, whose memory is about to be drawn into."""
        if self.latest is not None:
            self.latest = {
                view: {name: image.copy() for name, image in images.items()} for view, images in self.latest.items()
            }


class DemoChecks:
    """Checks of the frames of one demonstration.

    Args:
        run: The checks that it belongs to.
        views: From where it is seen.
    """

    def __init__(self, run: FrameChecks, views: Iterable[View]):
        self._run = run
        self._views = {view.name: view for view in views}
        self._unseen = dict(run.labels)
        self._steps = 0

    def first(self, frame: Frame, state: States) -> None:
        """Check the first frame against the one that was drawn before, and against its own initial state.

        Raises:
            RenderError: It still shows the demonstration before, or objects stand elsewhere than recorded.
        """
        before = self._run.latest
        if before is not None and all(
            np.array_equal(image, before[view][name])
            for view, images in frame.items()
            for name, image in images.items()
        ):
            raise RenderError("the first frame equals the last one of the demonstration before")
        self._objects_are_where_they_were_recorded(frame, state)

    def every(self, frames: Frames) -> None:
        """Check frames, the first one included.

        Raises:
            RenderError: An image is constant.
        """
        for view, own in frames.items():
            # What moves with a hand may come to show nothing but the table.
            for name, images in own.items() if self._views[view].camera.mount is None else ():
                constant = _constant(images)
                if constant is not None:
                    raise RenderError(f"the {name} image of {view} is constant in frame {self._steps + constant + 1}")
            for image in own.get("segmentation", ()):
                if not self._unseen:
                    break
                seen = np.unique(_packed(image[::2, ::2]))
                self._unseen = {label: colour for label, colour in self._unseen.items() if colour not in seen}
        self._steps += len(next(iter(next(iter(frames.values())).values())))
        self._run.latest = frame_of(frames, -1)

    def end(self, expected: int) -> None:
        """Check the demonstration as a whole.

        Args:
            expected: Frames that it has.

        Raises:
            RenderError: Frames are missing, or a class was never seen.
        """
        if self._steps != expected:
            raise RenderError(f"{self._steps} frames were rendered of {expected}")
        if self._unseen and any("segmentation" in images for images in (self._run.latest or {}).values()):
            unseen = ", ".join(self._unseen)
            raise RenderError(
                f"no frame shows {unseen}; check the cameras, or say with render.unseen what they need not see"
            )

    def _objects_are_where_they_were_recorded(self, frame: Frame, state: States) -> None:
        """Every object whose point is in view, and not hidden, has its colour there."""
        in_front = {colour for label, colour in self._run.colours.items() if label not in NEVER_IN_FRONT}
        for view_name, images in frame.items():
            view = self._views[view_name]
            if "segmentation" not in images or view.camera.mount is not None:
                continue
            image = images["segmentation"]
            height, width = view.size
            names = [name for name in state.get("rigid_object", {}) if name in self._run.labels]
            if not names:
                continue
            poses = np.array([state["rigid_object"][name]["root_pose"][0] for name in names], dtype=np.float64)
            points = np.array([self._run.points.get(name, (0.0, 0.0, 0.0)) for name in names])
            turned = (rotation_matrices(poses[:, 3:]) @ points[:, :, None])[..., 0]
            pixels, depth = view.project(poses[:, :3] + turned)
            for name, (column, row), distance in zip(names, pixels, depth, strict=True):
                if distance <= view.camera.near or not (0 <= column < width and 0 <= row < height):
                    continue
                # Another object, or a robot, may stand in front of it; small, it may lie between two pixels.
                x, y = int(column), int(row)
                around = _packed(image[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2])
                if not in_front.intersection(around.ravel().tolist()):
                    raise RenderError(
                        f"{view_name} does not show {name} at column {x}, row {y}, where it stood at the start"
                    )


def _constant(images: Image) -> int | None:
    """Return which of some images is constant, None when none is."""
    some = images[:, ::16, ::16]
    suspects = np.all((some == images[:, :1, :1]).reshape(len(images), -1), axis=1)
    return next(
        (int(index) for index in np.flatnonzero(suspects) if np.all(images[index] == images[index, 0, 0])), None
    )


def _packed_colour(colour: Colour) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _packed(pixels: Image) -> Image:
    """Return colours as single numbers."""
    wide = pixels.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])
