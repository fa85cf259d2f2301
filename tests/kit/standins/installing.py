"""Puts the stand-ins where imports find them."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from dataclasses import dataclass
from typing import Any

from tests.kit.standins.physx import Physx, allocate_without_a_driver
from tests.kit.standins.replicator import Replicator
from tests.kit.standins.timeline import Timeline
from tests.kit.standins.usd import Usd


@dataclass
class IsaacSim:
    """The stand-ins that were installed.

    Attributes:
        timeline: The application's timeline.
        usd: Contexts and stages.
        physx: Physics, which steps in updates of Kit when the timeline plays and nobody forbids it.
        replicator: `omni.replicator.core`.
    """

    timeline: Timeline
    usd: Usd
    physx: Physx
    replicator: Replicator


def install() -> IsaacSim:
    """Install the stand-ins in this process, whose Kit application is running."""
    allocate_without_a_driver()
    timeline = Timeline()
    usd = Usd(timeline)
    physx = Physx(timeline)
    replicator = Replicator(timeline, usd, lambda: physx.shown)
    for name, contents in (timeline.modules() | usd.modules() | physx.modules() | replicator.modules()).items():
        put(name, contents)
    return IsaacSim(timeline, usd, physx, replicator)


def put(name: str, contents: dict[str, Any]) -> types.ModuleType:
    """Put a module, and the packages above it, where imports find it."""
    parent, _, last = name.rpartition(".")
    module = sys.modules.get(name) or types.ModuleType(name)
    module.__spec__ = module.__spec__ or importlib.machinery.ModuleSpec(name, None, is_package=True)
    vars(module).update(contents)
    sys.modules[name] = module
    if parent:
        above = sys.modules.get(parent) or put(parent, {})
        setattr(above, last, module)
    return module
