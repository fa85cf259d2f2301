"""Waits until the application has finished starting, and leaves the stage alone."""

from __future__ import annotations

import logging

import omni.kit.app
import omni.usd

log = logging.getLogger(__name__)

QUIET = 10
"""Updates in a row in which the application is ready and its stage is still the same."""

PATIENCE = 3000
"""Updates that are waited for at most, a minute or so: without a viewport the application may never say it is ready."""


async def settled() -> None:
    """Wait until the application is ready and its stage stays.

    Isaac Sim's own start-up (`isaacsim.app.setup`) opens a stage in its first updates, and a run that had begun in the
    one before would lose it.
    """
    app, context = omni.kit.app.get_app(), omni.usd.get_context()
    quiet, stage = 0, None
    for _ in range(PATIENCE):
        await app.next_update_async()
        quiet = quiet + 1 if app.is_app_ready() and context.get_stage_id() == stage else 0
        stage = context.get_stage_id()
        if quiet >= QUIET:
            return
    log.warning("the application is not ready after %d updates; the run starts nevertheless", PATIENCE)
