"""Random numbers of a policy, of each environment from a stream of its own, and what is drawn with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


class Randoms:
    """A stream of random numbers an environment, started by the seed of the episode there.

    They are drawn on the host, so that a CUDA device changes nothing about them.

    Args:
        num_envs: How many environments there are.
    """

    def __init__(self, num_envs: int):
        self._streams = [np.random.Generator(np.random.Philox(0)) for _ in range(num_envs)]

    def begin(self, envs: Sequence[int], seeds: Sequence[int]) -> None:
        """Start the streams of environments anew."""
        for env, seed in zip(envs, seeds, strict=True):
            self._streams[env] = np.random.Generator(np.random.Philox(seed))

    def uniform(self, envs: Sequence[int]) -> torch.Tensor:
        """Return a number from 0 up to 1 an environment, shape (len(envs),), float64."""
        return torch.tensor([self._streams[env].random() for env in envs], dtype=torch.float64)

    def normal(self, envs: Sequence[int], size: int) -> torch.Tensor:
        """Return standard normal numbers, shape (len(envs), size), float32."""
        return torch.from_numpy(np.stack([self._streams[env].standard_normal(size, np.float32) for env in envs]))


def drawn(mixture: Any, randoms: Randoms, envs: Sequence[int]) -> torch.Tensor:
    """Draw an action an environment, from a mixture of normal distributions.

    As many numbers are drawn for every action, whichever component it comes from.

    Args:
        mixture: As robomimic's actors return it: torch's `MixtureSameFamily` of shape (len(envs),), or
            (len(envs), steps), of which the last step is taken; or one whose draws go through tanh.
        randoms: What is drawn with.
        envs: The environments, in the order of the mixture's rows.

    Returns:
        Actions, shape (len(envs), action_dim), where the mixture is.
    """
    squashed = not isinstance(mixture, torch.distributions.MixtureSameFamily)
    base = mixture.base_dist if squashed else mixture
    last = (slice(None), -1) if len(base.batch_shape) == 2 else ()
    normal = base.component_distribution.base_dist
    means, deviations = normal.loc[last], normal.scale[last]
    below = base.mixture_distribution.probs[last].double().cumsum(dim=-1)
    at = randoms.uniform(envs).to(below.device)[:, None] * below[:, -1:]  # they add up to 1 but for rounding
    component = (at >= below).sum(dim=-1).clamp(max=below.shape[1] - 1)
    rows = torch.arange(len(component), device=below.device)
    noise = randoms.normal(envs, means.shape[-1]).to(means)
    action = means[rows, component] + deviations[rows, component] * noise
    return torch.tanh(action) * mixture.scale if squashed else action
