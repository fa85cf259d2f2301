"""The section `[randomization]`: how a reset scatters the scene."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from mimicgen.datagen.errors import ConfigError

Metres = Annotated[float, Meta(ge=-2, le=2, extra={"unit": "m"})]
Distance = Annotated[float, Meta(ge=0, le=2, extra={"unit": "m"})]
Radians = Annotated[float, Meta(ge=-6.3, le=6.3, extra={"unit": "rad"})]
Joint = Annotated[float, Meta(ge=-3.2, le=3.2, extra={"unit": "rad"})]
JointNoise = Annotated[float, Meta(ge=0, le=3.2, extra={"unit": "rad"})]


class RandomizationConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a reset scatters the scene; None is the task's own."""

    x: Annotated[
        tuple[Metres, Metres] | None,
        Meta(description="Smallest and largest x of the objects that a reset scatters, in their environment's frame"),
    ] = None
    y: Annotated[
        tuple[Metres, Metres] | None,
        Meta(description="Smallest and largest y of the objects that a reset scatters, in their environment's frame"),
    ] = None
    yaw: Annotated[
        tuple[Radians, Radians] | None,
        Meta(description="Smallest and largest rotation of the objects that a reset scatters, about the vertical"),
    ] = None
    min_separation: Annotated[
        Distance | None, Meta(description="Smallest distance between the centres of two objects that a reset scatters")
    ] = None
    joint_noise_mean: Annotated[
        Joint | None, Meta(description="Mean of the Gaussian noise on the arm's joints at a reset")
    ] = None
    joint_noise_std: Annotated[
        JointNoise | None, Meta(description="Standard deviation of the Gaussian noise on the arm's joints at a reset")
    ] = None

    def __post_init__(self) -> None:
        for key in ("x", "y", "yaw"):
            pair = getattr(self, key)
            if pair is not None and not pair[0] <= pair[1]:
                raise ConfigError(f"randomization.{key} = {list(pair)}: expected the smaller number first")
        check_separation(self.given())

    def given(self) -> dict[str, Any]:
        """Return the values that are not the task's own."""
        return {key: value for key, value in msgspec.structs.asdict(self).items() if value is not None}


def check_separation(randomization: Mapping[str, Any]) -> None:
    """Check that two objects can be as far apart as they have to be, where that is known: a reset would try in vain.

    Args:
        randomization: Values of the keys of `randomization`, a job's or a task's.

    Raises:
        ConfigError: They cannot.
    """
    x, y, apart = (randomization.get(key) for key in ("x", "y", "min_separation"))
    if x is not None and y is not None and apart is not None and apart > math.hypot(x[1] - x[0], y[1] - y[0]):
        raise ConfigError(
            f"randomization.min_separation = {apart}: no two places in x = {list(x)} and y = {list(y)} are "
            "so far apart; make it smaller, or the ranges larger"
        )
