"""The sections of a run's configuration; what holds between their values is checked in `run.py`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def setting(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    length: int | None = None,
) -> Any:
    """A configuration field with what the panel shows and the validation needs. A list's items have its limits."""
    limits = {"low": low, "high": high, "choices": choices, "length": length}
    return field(default=default, metadata={"doc": doc, "unit": unit, **limits})


STRATEGIES = ("random", "nearest_neighbor_object", "nearest_neighbor_robot_distance")
"""Upstream's selection strategies."""


@dataclass(frozen=True, kw_only=True)
class SubtaskConfig:
    """What one subtask has different from the rest; a value left out is the one of all subtasks, or the task's own."""

    action_noise: float | None = setting(
        None, "Standard deviation of the noise on the arm action", unit="of the action's range", low=0, high=1
    )
    num_interpolation_steps: int | None = setting(
        None, "Steps from the segment before to this one", unit="steps", low=0, high=1000
    )
    num_fixed_steps: int | None = setting(
        None, "Steps that wait at the start of the segment", unit="steps", low=0, high=1000
    )
    selection_strategy: str | None = setting(None, "How the source segment is chosen", choices=STRATEGIES)
    nn_k: int | None = setting(None, "Nearest neighbours among which one is drawn", low=1, high=1000)
    term_offset_low: int | None = setting(
        None, "Smallest random delay of the segment's end after its signal", unit="steps", low=0, high=1000
    )
    term_offset_high: int | None = setting(
        None, "Largest random delay of the segment's end after its signal", unit="steps", low=0, high=1000
    )


@dataclass(frozen=True, kw_only=True)
class MimicConfig:
    """How Mimic stitches source segments, for all subtasks and, under `subtasks`, for single ones."""

    action_noise: float = setting(
        0.01, "Standard deviation of the Gaussian noise on the arm action", unit="of the action's range", low=0, high=1
    )
    num_interpolation_steps: int = setting(
        20, "Steps from the end of one segment to the start of the next", unit="steps", low=0, high=1000
    )
    num_fixed_steps: int = setting(
        10, "Steps that wait at the start of a segment for the arm to catch up", unit="steps", low=0, high=1000
    )
    select_source_per_subtask: bool = setting(
        True, "Choose the source anew for every subtask, instead of one source for a whole attempt"
    )
    transform_first_robot_pose: bool = setting(
        True,
        "Start every segment where the hand was in the source, not where it was told to go: "
        "people lead the hand by up to 20 cm, and a path to such a target cuts corners through the scene",
    )
    selection_strategy: str = setting(
        "nearest_neighbor_object",
        "How the source segment of a subtask is chosen",
        choices=STRATEGIES,
    )
    nn_k: int = setting(
        3, "Nearest neighbours among which one is drawn, for the two strategies that use them", low=1, high=1000
    )
    keep_clear: bool = setting(
        True,
        "Choose among the source segments that lead the hand into no other object, where there are any; "
        "for the Franka with cubes, and not with Isaac Lab's own generator",
    )
    reference: bool = setting(
        False,
        "Make attempts with Isaac Lab's own generator, one environment at a time: the same attempts as without "
        "keep_clear, slower",
    )
    subtasks: Mapping[str, SubtaskConfig] = field(default_factory=dict)
    """Exceptions by the subtask's signal; the last subtask, which has none, is called 'final'."""

    def of(self, subtask: str, key: str) -> Any:
        """Return a value for one subtask: its own if it has one, else that of all subtasks."""
        own = getattr(self.subtasks.get(subtask), key, None)
        return own if own is not None else getattr(self, key, None)


MODALITIES = ("normals", "segmentation", "rgb", "depth")
"""What can be rendered of a camera's view."""

SHADED = "shaded"
"""A video that is made of two modalities: segmentation colours, shaded by the normals."""


@dataclass(frozen=True, kw_only=True)
class CameraConfig:
    """A camera that stands still in every environment."""

    position: tuple[float, ...] = setting(
        (0.0, 0.0, 0.0), "Position in the environment", unit="m", low=-1000, high=1000, length=3
    )
    orientation: tuple[float, ...] = setting(
        (0.0, 0.0, 0.0, 1.0),
        "Orientation in the environment, a unit quaternion: z forward, y down",
        unit="x, y, z, w",
        low=-1,
        high=1,
        length=4,
    )
    focal_length: float = setting(24.0, "Focal length", unit="mm", low=0.1, high=10_000)
    aperture: float = setting(20.955, "Width of the image plane", unit="mm", low=0.1, high=10_000)
    near: float = setting(0.1, "Nothing nearer is seen", unit="m", low=1e-3, high=1e6)
    far: float = setting(1e5, "Nothing farther is seen", unit="m", low=1e-3, high=1e6)
    width: int | None = setting(None, "Width of this camera's images", unit="pixels", low=16, high=8192)
    height: int | None = setting(None, "Height of this camera's images", unit="pixels", low=16, high=8192)


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """What is rendered of the demonstrations that are kept."""

    when: str = setting(
        "after_each",
        "When kept demonstrations are rendered: after each success, all at the end of the run, or never",
        choices=("after_each", "at_end", "never"),
    )
    demos: tuple[str, ...] = setting(
        (), "Demonstrations of an existing dataset to render: names, numbers or ranges like 0-9; none named means all"
    )
    views: tuple[str, ...] = setting((), "Cameras to render, by name; none named means all")
    modalities: tuple[str, ...] = setting(("normals", "segmentation"), "What is rendered of a view", choices=MODALITIES)
    width: int = setting(480, "Width of the images", unit="pixels", low=16, high=8192)
    height: int = setting(264, "Height of the images", unit="pixels", low=16, high=8192)
    every: int = setting(1, "Every n-th step is rendered", unit="steps", low=1, high=10_000)
    videos: tuple[str, ...] = setting(
        (SHADED,), "Videos to make of a view: a modality, or shaded segmentation", choices=(*MODALITIES, SHADED)
    )
    in_dataset: bool = setting(False, "Also write the images into the dataset, as obs/<camera>_<modality>")
    unseen: tuple[str, ...] = setting((), "Classes that the cameras need not see, for instance the ground")
    cameras: Mapping[str, CameraConfig] = field(default_factory=dict)
    """Cameras by name; a task brings its own."""

    def drawn(self) -> tuple[str, ...]:
        """Return the modalities to draw: those that are wanted, and those that the videos are made of."""
        shaded = ("segmentation", "normals") if SHADED in self.videos else ()
        videos = (video for video in self.videos if video != SHADED)
        return tuple(dict.fromkeys((*self.modalities, *videos, *shaded)))

    def written(self) -> list[str]:
        """Return the names of everything that rendering writes into the output folder."""
        kinds = dict.fromkeys((*self.drawn(), *self.videos))
        return [*(f"{name}_{kind}" for name in self.used() for kind in kinds), "contact_sheet.png"]

    def used(self) -> dict[str, CameraConfig]:
        """Return the cameras to render, each with its resolution filled in."""
        return {
            name: dataclasses.replace(
                self.cameras[name],
                width=self.cameras[name].width or self.width,
                height=self.cameras[name].height or self.height,
            )
            for name in (self.views or self.cameras)
        }


@dataclass(frozen=True, kw_only=True)
class RandomizationConfig:
    """How a reset scatters the scene. A value left out is the task's own."""

    cube_x: tuple[float, ...] | None = setting(
        None, "Smallest and largest x of a cube, in the frame of its environment", unit="m", low=-2, high=2, length=2
    )
    cube_y: tuple[float, ...] | None = setting(
        None, "Smallest and largest y of a cube, in the frame of its environment", unit="m", low=-2, high=2, length=2
    )
    cube_yaw: tuple[float, ...] | None = setting(
        None, "Smallest and largest rotation of a cube about the vertical", unit="rad", low=-6.3, high=6.3, length=2
    )
    min_separation: float | None = setting(
        None, "Smallest distance between the centres of two cubes", unit="m", low=0, high=2
    )
    joint_noise_mean: float | None = setting(
        None, "Mean of the Gaussian noise on the arm's joints at a reset", unit="rad", low=-3.2, high=3.2
    )
    joint_noise_std: float | None = setting(
        None, "Standard deviation of the Gaussian noise on the arm's joints at a reset", unit="rad", low=0, high=3.2
    )
