"""What makes shards: the session of a plain run, one shard after the other, in an environment that stays open."""

from __future__ import annotations

import asyncio
import functools
import platform

from msgspec import structs

from mimicgen.datagen.attempts import FINAL, Counts, Outcome
from mimicgen.datagen.cluster.encoding import encode_shard
from mimicgen.datagen.cluster.results import Made, made_at
from mimicgen.datagen.cluster.sending.inputs import Inputs
from mimicgen.datagen.cluster.sending.sender import Sender
from mimicgen.datagen.cluster.shards import folder_of, job_of_shard
from mimicgen.datagen.cluster.tasks import Failed, Task, Told
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.errors import DatagenError
from mimicgen.datagen.progress import State
from mimicgen.datagen.session import Session, opening
from mimicgen.datagen.session.generator import OpenSimulation
from mimicgen.datagen.session.openings.keeping import Keeper


def told_of(made: Made) -> Told:
    """Return what a shard that is whole says of its attempts.

    Raises:
        OutputError: Its log is damaged.
    """
    attempts = made.attempts()
    stages = next((tuple(attempt.signals) for attempt in attempts), ())
    counts = Counts((*stages, FINAL))
    for attempt in attempts:
        counts.add(attempt)
    outcomes = bytes(attempt.outcome is Outcome.SUCCESS for attempt in attempts)
    last = next((one for one in reversed(attempts) if one.outcome is Outcome.FAILURE), None)
    failure = f"attempt {last.number}, reached {last.furthest_subtask}: {last.reason}" if last is not None else ""
    return Told(made.shard, outcomes, counts.reached, failure)


class Worker:
    """Makes shards of one run.

    Args:
        config: The run.
        inputs: The files that the run reads, where there is no folder in common with it.
        open_simulation: Opens a simulation; None: the real one, which stays open between shards.
    """

    def __init__(self, config: Generate, inputs: Inputs | None = None, open_simulation: OpenSimulation | None = None):
        self._sender = Sender(config, inputs) if inputs is not None else None
        self._config = self._sender.job if self._sender is not None else config
        self._keeper = Keeper()
        real = functools.partial(opening.open_simulation, keeper=self._keeper)
        self._session = Session(lambda: asyncio.sleep(0), open_simulation or real)

    def about(self) -> dict[str, object]:
        """Return what attempts depend on here, as run records have it, and the name of the machine."""
        from mimicgen.datagen.isaaclab.runtime import detect, versions

        return {"versions": versions(), "runtime": str(detect()), "node": platform.node()}

    async def make(self, task: Task) -> Told | Failed:
        """Make a shard, or what an earlier process has left of it.

        Args:
            task: Which, and which of its copies.
        """
        sender = self._sender
        try:
            there = await asyncio.to_thread(sender.there, task) if sender is not None else None
            if there is not None:
                return there
            made = await self._made(task)
            if isinstance(made, Failed):
                return made
            await asyncio.to_thread(encode_shard, self._config, made)
            told = told_of(made)
            return await asyncio.to_thread(sender.send, task, made, told) if sender is not None else told
        except DatagenError as error:
            return Failed(f"{error} (on {platform.node()})")

    async def piece(self, task: Task, begin: int) -> bytes:
        """Return a piece of a shard that was made and is fetched; see `Sender.piece`."""
        assert self._sender is not None
        return await asyncio.to_thread(self._sender.piece, task, begin)

    async def forget(self, task: Task) -> None:
        """Remove a shard that was fetched."""
        assert self._sender is not None
        await asyncio.to_thread(self._sender.forget, task)

    async def _made(self, task: Task) -> Made | Failed:
        folder = folder_of(self._config.output_dataset, task.shard, task.copy)
        job = job_of_shard(self._config, task.shard, task.copy)
        undrawn = structs.replace(job, render=structs.replace(job.render, when="never"))
        made = made_at(task.shard, folder)
        # What cannot be drawn here is left to the run: the dataset does not depend on its images.
        for own in (job, undrawn) if job.draws else (job,):
            if made is not None:
                break
            self._session.start(own)
            end = await self._session.finished()
            made = made_at(task.shard, folder)
            if self._session.state is not State.DONE or made is None:
                self._keeper.close()  # whatever failed, what comes next begins anew
                made = None
        return made or Failed(f"{end.reason} (on {platform.node()})")
