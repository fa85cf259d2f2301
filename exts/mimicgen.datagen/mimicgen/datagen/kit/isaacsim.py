"""What a run needs of an Isaac Sim that Isaac Lab's launcher did not start, and how it is left behind.

It has not been run in Isaac Sim (see the README). It is tested with Isaac Lab's own `PhysxManager` and
`SimulationContext`, over stand-ins for what needs Isaac Sim that behave like it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.kit import settings
from mimicgen.datagen.kit.pumping import without_pumping
from mimicgen.datagen.kit.restoring import settings_restored, simulation_manager_restored, stage_used
from mimicgen.datagen.kit.viewer import has_window, is_streamed

RENDERING = {
    "/exts/isaacsim.core.throttling/enable_async": False,
    "/app/asyncRendering": False,
    "/app/asyncRenderingLowLatency": False,
}
"""Isaac Sim's throttling would turn asynchronous rendering on whenever the timeline pauses or stops, and a picture that
is waited for right afterwards can then take half a minute."""


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
    from omni.timeline import get_timeline_interface
    from omni.usd import get_context

    from mimicgen.datagen.kit.startup import settled

    await settled()
    context, timeline = get_context(), get_timeline_interface()
    if context.has_pending_edit():
        raise StageError("the open stage has unsaved changes, and a run needs a fresh one; save or discard them first")
    made = launcher_settings(window=has_window(), streamed=is_streamed(), device=device) | RENDERING
    await _fresh_stage(context, timeline)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(simulation_manager_restored())
            stack.enter_context(settings.temporarily(made))
            stack.enter_context(settings_restored())
            stack.enter_context(without_pumping())
            stack.enter_context(stage_used(context.get_stage()))
            yield
    finally:
        # Closing the environment has closed the run's stage, and a window without a stage cannot be used.
        await _fresh_stage(context, timeline)


async def _fresh_stage(context: Any, timeline: Any) -> None:
    """Open a new stage, with a timeline that stands at its beginning."""
    timeline.stop()
    timeline.commit()
    await context.new_stage_async()
