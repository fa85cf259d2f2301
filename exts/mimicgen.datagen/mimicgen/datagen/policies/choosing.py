"""What a job calls a policy, and what opens it."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from mimicgen.datagen.config.values import as_path, quoted
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies import builtin
from mimicgen.datagen.policies.agreeing import RECORDED, Offered
from mimicgen.datagen.policies.policy import LearnedPolicy
from mimicgen.datagen.tasks.catalogue import Described
from mimicgen.datagen.tasks.motion import commands_of

WAYS = {
    "module:function": "function",
}
"""What policies are called, and the module here that knows such ones: it has `is_meant` and `opened`. In this order."""


async def opened(
    what: str,
    offered: Offered,
    by_file: Described | None,
    *,
    device: str,
    num_envs: int,
    python: Path | None = None,
) -> LearnedPolicy:
    """Return a policy, open.

    Args:
        what: What it is called.
        offered: What the environment has for it.
        by_file: The task, if it is one by file.
        device: Where it computes.
        num_envs: For how many environments.
        python: Interpreter of the virtual environment that it runs in; None for the one that is known to be its.

    Raises:
        BadInputError: There is no such policy, or it cannot be opened.
    """
    if what in (builtin.ZEROS, builtin.RANDOM):
        return builtin.Drawn(offered.action_dims[RECORDED], scale=0.0 if what == builtin.ZEROS else 1.0)
    if what.startswith(builtin.REPLAY):
        demos = check_demos(as_path("policy", what.removeprefix(builtin.REPLAY)), offered.task)
        return builtin.Replayed(demos, commands_of(offered.task, by_file))
    for name in WAYS.values():
        way = importlib.import_module(f"mimicgen.datagen.policies.{name}")
        if way.is_meant(what):
            own = {} if python is None else {"python": python}
            if own and "python" not in inspect.signature(way.opened).parameters:
                raise ConfigError(
                    f"policy_python = {quoted(python)}: policy {quoted(what)} runs in no process of its own"
                )
            found = way.opened(what, device=device, num_envs=num_envs, **own)
            policy: LearnedPolicy = await found if inspect.isawaitable(found) else found
            return policy
    raise ConfigError(f"policy = {quoted(what)}: expected {', '.join(WAYS)}, {builtin.REPLAY}DATASET, zeros or random")
