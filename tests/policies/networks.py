"""Policies for the tests: small networks, and what is wrong with a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mimicgen.datagen.policies.function import Episode

SEEN: list[torch.Tensor] = []
"""What `seeing` was shown."""

OBSERVED = ("eef_pos", "eef_quat", "gripper_pos", "object")

_generator = torch.Generator().manual_seed(3)


def _layer(inputs: int, outputs: int) -> torch.Tensor:
    return torch.randn(inputs, outputs, generator=_generator) / inputs**0.5


_FIRST, _SECOND, _LAST = _layer(48, 192), _layer(192, 192), _layer(192, 5 * 7)


def act(observations: Mapping[str, torch.Tensor], episodes: Sequence[Episode]) -> torch.Tensor:
    """Five actions at a time, from the last observation; the noise is the episode's own."""
    seen = torch.cat([observations[name][:, -1] for name in OBSERVED], dim=-1)
    hidden = torch.tanh(torch.tanh(seen @ _FIRST) @ _SECOND)
    noise = []
    for episode in episodes:
        own = episode.memory.setdefault("noise", torch.Generator().manual_seed(episode.seed))
        noise.append(0.1 * torch.randn(5, 7, generator=own))
    return torch.tanh(hidden @ _LAST).reshape(-1, 5, 7) + torch.stack(noise)


act.observed = OBSERVED  # type: ignore[attr-defined]


def of_another_robot(observations: Mapping[str, torch.Tensor], episodes: Sequence[Episode]) -> torch.Tensor:
    """Wants what there is not, and acts in another way, at another rate."""
    return torch.zeros(len(episodes), 8)


of_another_robot.observed = ("eef_pos", "tactile", "table_cam_rgb")  # type: ignore[attr-defined]
of_another_robot.actions = "joints"  # type: ignore[attr-defined]
of_another_robot.rate = 10.0  # type: ignore[attr-defined]


def too_long(observations: Mapping[str, torch.Tensor], episodes: Sequence[Episode]) -> torch.Tensor:
    """Gives an action of another length."""
    return torch.zeros(len(episodes), 3)


def seeing(observations: Mapping[str, torch.Tensor], episodes: Sequence[Episode]) -> torch.Tensor:
    """Acts on the last two images, and insists on what they are."""
    (images,) = observations.values()
    assert images.shape == (len(episodes), 2, 32, 48, 3), images.shape
    assert images.dtype == torch.uint8
    assert images.float().std() > 1, "there is something to be seen"
    SEEN.append(images[0].clone())
    return torch.zeros(len(episodes), 7)


seeing.observed = ("table_cam_rgb",)  # type: ignore[attr-defined]
seeing.history = 2  # type: ignore[attr-defined]
