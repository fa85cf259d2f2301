"""Policies in Python: `module:function`.

The function is called with observations by name, shape (rows, history, ...) each and oldest first, and an `Episode` of
every row. It returns an action of every row, shape (rows, action_dim), or several to take one after the other, shape
(rows, steps, action_dim). What it wants to know of later goes into `Episode.memory`, and what is random is drawn from a
generator that is made of `Episode.seed`. It says what it takes and gives by attributes, each of which may be missing:

- `observed`: names of observations; whatever there is.
- `history`: of how many steps; 1.
- `actions`: the representation of its actions; the environment's own.
- `rate`: actions a second that it was made for.
- `device`: called with the device's name before anything else, to bring a network there.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies.policy import Contract, Observed

_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(eq=False)
class Episode:
    """An episode in an environment, to a function.

    Attributes:
        seed: Of everything random in it.
        instruction: What is to be done, in words.
        memory: Whatever the function keeps, empty at first.
    """

    seed: int
    instruction: str
    memory: dict[str, Any] = field(default_factory=dict)


class FunctionPolicy:
    """Implements `LearnedPolicy` with a function.

    Args:
        what: What it is called.
        function: The function.
    """

    def __init__(self, what: str, function: Callable[..., torch.Tensor]):
        observed: Sequence[str] | None = getattr(function, "observed", None)
        self.contract = Contract(
            observed=None if observed is None else tuple(Observed(name=name) for name in observed),
            history=getattr(function, "history", 1),
            actions=getattr(function, "actions", None),
            rate=getattr(function, "rate", None),
            made_of={"function": what, "torch": torch.__version__},
        )
        self._what = what
        self._function = function
        self._episodes: dict[int, Episode] = {}

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""
        self._episodes |= {env: Episode(seed, instruction) for env, seed in zip(envs, seeds, strict=True)}

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`. In a thread of its own."""
        given = await asyncio.to_thread(self._call, [self._episodes[env] for env in envs], observations)
        if not isinstance(given, torch.Tensor) or given.ndim not in (2, 3):
            raise PolicyError(
                f"policy {quoted(self._what)} returned {type(given).__name__}, expected a tensor of shape (rows, "
                "action_dim) or (rows, steps, action_dim)"
            )
        return given if given.ndim == 3 else given[:, None]

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""

    def _call(self, episodes: Sequence[Episode], observations: Mapping[str, torch.Tensor]) -> Any:
        with torch.no_grad():
            return self._function(observations, episodes)


def is_meant(what: str) -> bool:
    """Return whether a policy is called like a function."""
    return _NAME.fullmatch(what) is not None


def opened(what: str, *, device: str, num_envs: int) -> FunctionPolicy:
    """Return the policy that a function is.

    Raises:
        ConfigError: There is no such function.
    """
    module, _, name = what.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            f"policy = {quoted(what)}: module '{module}' cannot be imported ({error}); install it, or put its folder "
            "into PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise ConfigError(f"policy = {quoted(what)}: module '{module}' has no function '{name}'") from error
    if not callable(function):
        raise ConfigError(f"policy = {quoted(what)}: expected a function, and '{name}' is {type(function).__name__}")
    bring = getattr(function, "device", None)
    if bring is not None:
        bring(device)
    return FunctionPolicy(what, function)
