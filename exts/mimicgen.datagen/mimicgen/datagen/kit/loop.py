"""Kit's frame, and the simulation that runs as its guest."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

import carb.eventdispatcher
import omni.kit.app

from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.installed import has_omni_usd
from mimicgen.datagen.kit import settings
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.session.generator import AnnounceStage, Generator, OpenSimulation, Viewer
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.run import Run

FRAME = 1 / 60
"""Length of an update that only waits for workers elsewhere, at least [s]."""


async def next_frame() -> None:
    """Wait for the application's next update.

    Where Kit has physics of its own, it is kept from stepping in that update: the run's environment does the steps.
    """
    if not has_omni_usd():
        await omni.kit.app.get_app().next_update_async()
        return
    with settings.temporarily({settings.PLAY_SIMULATIONS: False}):
        await omni.kit.app.get_app().next_update_async()


@contextlib.asynccontextmanager
async def open_simulation(config: Job, outputs: Outputs, stage: AnnounceStage) -> AsyncIterator[Generator | Viewer]:
    """Open the simulation of a run; in Isaac Sim, in a stage of its own. See `generator.OpenSimulation`."""
    async with contextlib.AsyncExitStack() as stack:
        make_renderer = None
        if has_omni_usd():
            from mimicgen.datagen.kit import isaacsim, replicator

            await stack.enter_async_context(isaacsim.workplace(config.device))
            make_renderer = replicator.ReplicatorRenderer
        opened = opening.open_simulation(config, outputs, stage, make_renderer)
        yield await stack.enter_async_context(opened)


def make_run(config: Job, host: Host, open_simulation: OpenSimulation) -> Run:
    """Return the run of a job, here or in shards elsewhere."""
    if isinstance(config, Generate) and config.cluster.elsewhere:
        from mimicgen.datagen.cluster.run import ClusterRun

        return ClusterRun(config, host, open_simulation)
    if isinstance(config, Generate) and config.cluster.stored:
        from mimicgen.datagen.cluster.sending.shard_run import StoredShardRun, is_stored_shard

        if is_stored_shard(config):
            return StoredShardRun(config, host, open_simulation)
    return Run(config, host, open_simulation)


def pace(session: Session) -> Callable[[], None]:
    """Keep a bare kernel from turning in circles while workers elsewhere make attempts, and it only waits for them.

    Without an extension that paces frames it begins an update as soon as the one before has ended. That is wanted while
    an update makes an environment step; while it has nothing to do, it would take a whole core from the workers.

    Args:
        session: Says whether such a run goes on.

    Returns:
        The function that ends that.
    """
    updated = 0.0

    def on_update(_: carb.eventdispatcher.Event) -> None:
        nonlocal updated
        if session.active and session.progress.elsewhere:
            time.sleep(max(0.0, updated + FRAME - time.perf_counter()))
        updated = time.perf_counter()

    subscription = carb.eventdispatcher.get_eventdispatcher().observe_event(
        observer_name="mimicgen.datagen.pacing", event_name=omni.kit.app.GLOBAL_EVENT_UPDATE, on_event=on_update
    )
    reset: Callable[[], None] = subscription.reset
    return reset
