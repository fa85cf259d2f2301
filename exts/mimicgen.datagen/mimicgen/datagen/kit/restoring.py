"""Puts back what Isaac Lab changes in the application, each by a context of its own.

Isaac Lab expects the application to be its own and to end with the run. A run here is a guest.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import carb.settings

from mimicgen.datagen.kit import settings

_MANAGER = "isaacsim.core.simulation_manager"


class _Remembering:
    """Kit's settings as Isaac Lab's backend of them; notes what was there before it sets anything.

    Attributes:
        before: The values of before, by path.
    """

    def __init__(self) -> None:
        self._settings = carb.settings.get_settings()
        self.before: dict[str, Any] = {}

    def get(self, path: str) -> Any:
        """Return a setting."""
        return self._settings.get(path)

    def set(self, path: str, value: Any) -> None:
        """Change a setting."""
        self.before.setdefault(path, self._settings.get(path))
        self._settings.set(path, value)

    set_bool = set_int = set_float = set_string = set  # noqa: A003 -- the method above


@contextlib.contextmanager
def settings_restored() -> Iterator[None]:
    """Let Isaac Lab change Kit's settings, all of them through `get_settings_manager`, and put them back."""
    from isaaclab.app.settings_manager import get_settings_manager

    manager = get_settings_manager()
    backend, remembering = manager._backend, _Remembering()
    manager.set_backend(remembering)
    try:
        yield
    finally:
        manager.set_backend(backend)
        settings.put_back(remembering.before)


@contextlib.contextmanager
def simulation_manager_restored() -> Iterator[None]:
    """Give Isaac Sim's `SimulationManager` back to its users, with the callbacks that it had.

    Isaac Lab switches its callbacks off and puts `PhysxManager` in its place, as soon as `isaaclab_physx` is imported
    and again whenever the extension is enabled afterwards:
    https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_physx/isaaclab_physx/__init__.py
    """
    module: Any = sys.modules.get(_MANAGER)
    if module is not None:  # else the application does without it
        manager, events = module.SimulationManager, module.IsaacEvents
        callbacks = manager.get_default_callback_status()
    import isaaclab_physx

    try:
        yield
    finally:
        isaaclab_physx._SIMULATION_MANAGER_ENABLE_HOOK = None
        if module is not None:
            module.SimulationManager, module.IsaacEvents = manager, events
            manager.enable_post_warm_start_callback(callbacks.pop("post_warm_start"))  # a deprecated one, kept apart
            manager.enable_default_callbacks(**{f"enable_{name}": on for name, on in callbacks.items()})


@contextlib.contextmanager
def stage_used(stage: Any) -> Iterator[None]:
    """Have Isaac Lab build its scene in a stage, and leave the stages of others alone.

    Without being told, it takes the first stage of USD's cache, whosever that is, and closing a simulation empties the
    cache, so that other USD contexts lose theirs:
    https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab/isaaclab/sim/utils/stage.py
    """
    from isaaclab.sim.utils import stage as stages
    from pxr import UsdUtils

    cache = UsdUtils.StageCache.Get()
    identity = cache.GetId(stage)

    def close_stage() -> bool:
        cache.Erase(identity)  # unless Kit has closed it already
        stages._context.stage = None
        return True

    original = stages.close_stage
    stages.close_stage = close_stage
    try:
        with stages.use_stage(stage):
            yield
    finally:
        stages.close_stage = original
