"""The section `[render.looks]`: how far the looks of a demonstration may be from how the task's scene is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from mimicgen.datagen.errors import ConfigError

Share = Annotated[float, Meta(ge=0, le=1)]
Strength = Annotated[float, Meta(ge=0, le=5)]
Angle = Annotated[float, Meta(ge=0, le=90, extra={"unit": "degrees"})]
Tilt = Annotated[float, Meta(ge=0, le=30, extra={"unit": "degrees"})]
Shift = Annotated[float, Meta(ge=0, le=1, extra={"unit": "m"})]


class LooksConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many looks a demonstration is rendered with, and from what they are drawn; a zero leaves that as it is."""

    count: Annotated[
        int, Meta(ge=0, le=10_000, description="Looks that every demonstration is rendered with; 0: as the scene is")
    ] = 0
    colours: Annotated[
        Share, Meta(description="Most that a colour of table, ground, walls and robots gives way to a random one")
    ] = 0.8
    object_colours: Annotated[
        Share,
        Meta(description="The same of the task's objects: few, where they are told apart by their colours"),
    ] = 0.15
    gloss: Annotated[Share, Meta(description="Strongest highlight on a surface; without it all are matt")] = 0.5
    patterns: Annotated[
        Share, Meta(description="Strongest contrast of tiles, planks or speckles on table and ground")
    ] = 0.5
    lights: Annotated[int, Meta(ge=0, le=8, description="Most lights; 0: the one that is there")] = 3
    light_strength: Annotated[
        tuple[Strength, Strength], Meta(description="Weakest and strongest light, all together; 1: as it is")
    ] = (0.6, 1.5)
    light_colour: Annotated[Share, Meta(description="How warm or cold a light may be; 0: white")] = 0.4
    light_angle: Annotated[Angle, Meta(description="Largest angle between a light's direction and the vertical")] = 60.0
    camera_position: Annotated[Shift, Meta(description="Farthest that a camera is moved")] = 0.03
    camera_angle: Annotated[Tilt, Meta(description="Most that a camera is turned")] = 2.0
    focal_length: Annotated[
        Annotated[float, Meta(ge=0, le=0.5)], Meta(description="Largest change of a focal length, as a share of it")
    ] = 0.05
    distractors: Annotated[
        int,
        Meta(ge=0, le=50, description="Most things that stand about where nothing moves in the demonstration"),
    ] = 4
    backgrounds: Annotated[
        Path | None, Meta(description="Folder of pictures (JPEG, PNG, WebP), of which one is seen behind the scene")
    ] = None

    def __post_init__(self) -> None:
        weakest, strongest = self.light_strength
        if weakest > strongest:
            raise ConfigError(
                f"render.looks.light_strength = {[weakest, strongest]}: expected the smaller number first"
            )
