"""The section `[vary]`: what is harder for a policy than what it was trained on; one at a time says what it lacks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class VaryConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an evaluation varies; as it is, nothing."""

    starts: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            description="How wide the ranges of x, y and yaw are from which objects start, as a share of the task's "
            "own, about their middles",
        ),
    ] = 1.0
    joint_noise: Annotated[
        Annotated[float, Meta(ge=0, le=3.2)] | None,
        Meta(
            description="Standard deviation of the noise on the arms' joints at the start, and so of the hands' poses; "
            "none: the task's own",
            extra={"unit": "rad"},
        ),
    ] = None
    action_delay: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Steps after which an action is taken; until the first one is, the hands stay where they are",
            extra={"unit": "steps"},
        ),
    ] = 0
    observation_noise: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            description="Standard deviation of the Gaussian noise on every number that is observed, images left out",
            extra={"unit": "of each observation: m, rad, ..."},
        ),
    ] = 0.0
    look: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Number of the look, out of those that 'render.looks' allows, in which everything is observed "
            "through 'observe.cameras', without things that stand about; 0: as the scene is",
        ),
    ] = 0
