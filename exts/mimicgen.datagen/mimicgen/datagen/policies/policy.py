"""What a learned policy is, as evaluating sees it, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch

QuaternionOrder = Literal["xyzw", "wxyz"]

ROWS = {"cpu": 16, "cuda": 128}
"""For how many environments a policy is asked at once, where it thinks: always as many, or results would depend on it.

A sum of floating-point numbers depends on the order in which they are added, and libraries choose that by the shape of
what they multiply. A network that is called with one row may give something else in the last bits than with sixteen,
and after some hundred steps in contact that decides over success. Called with one shape always, it gives a row the
same, whatever stands in the others. A GPU takes as long for a hundred rows as for one.
"""


def rows_on(device: str) -> int:
    """Return for how many environments a policy is asked at once that thinks on a device."""
    return ROWS["cuda" if device.startswith("cuda") else "cpu"]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Something that a policy observes.

    Attributes:
        name: What it is called where it was recorded: 'eef_pos' for what a dataset has as `obs/eef_pos`, likewise
            '<camera>_rgb' for an image, and 'states/articulation/robot/joint_position' or
            'states/rigid_object/NAME/root_pose' for a state, of which a policy sees the one before the step: positions
            in the environment's frame, quaternions x, y, z, w. 'state.KEY' is a part of the state of an exported
            dataset, as `mimicgen.datagen.policies.parts` names them.
        shape: Of one environment at one step, as the policy says; images (height, width, channels). None where the
            policy does not say.
        quaternions: Order of the quaternions in it, None where there are none or the policy does not say.
    """

    name: str
    shape: tuple[int, ...] | None = None
    quaternions: QuaternionOrder | None = None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a policy takes and gives, from its own metadata.

    Attributes:
        observed: What it observes; None for whatever the environment observes beside the last action.
        history: How many of the last steps it observes at once.
        action_dim: Length of an action, None where it does not say.
        actions: Representation of its actions, as `mimicgen.datagen.dataset.formats.representations` calls it; None for
            the environment's own, or where it does not say.
        rate: Actions a second that it was trained with, None where it does not say.
        instructed: Whether it is told in words what to do.
        alone: Whether what it does in an environment cannot depend on how many are asked for at once: it has no network
            here, or a server is asked for one after the other. All others are asked for as many as ever, so that
            results are those of one environment: there are spare environments, from the number of environments on, with
            which what is asked for is filled up. To the policy they are like any other.
        made_of: What the record of an evaluation says of it: files, hashes, versions, training.
    """

    observed: tuple[Observed, ...] | None
    history: int = 1
    action_dim: int | None = None
    actions: str | None = None
    rate: float | None = None
    instructed: bool = False
    alone: bool = False
    made_of: Mapping[str, object]


class LearnedPolicy(Protocol):
    """Acts on what environments observe.

    Whatever is random in it is drawn by environment, from the seed with which an episode begins there, so that an
    episode does not depend on what others run beside it.

    Attributes:
        contract: What it takes and gives.
    """

    contract: Contract

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """Forget what happened in environments, in each of which an episode begins.

        Args:
            envs: Their indices.
            seeds: Seed of the episode in each, below 2**63.
            instruction: What is to be done, in words.
        """

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return what to do next in some environments; does not block the loop while it thinks.

        Args:
            envs: The environments that have nothing left to do.
            observations: By name, what they observed in the last `history` steps, oldest first, the first one repeated
                when an episode is younger; shape (len(envs), history, ...), images uint8 (height, width, channels).

        Returns:
            Actions to take one after the other before being asked again, shape (len(envs), steps, action_dim).

        Raises:
            PolicyError: It cannot be reached any more, or gives what is no action.
        """

    async def close(self) -> None:
        """Let go of what it holds: memory, connections, processes."""
