"""What a training is: whose network and loss, what it observes, how long it goes on. A preset is a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from mimicgen.datagen.config.layers import from_assignments
from mimicgen.datagen.config.reading import content, parsed, typed
from mimicgen.datagen.config.values import nest, quoted
from mimicgen.datagen.errors import ConfigError

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=100_000_000)]
Natural = Annotated[int, Meta(ge=0, le=100_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(ge=0, le=1000)]


class Observed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a policy observes, by the names under `obs` in the dataset.

    Attributes:
        state: Numbers of the robot, one after the other: LeRobot's `observation.state`.
        environment_state: Numbers of the objects: LeRobot's `observation.environment_state`.
        images: Images of cameras, (height, width, 3), uint8.
    """

    state: Annotated[tuple[Name, ...], Meta(min_length=1)]
    environment_state: tuple[Name, ...] = ()
    images: tuple[Name, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """All that are no images."""
        return (*self.state, *self.environment_state)


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a network is trained: AdamW, with a schedule and an average of the weights.

    Attributes:
        steps: Gradient steps.
        batch_size: Samples a step.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW; with 0 it is Adam.
        warmup: Share of the steps over which the learning rate rises from 0.
        schedule: What the learning rate does after that: stay, or fall to 0 along a cosine.
        ema: Decay of the moving average of the weights, which is what a checkpoint has; 0: the weights themselves.
        gradient_clip: Largest norm of the gradient; 0: none.
        precision: Of the network's forward pass.
        image_shift: Images are shifted at random by so many pixels at most, each sample by its own, the edge repeated.
        turn: Scenes are turned about the vertical at random, each sample's by its own angle, to either side by so many
            degrees at most; where that cannot be done, it is told why. See `turning/scenes.py`.
        move: And moved by so much at most, along x and y [m].
        save_every: Steps between two checkpoints.
    """

    steps: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: Positive = 0.0
    warmup: Share = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    ema: Share = 0.0
    gradient_clip: Positive = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    image_shift: Annotated[int, Meta(ge=0, le=1000)] = 0
    turn: Annotated[float, Meta(ge=0, le=180)] = 0.0
    move: Annotated[float, Meta(ge=0, le=10)] = 0.0
    save_every: Count = 5000


class Evaluating(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How checkpoints are evaluated as they come.

    Attributes:
        every: Steps between two checkpoints that are evaluated; 0: none is.
        episodes: Of each evaluation.
        num_envs: Environments that run side by side.
        seed: Of the evaluations, which all have the same starts. The best one's rate is a little too good, as it was
            chosen by it; another seed tells what it is.
        patience: Evaluations in a row without a better one, after which training stops; 0: it goes on to the end.
    """

    every: Natural = 0
    episodes: Count = 100
    num_envs: Count = 16
    seed: Natural = 1000
    patience: Natural = 0


class Preset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training.

    Attributes:
        library: Whose network and loss are trained.
        policy: Which: LeRobot's 'diffusion' or 'act', robomimic's 'bc'.
        observations: What it observes.
        training: How it is trained.
        evaluation: How its checkpoints are evaluated.
        network: What the library's own configuration is told; 'none' stands for None.
    """

    library: Literal["lerobot", "robomimic"]
    policy: Literal["diffusion", "act", "bc"]
    observations: Observed
    training: Training
    evaluation: Evaluating = field(default_factory=Evaluating)
    network: dict[str, Any] = field(default_factory=dict)


POLICIES = {"lerobot": ("diffusion", "act"), "robomimic": ("bc",)}
"""What can be trained of each library."""

LEAKS = ("actions", "datagen_info")
"""Observations of Isaac Lab's that no policy is given: its own last action, and what Mimic generates from."""


def read_preset(path: Path, assignments: Sequence[str] = ()) -> Preset:
    """Return the preset of a file.

    Args:
        path: The TOML file.
        assignments: 'key=value' by dotted key, which take the place of the file's; values are written as in TOML, texts
            also without quotation marks.

    Raises:
        ConfigError: The file cannot be read, or something in it, or in an assignment, is not valid.
    """
    place = f"preset {quoted(path)}"
    tree = parsed(content(path, place, ConfigError), place, ConfigError)
    own = nest({key: _value(value) for key, value in from_assignments(list(assignments)).items()})
    preset = typed(_over(tree, own), Preset, place, ConfigError)
    if preset.policy not in POLICIES[preset.library]:
        names = ", ".join(POLICIES[preset.library])
        raise ConfigError(f"{place}: policy = '{preset.policy}': of {preset.library} there are {names}")
    turns = preset.training.turn or preset.training.move
    if turns and (preset.library != "lerobot" or preset.observations.images):
        raise ConfigError(
            f"{place}: training.turn and training.move are for LeRobot's policies without images; leave them out"
        )
    leaking = [name for name in (*preset.observations.numbers, *preset.observations.images) if name in LEAKS]
    if leaking:
        raise ConfigError(
            f"{place}: observations: '{leaking[0]}' is nothing that a policy may observe: it says what to do next; "
            "leave it out"
        )
    return preset


def _value(text: str) -> Any:
    """Return what a text says in TOML, the text itself where it says nothing."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _over(tree: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables with the values of others put over them."""
    made = dict(tree)
    for key, value in own.items():
        below = made.get(key)
        made[key] = _over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return made
