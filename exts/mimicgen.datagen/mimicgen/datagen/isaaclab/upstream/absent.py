"""Packages that configurations import and that may be absent.

Isaac Lab's Blueprint task imports torchvision for the function that saves its images, which a run does not call
(`cameras.py`).

Upstream: `stack_ik_rel_blueprint_env_cfg.py` in https://github.com/isaac-sim/IsaacLab/tree/main/source/isaaclab_tasks
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAMES = ("torchvision", "torchvision.utils")


@contextlib.contextmanager
def torchvision() -> Iterator[None]:
    """Let configurations be read that import torchvision, where it is absent; afterwards it is absent again."""
    if importlib.util.find_spec(NAMES[0]) is not None:
        yield
        return
    for name in NAMES:
        sys.modules[name] = module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        module.__dict__["save_image"] = _save_image
    try:
        yield
    finally:
        for name in NAMES:
            del sys.modules[name]


def _save_image(*args: Any, **named: Any) -> None:
    raise ModuleNotFoundError("images are not saved as they are observed: torchvision is not installed")
