"""Looks: colours, lights, cameras and things about, with which a demonstration is drawn though its states stay.

A look is a function of the run's seed, the demonstration's name and states, and its number alone: whatever else is
rendered, and where, it comes out the same. Each part of it has a stream of random numbers of its own, so that a range
which changes leaves the other parts as they were.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from mimicgen.datagen.config.looks import LooksConfig
from mimicgen.datagen.config.sections import CameraConfig, RenderConfig
from mimicgen.datagen.dataset.images.pixels import BACKGROUND, COLOURS
from mimicgen.datagen.dataset.images.room import Room, Standing, hue_colour, stand
from mimicgen.datagen.errors import SetupError

Vector = tuple[float, float, float]
"""x, y, z; or red, green and blue from 0 to 1."""

PICTURES = (".jpg", ".jpeg", ".png", ".webp")

AMBIENT = 0.5
"""Strength of the light from everywhere as the scene is."""


Pattern = Literal["plain", "tiles", "planks", "speckles"]
PATTERNS: tuple[Pattern, ...] = ("plain", "tiles", "planks", "speckles")

PATTERNED = {"table": (0.04, 0.25), "ground": (0.15, 0.8)}
"""Classes that may have a pattern: smallest and largest size of its parts [m]."""

CALM = {"robot": 0.3, "table": 0.5, "ground": 0.3, BACKGROUND: 0.4}
"""How strong the colours of some classes may be: there are not many pink robots, nor rooms."""


class Paint(Struct, frozen=True, omit_defaults=True):
    """What a class is painted with.

    Attributes:
        colour: Red, green and blue, 0 to 1.
        share: How much of it there is in the new colour; the rest is the old one.
        gloss: Strength of the highlights, 0 to 1.
        pattern: What is on it.
        size: Of the pattern's parts [m].
        contrast: How much of the light the pattern takes at most, 0 to 1.
    """

    colour: Vector
    share: float
    gloss: float
    pattern: Pattern = "plain"
    size: float = 1.0
    contrast: float = 0.0

    def over(self, own: Any) -> Any:
        """Return colours under this paint, (..., 3), 0 to 1."""
        return (1.0 - self.share) * np.asarray(own) + self.share * np.asarray(self.colour)


class Light(Struct, frozen=True):
    """A directional light: the unit vector towards it, its colour, 0 to 1, and its strength; 1 is the usual one."""

    towards: Vector
    colour: Vector
    strength: float


class Pose(Struct, frozen=True):
    """Where a camera is: see `CameraConfig`."""

    position: Vector
    orientation: tuple[float, float, float, float]
    focal_length: float

    def on(self, camera: CameraConfig) -> CameraConfig:
        """Return a camera that is here."""
        return msgspec.structs.replace(
            camera, position=self.position, orientation=self.orientation, focal_length=self.focal_length
        )


class Walls(Struct, frozen=True):
    """Four walls around the scene, which only colour images show.

    Attributes:
        middle: x and y of the point between them [m].
        distance: From there [m].
        yaw: How they are turned about the vertical [rad].
    """

    middle: tuple[float, float]
    distance: float
    yaw: float


class Look(Struct, frozen=True):
    """A look.

    Attributes:
        number: Its number among those of its demonstration.
        paints: By class; that of 'background' is for the walls.
        ambient: Strength of the light from everywhere.
        lights: The lights; none: as they are.
        cameras: By view.
        distractors: Things that stand about.
        walls: Around the scene; None where a picture is, or nothing is painted.
        background: Name of the picture behind the scene.
    """

    number: int
    paints: dict[str, Paint]
    ambient: float
    lights: tuple[Light, ...]
    cameras: dict[str, Pose]
    distractors: tuple[Standing, ...]
    walls: Walls | None = None
    background: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Look:
        """Return the look of which a manifest tells.

        Raises:
            msgspec.ValidationError: It tells of none.
        """
        return msgspec.convert(told, cls)

    def seen(self, render: RenderConfig) -> RenderConfig:
        """Return what is rendered, with the cameras where this look has them."""
        moved = {name: pose.on(render.cameras[name]) for name, pose in self.cameras.items()}
        return msgspec.structs.replace(render, cameras={**render.cameras, **moved})


def backgrounds_in(folder: Path | None) -> tuple[str, ...]:
    """Return the names of the pictures in a folder, in order.

    Raises:
        SetupError: There is no such folder, or it has none.
    """
    if folder is None:
        return ()
    place = f"render.looks.backgrounds = '{folder}'"
    if not folder.expanduser().is_dir():
        raise SetupError(f"{place}: there is no such folder; pass one with pictures, or leave it out")
    found = sorted(path.name for path in folder.expanduser().iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise SetupError(f"{place}: has no picture that ends with {', '.join(PICTURES)}; put some there")
    return tuple(found)


def draw_look(
    render: RenderConfig, seed: int, demo: str, number: int, room: Room, backgrounds: Sequence[str] = ()
) -> Look:
    """Return a look of a demonstration.

    Args:
        render: Its ranges, and the cameras.
        seed: The run's seed.
        demo: Name of the demonstration.
        number: Which of its looks.
        room: What the demonstration shows and where something moves in it.
        backgrounds: Names of the pictures of which one may be behind the scene.
    """
    looks = render.looks
    words = struct.unpack("<4I", hashlib.blake2b(demo.encode(), digest_size=16).digest())
    streams = np.random.SeedSequence(seed, spawn_key=(*words, number)).spawn(5)
    painting, lighting, filming, standing, behind = map(np.random.default_rng, streams)
    paints = {name: _paint(painting, looks, name) for name in sorted({*room.classes, BACKGROUND})}
    cameras = {name: _pose(filming, looks, camera) for name, camera in render.used().items()}
    standing_still = [name for name, camera in render.used().items() if camera.mount is None]
    eyes = np.array([cameras[name].position for name in standing_still]).reshape(-1, 3)
    background = str(behind.choice(list(backgrounds))) if backgrounds else None
    farthest = float(np.abs(eyes[:, :2] - room.middle[:2]).max(initial=0.0))
    walls = Walls(
        middle=(float(room.middle[0]), float(room.middle[1])),
        distance=math.sqrt(2) * farthest + behind.uniform(0.5, 3.0),
        yaw=behind.uniform(0.0, math.pi / 2),
    )
    return Look(
        number=number,
        paints=paints,
        ambient=AMBIENT * lighting.uniform(*looks.light_strength) if looks.lights else AMBIENT,
        lights=_lights(lighting, looks),
        cameras=cameras,
        distractors=stand(standing, looks.distractors, looks.gloss, room, eyes),
        walls=walls if background is None and looks.colours > 0 else None,
        background=background,
    )


def _paint(stream: np.random.Generator, looks: LooksConfig, name: str) -> Paint:
    """Return the paint of a class: of most things grey and pale colours are more likely than strong ones."""
    most = looks.colours if name in COLOURS else looks.object_colours
    strong = CALM.get(name, 0.9) * stream.uniform() ** 1.5
    paint = Paint(
        colour=hue_colour(stream.uniform(), strong, stream.uniform(0.2, 0.95)),
        share=most * stream.uniform(),
        gloss=looks.gloss * stream.uniform(),
    )
    pattern, share, size = int(stream.integers(len(PATTERNS))), stream.uniform(0.2, 1.0), stream.uniform()
    if name not in PATTERNED or not pattern or not looks.patterns:
        return paint
    low, high = PATTERNED[name]
    about = {"pattern": PATTERNS[pattern], "size": low * (high / low) ** size, "contrast": looks.patterns * share}
    return msgspec.structs.replace(paint, **about)


def _lights(stream: np.random.Generator, looks: LooksConfig) -> tuple[Light, ...]:
    """Return lights that are together as strong as one may be, and warm or cold."""
    if not looks.lights:
        return ()
    count = int(stream.integers(1, looks.lights, endpoint=True))
    shares = stream.dirichlet(np.full(count, 2.0)) * stream.uniform(*looks.light_strength)
    found = []
    for share in shares:
        # Evenly on the cap of a sphere.
        height = stream.uniform(math.cos(math.radians(looks.light_angle)), 1.0)
        turn, across = stream.uniform(-math.pi, math.pi), math.sqrt(1.0 - height * height)
        warm = looks.light_colour * stream.uniform(-1.0, 1.0)
        tone = (1.0, 1.0 - 0.4 * warm, 1.0 - 0.8 * warm) if warm > 0 else (1.0 + 0.6 * warm, 1.0 + 0.3 * warm, 1.0)
        towards = (across * math.cos(turn), across * math.sin(turn), height)
        found.append(Light(_vector(towards), _vector(tone), float(share)))
    return tuple(found)


def _pose(stream: np.random.Generator, looks: LooksConfig, camera: CameraConfig) -> Pose:
    """Return a camera near where it is: moved and turned within a ball each."""
    moved = looks.camera_position * stream.uniform() ** (1 / 3) * _direction(stream)
    half = math.radians(looks.camera_angle) * stream.uniform() ** (1 / 3) / 2
    turn = (*(math.sin(half) * _direction(stream)), math.cos(half))
    return Pose(
        position=_vector(np.add(camera.position, moved)),
        orientation=_times(turn, camera.orientation),
        focal_length=camera.focal_length * float(1.0 + looks.focal_length * stream.uniform(-1.0, 1.0)),
    )


def _direction(stream: np.random.Generator) -> Any:
    """Return a random unit vector."""
    vector = stream.normal(size=3)
    return vector / np.linalg.norm(vector)


def _times(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the product of two quaternions (x, y, z, w)."""
    u, v = np.array(a[:3]), np.array(b[:3])
    x, y, z = a[3] * v + b[3] * u + np.cross(u, v)
    return float(x), float(y), float(z), float(a[3] * b[3] - u @ v)


def _vector(values: Sequence[float]) -> Vector:
    x, y, z = map(float, values)
    return x, y, z
