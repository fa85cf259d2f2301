"""A policy for the tests that writes down what it is shown, in the file that SEEN names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mimicgen.datagen.policies.function import Episode

OBJECTS = ("cube_1", "cube_2", "cube_3")
STATE = ("state.arm", "state.gripper", "state.eef_position", "state.eef_rotation")
POSES = tuple(f"state.{name}_{part}" for name in OBJECTS for part in ("position", "rotation"))


def act(observations: Mapping[str, torch.Tensor], episodes: Sequence[Episode]) -> torch.Tensor:
    """Move at random, as the episode's seed says."""
    taken = []
    for row, episode in enumerate(episodes):
        draws = episode.memory.setdefault("draws", torch.Generator().manual_seed(episode.seed))
        taken.append(torch.rand(7, generator=draws) * 2 - 1)
        rows = episode.memory.setdefault("rows", [])
        rows.append([torch.cat([observations[name][row, -1] for name in names]).numpy() for names in (STATE, POSES)])
        if episode.seed:  # else it is a spare row
            state, poses = (np.stack(own) for own in zip(*rows, strict=True))
            np.savez(os.environ["SEEN"].format(episode.seed), state=state, poses=poses)
    return torch.stack(taken)


act.observed = (*STATE, *POSES)  # type: ignore[attr-defined]
