"""The sections of a job's configuration.

A field's type has its limits, what the panel shows of it, and its unit; what holds between the values of a section is
checked when one is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError

Noise = Annotated[float, Meta(ge=0, le=1, extra={"unit": "of the action's range"})]
Steps = Annotated[int, Meta(ge=0, le=1000, extra={"unit": "steps"})]
Offset = Annotated[int, Meta(ge=-1000, le=1000, extra={"unit": "steps"})]
Neighbours = Annotated[int, Meta(ge=1, le=1000)]
Strategy = Literal["random", "nearest_neighbor_object", "nearest_neighbor_robot_distance"]
"""Upstream's selection strategies."""

Coordinate = Annotated[float, Meta(ge=-1000, le=1000, extra={"unit": "m"})]
Component = Annotated[float, Meta(ge=-1, le=1, extra={"unit": "x, y, z, w"})]
Millimetres = Annotated[float, Meta(ge=0.1, le=10_000, extra={"unit": "mm"})]
Depth = Annotated[float, Meta(ge=1e-3, le=1e6, extra={"unit": "m"})]
Pixels = Annotated[int, Meta(ge=16, le=8192, extra={"unit": "pixels"})]
Text = Annotated[str, Meta(min_length=1)]
Weight = Annotated[float, Meta(ge=0, le=1000)]


class _SubtaskSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mimic's settings of a subtask; None is the task's own."""

    action_noise: Annotated[
        Noise | None, Meta(description="Standard deviation of the Gaussian noise on the arm action")
    ] = None
    num_interpolation_steps: Annotated[
        Steps | None, Meta(description="Steps from the end of one segment to the start of the next")
    ] = None
    num_fixed_steps: Annotated[
        Steps | None, Meta(description="Steps that wait at the start of a segment for the arm to catch up")
    ] = None
    selection_strategy: Annotated[
        Strategy | None, Meta(description="How the source segment of a subtask is chosen")
    ] = None
    nn_k: Annotated[
        Neighbours | None,
        Meta(description="Nearest neighbours among which one is drawn, for the two strategies that use them"),
    ] = None
    pos_weight: Annotated[Weight | None, Meta(description="Weight of a distance of one metre among neighbours")] = None
    rot_weight: Annotated[Weight | None, Meta(description="Weight of a turn of one radian among neighbours")] = None
    apply_noise_during_interpolation: Annotated[
        bool | None, Meta(description="Put the noise on the steps between segments, too")
    ] = None
    leave_out: Annotated[
        tuple[Text, ...] | None,
        Meta(
            description="Source demonstrations of which no segment is followed, for instance those that the report "
            "says are kept less often. Not with Isaac Lab's own generator"
        ),
    ] = None


class SubtaskConfig(_SubtaskSettings, frozen=True, kw_only=True):
    """What one subtask has different from the rest; None is the value of all subtasks, or the task's own."""

    term_offset_low: Annotated[
        Offset | None, Meta(description="Smallest random delay of the segment's end after its signal")
    ] = None
    term_offset_high: Annotated[
        Offset | None, Meta(description="Largest random delay of the segment's end after its signal")
    ] = None


class MimicConfig(_SubtaskSettings, frozen=True, kw_only=True):
    """How Mimic stitches source segments, for all subtasks and, under `subtasks`, for single ones.

    None is the task's own: what its file says, or Isaac Lab's configuration of a task that no file describes.

    Attributes:
        subtasks: Exceptions by the subtask's name, which is its signal; the last subtask, which has none, is called
            'final'. Where two end effectors would have the same name, it is EEF_NAME: 'left_final'.
    """

    select_source_per_subtask: Annotated[
        bool | None,
        Meta(
            description="Choose the source anew for every subtask, instead of one source for a whole attempt: yes, "
            "where a file describes the task"
        ),
    ] = None
    select_source_per_arm: Annotated[
        bool | None,
        Meta(description="Choose a source for every end effector, instead of one source for all of them"),
    ] = None
    transform_first_robot_pose: Annotated[
        bool | None,
        Meta(
            description="Start every segment where the hand was in the source, not where it was told to go: "
            "people lead the hand by up to 20 cm, and a path to such a target cuts corners through the scene. Yes, "
            "where a file describes the task"
        ),
    ] = None
    interpolate_from_last_target_pose: Annotated[
        bool | None,
        Meta(description="Begin the way to a segment where the hand was told to go last, not where it is"),
    ] = None
    keep_clear: Annotated[
        bool,
        Meta(
            description="Choose among the source segments that lead the hand into no other object, where there are "
            "any; not with Isaac Lab's own generator"
        ),
    ] = True
    retry_start: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="How often an attempt that failed is tried again from the same start with other sources, so "
            "that hard starts are not lost; 0: never. Not with Isaac Lab's own generator",
        ),
    ] = 0
    perturb: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of the attempts that are disturbed before a grasp: the hand is pushed off its way, or "
            "the object is moved, and the rest is planned anew. Not with Isaac Lab's own generator",
        ),
    ] = 0.0
    reference: Annotated[
        bool,
        Meta(
            description="Make attempts with Isaac Lab's own generator, one environment at a time: the same attempts "
            "as without keep_clear, slower"
        ),
    ] = False
    subtasks: Annotated[dict[str, SubtaskConfig], Meta(extra={"name": "signal"})] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("retry_start", "perturb"):
            if self.reference and getattr(self, key):
                raise ConfigError(
                    f"mimic.{key} = {getattr(self, key)} with mimic.reference: Isaac Lab's own generator knows nothing "
                    f"of it; leave one of the two out"
                )
        if self.reference and self.leaves_out:
            raise ConfigError(
                "mimic.leave_out with mimic.reference: Isaac Lab's own generator knows nothing of it; leave one of the "
                "two out"
            )
        for name, subtask in self.subtasks.items():
            low, high = subtask.term_offset_low, subtask.term_offset_high
            if (low is None) != (high is None) or (low is not None and high is not None and low > high):
                raise ConfigError(
                    f"mimic.subtasks.{name}: term_offset_low = {low} and term_offset_high = {high}: "
                    "give both, the low one not above the high one"
                )

    @property
    def leaves_out(self) -> bool:
        """Whether source demonstrations are left out of any subtask."""
        return bool(self.leave_out) or any(one.leave_out for one in self.subtasks.values())

    def of(self, subtask: str, key: str) -> Any:
        """Return a value for one subtask: its own if it has one, else that of all subtasks; None: the task's own."""
        own = getattr(self.subtasks.get(subtask), key, None)
        return own if own is not None else getattr(self, key, None)


def subtask_names(signals: Mapping[str, Sequence[str | None]]) -> dict[str, list[str]]:
    """Return what the configuration calls subtasks, by end effector: see `MimicConfig`.

    Args:
        signals: The signals that end them, in order, None for none.
    """
    plain = {eef: [signal or "final" for signal in own] for eef, own in signals.items()}

    def shared(name: str) -> bool:
        return sum(name in own for own in plain.values()) > 1

    return {eef: [f"{eef}_{name}" if shared(name) else name for name in own] for eef, own in plain.items()}


Modality = Literal["normals", "segmentation", "rgb", "depth"]
MODALITIES: tuple[Modality, ...] = ("normals", "segmentation", "rgb", "depth")
"""What can be rendered of a camera's view."""

SHADED: Literal["shaded"] = "shaded"
"""A video that is made of two modalities: segmentation colours, shaded by the normals."""


class CameraConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that stands still in every environment, or moves with one of its bodies.

    Attributes:
        mount: The body: its name, or ROBOT/NAME, OBJECT/NAME where several have one of that name. Position and
            orientation are in its frame then.
    """

    mount: Annotated[
        Text | None, Meta(description="Body that the camera moves with, for instance a robot's hand; none: it stands")
    ] = None

    position: Annotated[
        tuple[Coordinate, Coordinate, Coordinate],
        Meta(description="Position in the environment, or in the frame of the mount"),
    ] = (
        0.0,
        0.0,
        0.0,
    )
    orientation: Annotated[
        tuple[Component, Component, Component, Component],
        Meta(description="Orientation in the same frame, a unit quaternion: z forward, y down"),
    ] = (0.0, 0.0, 0.0, 1.0)
    focal_length: Annotated[Millimetres, Meta(description="Focal length")] = 24.0
    aperture: Annotated[Millimetres, Meta(description="Width of the image plane")] = 20.955
    near: Annotated[Depth, Meta(description="Nothing nearer is seen")] = 0.1
    far: Annotated[Depth, Meta(description="Nothing farther is seen")] = 1e5
    width: Annotated[Pixels | None, Meta(description="Width of this camera's images")] = None
    height: Annotated[Pixels | None, Meta(description="Height of this camera's images")] = None


class RenderConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is rendered of the demonstrations that are kept.

    Attributes:
        cameras: By name; a task brings its own.
    """

    when: Annotated[
        Literal["after_each", "at_end", "never"],
        Meta(description="When kept demonstrations are rendered: after each success, all at the end, or never"),
    ] = "after_each"
    demos: Annotated[
        tuple[Text, ...],
        Meta(
            description="Demonstrations of an existing dataset to render: names, numbers or ranges like 0-9; none "
            "named means all"
        ),
    ] = ()
    views: Annotated[tuple[Text, ...], Meta(description="Cameras to render, by name; none named means all")] = ()
    modalities: Annotated[tuple[Modality, ...], Meta(description="What is rendered of a view")] = (
        "normals",
        "segmentation",
    )
    width: Annotated[Pixels, Meta(description="Width of the images")] = 480
    height: Annotated[Pixels, Meta(description="Height of the images")] = 264
    format: Annotated[
        Literal["png", "video"],
        Meta(description="What images are written as: a PNG file each, or a lossless video for each demonstration"),
    ] = "png"
    every: Annotated[int, Meta(ge=1, le=10_000, description="Every n-th step is rendered", extra={"unit": "steps"})] = 1
    videos: Annotated[
        tuple[Literal["normals", "segmentation", "rgb", "depth", "shaded"], ...],
        Meta(description="Videos to make of a view: a modality, or shaded segmentation"),
    ] = (SHADED,)
    in_dataset: Annotated[
        bool, Meta(description="Also write the images into the dataset, as obs/<camera>_<modality>")
    ] = False
    unseen: Annotated[
        tuple[Text, ...], Meta(description="Classes that the cameras need not see, for instance the ground")
    ] = ()
    looks: LooksConfig = field(default_factory=LooksConfig)
    cameras: Annotated[dict[str, CameraConfig], Meta(extra={"name": "camera"})] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.views if name not in self.cameras]
        if unknown:
            known = ", ".join(self.cameras) or "none"
            raise ConfigError(f"render.views = '{unknown[0]}': there is no such camera; cameras: {known}")
        if self.in_dataset and self.every != 1:
            raise ConfigError(
                f"render.every = {self.every} with render.in_dataset: a dataset has an image a step; set render.every "
                "= 1"
            )
        for name, camera in self.cameras.items():
            _check_camera(name, camera)

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
            name: msgspec.structs.replace(
                self.cameras[name],
                width=self.cameras[name].width or self.width,
                height=self.cameras[name].height or self.height,
            )
            for name in (self.views or self.cameras)
        }


class ObserveConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What cameras show of every step, as observations: images in the loop. They need the embedded runtime.

    Attributes:
        width: Of all images, those of a task's own cameras, too. None: of those the task's own; of others what
            `render` says.
        height: Likewise.
    """

    cameras: Annotated[
        tuple[Text, ...], Meta(description="Cameras of 'render.cameras' whose images are observed, by name")
    ] = ()
    modalities: Annotated[tuple[Modality, ...], Meta(description="What is observed through them")] = ("rgb",)
    width: Annotated[Pixels | None, Meta(description="Width of observed images")] = None
    height: Annotated[Pixels | None, Meta(description="Height of observed images")] = None
    record: Annotated[
        bool, Meta(description="Also write them into the dataset, as obs/<camera>_<modality>, depth in millimetres")
    ] = True

    def written(self) -> set[str]:
        """Return the names under `obs` in a dataset."""
        if not self.record:
            return set()
        return {f"{name}_{modality}" for name in self.cameras for modality in self.modalities}


def _check_camera(name: str, camera: CameraConfig) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ConfigError(f"render.cameras: {quoted(name)}: a camera's name has letters, digits, - and _ only")
    if abs(sum(x * x for x in camera.orientation) - 1.0) > 1e-2:
        raise ConfigError(
            f"render.cameras.{name}.orientation = {list(camera.orientation)}: expected a unit quaternion (x, y, z, w)"
        )
    if camera.near >= camera.far:
        raise ConfigError(f"render.cameras.{name}: near = {camera.near} is not below far = {camera.far}")
