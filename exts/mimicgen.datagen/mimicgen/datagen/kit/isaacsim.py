"""What a run needs of an Isaac Sim that Isaac Lab's launcher did not start, and how it is left behind.

Only this module and the frame of `loop.py` differ between the runtimes. It has not been run in Isaac Sim (see the
README); its contract is tested against Isaac Lab's sources and a recording stand-in for the stage.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import carb.settings

from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.kit import settings
from mimicgen.datagen.kit.viewer import has_window, is_streamed


class StageError(BadInputError):
    """The open stage has changes that a run would lose."""


def launcher_settings(*, window: bool, device: str, streamed: bool = False) -> dict[str, bool | int]:
    """Return the settings that Isaac Lab's launcher makes and that `SimulationContext` reads.

    Args:
        window: Whether the application has a window.
        device: The run's device.
        streamed: Whether its window is streamed.

    Source: `KitLauncher._load_extensions` and `_resolve_device_settings` in `isaaclab_physx/app/kit_launcher.py`.
    """
    kind, _, index = device.partition(":")
    return {
        "/isaaclab/has_gui": window or streamed,
        "/isaaclab/render/offscreen": not window,
        "/isaaclab/xr/enabled": False,
        "/isaaclab/xr/auto_start": False,
        "/isaaclab/video/enabled": False,
        "/isaaclab/render/deterministic": False,
        "/app/player/useFixedTimeStepping": False,
        "/physics/cudaDevice": int(index) if kind == "cuda" and index else 0,
    }


@contextlib.asynccontextmanager
async def workplace(device: str) -> AsyncIterator[None]:
    """A fresh stage with Isaac Lab's settings, and a fresh stage with the settings of before afterwards.

    Raises:
        StageError: The open stage has unsaved changes.
    """
    import omni.usd

    context = omni.usd.get_context()
    if context.has_pending_edit():
        raise StageError("the open stage has unsaved changes, and a run needs a fresh one; save or discard them first")
    from isaaclab.app.settings_manager import get_settings_manager

    await context.new_stage_async()
    made = launcher_settings(window=has_window(), streamed=is_streamed(), device=device)
    with settings.temporarily(made):
        get_settings_manager().set_backend(carb.settings.get_settings())
        try:
            yield
        finally:
            # Closing the environment has closed the run's stage, and a window without a stage cannot be used.
            await context.new_stage_async()
