"""A task's own camera sensors: what it observes through them, and a configuration without them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import torch
from isaaclab.managers import ObservationGroupCfg, ObservationTermCfg, SceneEntityCfg
from isaaclab.sensors import CameraCfg
from isaaclab.sim import PinholeCameraCfg
from isaaclab.utils.math import convert_camera_frame_orientation_convention

from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.config.sections import CameraConfig, ObserveConfig
from mimicgen.datagen.dataset.images.pixels import BACKGROUND, DATA_TYPES, UNLABELLED, Colour
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.errors import TaskError
from mimicgen.datagen.isaaclab.managers.recorders import ImageRecorderCfg
from mimicgen.datagen.tasks.colours import class_colours

GROUP = "images"
"""The observation group of the cameras that a job names."""

LOOKS = ("randomize_scene_lighting_domelight", "randomize_visual_texture_material")
"""Events that change lights and textures, by their functions: the rasteriser has one light and plain colours."""

SAVES = "save_image_to_file"
"""Parameter of the blueprint's observation function, which saves every image that it returns."""

_ENVIRONMENT = "{ENV_REGEX_NS}"


@dataclass
class Observed:
    """What is observed of an environment through cameras that the rasteriser draws.

    Attributes:
        views: The cameras.
        modalities: What is drawn of them.
        colours: Colours of classes in segmentation images.
        terms: The observation terms that read them, by group.
        left_out: What of the task's own looks cannot be had.
        looks: What may be put on.
    """

    views: list[View] = field(default_factory=list)
    modalities: set[str] = field(default_factory=set)
    colours: dict[str, Colour] = field(default_factory=dict)
    terms: dict[str, dict[str, ObservationTermCfg]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    looks: LooksConfig = field(default_factory=LooksConfig)

    def __str__(self) -> str:
        """Say it in a line."""
        told = f"the rasteriser draws what is observed through {', '.join(view.name for view in self.views)}"
        return f"{told}; left out: {', '.join(self.left_out)}" if self.left_out else told

    def put_into(self, observations: Any) -> None:
        """Put the terms into a configuration of observations."""
        for name, terms in self.terms.items():
            group = getattr(observations, name, None) or ObservationGroupCfg(concatenate_terms=False)
            for term, own in terms.items():
                setattr(group, term, own)
            setattr(observations, name, group)


def observe(cfg: Any, job: Job) -> Observed | None:
    """Take a task's own cameras out of its configuration, and return what a job observes through cameras.

    Args:
        cfg: Isaac Lab's configuration of the environment; the recorder of what is observed comes in.
        job: The job. One in which nobody acts on what is observed, and nothing is written, observes nothing.

    Returns:
        What is observed; None for nothing.

    Raises:
        TaskError: The task observes something through its cameras that is not drawn, or has a camera of that name.
    """
    found = observed_by(cfg, job.observe)
    if not job.observes:
        return None
    for name in job.observe.cameras:
        if any(view.name == name for view in found.views):
            raise TaskError(
                f"observe.cameras = '{name}': task '{cfg.env_name}' observes through a camera of its own of that name; "
                "give yours another one in render.cameras"
            )
    own = job.observe
    found.views += [
        View(name, _sized(job.render.cameras[name], own, job.render.width, job.render.height)) for name in own.cameras
    ]
    if own.cameras:
        found.modalities |= set(own.modalities)
        found.terms[GROUP] = {
            f"{name}_{modality}": ObservationTermCfg(func=image, params={"camera": name, "modality": modality})
            for name in own.cameras
            for modality in own.modalities
        }
        if own.record and job.makes_dataset:
            cfg.recorders.record_images = ImageRecorderCfg(group=GROUP)
    found.colours = class_colours(job.task) | found.colours
    found.looks = job.render.looks
    return found if found.views else None


def observed_by(cfg: Any, sized: ObserveConfig) -> Observed:
    """Take a task's own cameras out of its configuration, and return what it observes through them.

    Raises:
        TaskError: It observes something that is not drawn.
    """
    found = Observed()
    sensors = {name: sensor for name, sensor in vars(cfg.scene).items() if isinstance(sensor, CameraCfg)}
    for group, name, term, camera in _terms(cfg, sensors):
        data_type = term.params.get("data_type") or getattr(term.func, "default_data_type", None)
        if data_type not in DATA_TYPES:
            raise TaskError(
                f"task '{cfg.env_name}' observes {data_type or name} through {camera}, which is not drawn without "
                f"Isaac Sim; drawn are {', '.join(DATA_TYPES)}"
            )
        if data_type == "semantic_segmentation" and not sensors[camera].renderer_cfg.colorize_semantic_segmentation:
            raise TaskError(
                f"task '{cfg.env_name}' observes classes as numbers through {camera}, which are not drawn without "
                "Isaac Sim; drawn are their colours"
            )
        if SAVES in term.params:
            term.params[SAVES] = False
        found.modalities.add(DATA_TYPES[data_type])
        found.terms.setdefault(group, {})[name] = term
    for name, sensor in sensors.items():
        if any(name == camera for *_, camera in _terms(cfg, sensors)):
            found.views.append(View(name, _sized(_camera(cfg.env_name, name, sensor), sized)))
            mapping = sensor.renderer_cfg.semantic_segmentation_mapping
            _add_colours(found.colours, mapping, f"task '{cfg.env_name}': camera {name}")
    if sensors:
        for name, event in vars(cfg.events).items():
            if getattr(getattr(event, "func", None), "__name__", "") in LOOKS:
                setattr(cfg.events, name, None)
                found.left_out.append(name)
    take_out(cfg)
    return found


def take_out(cfg: Any) -> list[str]:
    """Take camera sensors, and the observations and events of them, out of a task's configuration.

    In Isaac Sim a camera sensor updates the whole application whenever it is read, in the middle of a step. A run
    records states, from which its own cameras are drawn afterwards, those of failed attempts not at all.

    Args:
        cfg: Isaac Lab's configuration of the environment.

    Returns:
        The sensors' names.
    """
    names = [name for name, sensor in vars(cfg.scene).items() if isinstance(sensor, CameraCfg)]
    for name in names:
        setattr(cfg.scene, name, None)
    groups = [group for group in vars(cfg.observations).values() if hasattr(group, "concatenate_terms")]
    for terms in (*groups, cfg.events):
        for term, own in list(vars(terms).items()):
            if any(entity in names for entity in _entities(own)):
                setattr(terms, term, None)
    return names


def image(env: Any, camera: str, modality: str) -> torch.Tensor:
    """Observation: what a camera shows now, as frames are written; see `Rasteriser.images_of` for shapes and types."""
    found: torch.Tensor = env.scene.sensors[camera].images()[modality]
    return found


def _terms(cfg: Any, sensors: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, str]]:
    """Yield the observation terms that read cameras: group, name, term and camera."""
    for group, terms in vars(cfg.observations).items():
        if hasattr(terms, "concatenate_terms"):
            for name, term in vars(terms).items():
                yield from ((group, name, term, entity) for entity in _entities(term) if entity in sensors)


def _entities(term: Any) -> list[str]:
    """Return the names of the scene entities that a term is about."""
    return [value.name for value in getattr(term, "params", {}).values() if isinstance(value, SceneEntityCfg)]


def _camera(task: str, name: str, sensor: CameraCfg) -> CameraConfig:
    """Return a camera sensor as one of ours.

    Raises:
        TaskError: It is not a pinhole camera.
    """
    lens = sensor.spawn
    if type(lens) is not PinholeCameraCfg:
        raise TaskError(f"task '{task}': {name} is no pinhole camera, and drawn without Isaac Sim are those alone")
    turned = convert_camera_frame_orientation_convention(
        torch.tensor([sensor.offset.rot], dtype=torch.float64), origin=sensor.offset.convention, target="ros"
    )
    near, far = lens.clipping_range
    return CameraConfig(
        mount=_mount(sensor.prim_path),
        position=sensor.offset.pos,
        orientation=tuple(turned[0].tolist()),
        focal_length=lens.focal_length,
        aperture=lens.horizontal_aperture,
        near=near,
        far=far,
        width=sensor.width,
        height=sensor.height,
    )


def _mount(path: str) -> str | None:
    """Return what a sensor is mounted on, by its prim's path, an expression: ROBOT/BODY, None for its environment."""
    parent, _, _ = path.removeprefix(f"{_ENVIRONMENT}/").rpartition("/")
    if not parent:
        return None
    parts = re.sub(r"\([^()]*\)\??", "", parent).split("/")  # folders that may lie between
    return f"{parts[0]}/{parts[-1]}"


def _sized(
    camera: CameraConfig, sized: ObserveConfig, width: int | None = None, height: int | None = None
) -> CameraConfig:
    """Return a camera with the size of its images filled in: what is said, else its own, else what is given."""
    size = {"width": sized.width or camera.width or width, "height": sized.height or camera.height or height}
    return msgspec.structs.replace(camera, **size)


def _add_colours(colours: dict[str, Colour], mapping: Mapping[str, tuple[int, ...]], who: str) -> None:
    """Add the colours that a sensor gives classes.

    Raises:
        TaskError: Another sensor gives one of them another colour.
    """
    known = {"BACKGROUND": BACKGROUND, "UNLABELLED": UNLABELLED}
    for key, (red, green, blue, *_) in mapping.items():
        label = key.removeprefix("class:")
        label = known.get(label, label)
        if colours.setdefault(label, (red, green, blue)) != (red, green, blue):
            raise TaskError(f"{who} gives class '{label}' another colour than the camera before")
