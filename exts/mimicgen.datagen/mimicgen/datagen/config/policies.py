"""What policies are called: where one is that is a path, and what an evaluation is called after it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mimicgen.datagen.config.values import Flat, as_path
from mimicgen.datagen.errors import ConfigError

REPLAY = "replay:"
"""Begins the name of a policy that is a dataset's recorded actions."""


def own_values(policy: str, *, record_failures: bool) -> Flat:
    """Return what holds for an evaluation where nothing else is said: where its records are, and what is rendered.

    Args:
        policy: What the policy is called.
        record_failures: Whether failed episodes are written.
    """
    when = "at_end" if record_failures else "never"
    return {"output_dir": Path("output") / f"evaluate_{_name(policy)}", "render.when": when}


def absolute(policy: str) -> str:
    """Return what a policy is called from anywhere: with its path absolute, where it is one."""
    if policy.startswith(REPLAY):
        return f"{REPLAY}{as_path('policy', policy.removeprefix(REPLAY)).expanduser().absolute()}"
    try:
        path = as_path("policy", policy).expanduser().absolute()
    except ConfigError:  # it is called otherwise
        return policy
    return str(path) if os.path.exists(path) else policy


def _name(policy: str) -> str:
    """Return what the records of a policy are called after: 'model_epoch_600' of a path, 'my_module_act' of a function.

    Args:
        policy: What it is called.
    """
    words = re.findall(r"\w+", policy.removesuffix(".hdf5").removesuffix(".pth"))
    named = words[-1:] if "/" in policy and "://" not in policy else words
    return "_".join(named)[-80:] or "policy"
