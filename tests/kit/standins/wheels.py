"""Isaac Sim's own Python code, from the wheels that `tests/requirements-isaacsim.txt` names, over the stand-ins.

Of a package only the modules that are wanted are its own; what they import beside the stand-ins is a mock.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from tests.kit.standins import EXTENSIONS
from tests.kit.standins.installing import put

MOCKED = (
    "isaacsim.core.experimental.utils.app",
    "isaacsim.core.experimental.utils.ops",
    "isaacsim.core.experimental.utils.prim",
    "isaacsim.core.experimental.utils.stage",
    "isaacsim.core.simulation_manager._simulation_manager",
    "omni.physics.core",
    "pxr.PhysxSchema",
)

OPENING = 4
"""Updates that it takes to open a stage by `omni.kit.stage_templates`, which asks for it and does not wait."""


def module(extension: str, name: str, package: str) -> Any:
    """Import a module of an extension, without the package's own `__init__`, which imports binaries.

    Args:
        extension: The extension, `isaacsim.core.throttling` for instance.
        name: The module.
        package: The packages that lead to it, `impl` for instance, or nothing.
    """
    for mocked in MOCKED:
        if mocked not in sys.modules:
            above, _, last = mocked.rpartition(".")
            sys.modules[mocked] = MagicMock()
            setattr(sys.modules.get(above) or put(above, {}), last, sys.modules[mocked])
    folder = EXTENSIONS / extension / Path(*extension.split("."))
    put(extension, {"__path__": [str(folder)]})
    if package:
        put(f"{extension}.{package}", {"__path__": [str(folder / package)]})
    return importlib.import_module(".".join(filter(None, (extension, package, name))))


def simulation_manager() -> Any:
    """Return `isaacsim.core.simulation_manager`, with its class at work as after its extension's start."""
    extension = "isaacsim.core.simulation_manager"
    implementation = module(extension, "simulation_manager", "impl")
    package = put(extension, {name: getattr(implementation, name) for name in ("SimulationManager", "IsaacEvents")})
    manager = implementation.SimulationManager
    manager._simulation_manager_interface = MagicMock()
    manager.enable_all_default_callbacks(True)
    return package


def throttling() -> Any:
    """Start `isaacsim.core.throttling` and return its extension."""
    extension = module("isaacsim.core.throttling", "extension", "").Extension()
    extension.on_startup("isaacsim.core.throttling")
    return extension


def open_a_stage_at_startup() -> Any:
    """Return the coroutine with which `isaacsim.app.setup` opens a stage, as its extension starts it."""
    import omni.kit.app
    from omni.kit.async_engine import run_coroutine

    application = omni.kit.app.get_app()
    context = importlib.import_module("omni.usd").get_context()

    async def open_later() -> None:
        for _ in range(OPENING):
            await application.next_update_async()
        context.new_stage()

    put("omni.kit.stage_templates", {"new_stage": lambda template: run_coroutine(open_later())})

    async def update() -> None:
        if not application.is_app_ready():
            application.delay_app_ready("IsaacSim")
        await application.next_update_async()

    return module("isaacsim.app.setup", "startup", "").create_new_stage(update)
