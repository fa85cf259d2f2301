"""What makes shards: the session of a plain run, one shard after the other, in an environment that stays open."""

from __future__ import annotations

import asyncio
import functools
import platform

from mimicgen.datagen.attempts import FINAL, Counts, Outcome
from mimicgen.datagen.cluster.results import Made, made_at
from mimicgen.datagen.cluster.shards import folder_of, job_of_shard
from mimicgen.datagen.cluster.tasks import Failed, Task, Told
from mimicgen.datagen.config.jobs import Generate
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
        open_simulation: Opens a simulation; None: the real one, which stays open between shards.
    """

    def __init__(self, config: Generate, open_simulation: OpenSimulation | None = None):
        self._config = config
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
        folder = folder_of(self._config.output_dataset, task.shard, task.copy)
        made = made_at(task.shard, folder)
        if made is None:
            self._session.start(job_of_shard(self._config, task.shard, task.copy))
            end = await self._session.finished()
            made = made_at(task.shard, folder)
            if self._session.state is not State.DONE or made is None:
                self._keeper.close()  # whatever failed, the next shard begins anew
                return Failed(f"{end.reason} (on {platform.node()})")
        return told_of(made)
