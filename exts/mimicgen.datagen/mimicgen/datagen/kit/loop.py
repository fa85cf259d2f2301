"""Kit's frame, and the simulation that runs as its guest."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import omni.kit.app

from mimicgen.datagen.config.jobs import Generate, Job
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.isaaclab.kitless import has_omni_usd
from mimicgen.datagen.kit import settings
from mimicgen.datagen.session import opening
from mimicgen.datagen.session.generator import AnnounceStage, Generator, OpenSimulation, Viewer
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.run import Run


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
