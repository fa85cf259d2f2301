"""One run, from opening its simulation to the end that is told.

`go` is the run's one coroutine. Whatever is raised wherever, it closes what was opened, writes what can be written and
tells an end; what fails on the way is added to that end's reason, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast

from mimicgen.datagen.attempts import FINAL, Attempt, Outcome
from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.dataset.folders import cache_folder
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.errors import DatagenError
from mimicgen.datagen.progress import End, Stage, State
from mimicgen.datagen.rendering.embedding import embed
from mimicgen.datagen.rendering.rendering import Rendered, Rendering
from mimicgen.datagen.report.live import LivePage
from mimicgen.datagen.report.run import write_report
from mimicgen.datagen.session.committing import Committer
from mimicgen.datagen.session.drawing import Drawer
from mimicgen.datagen.session.exporting import export_kept
from mimicgen.datagen.session.generator import Generator, OpenSimulation, Viewer
from mimicgen.datagen.session.host import Host
from mimicgen.datagen.session.record import Tally, run_record
from mimicgen.datagen.tasks.catalogue import described
from mimicgen.datagen.tasks.geometry import solid_point

log = logging.getLogger(__name__)


class Run:
    """One run.

    Args:
        config: Its configuration.
        host: The session.
        open_simulation: Opens the simulation; closing the context closes everything it opened.
    """

    def __init__(self, config: Job, host: Host, open_simulation: OpenSimulation):
        self._config = config
        self._host = host
        self._open_simulation = open_simulation
        self._outputs: Outputs | None = None
        self._tally = Tally()
        self._facts: dict[str, Any] = {}
        self._env_args: dict[str, Any] = {}
        self._rendered: Rendered | None = None
        self._step_seconds: list[float] = []
        self._end: End | None = None
        self._state = State.DONE
        self._interrupted: BaseException | None = None

    async def go(self) -> None:
        """Make the run, and tell its end.

        Raises:
            BaseException: What interrupted it (a cancellation, `KeyboardInterrupt`), when the end has been told.
        """
        await self._try(self._work)
        for conclude in (self._settle, self._fold, self._write_record, self._write_report, self._export):
            before = self._end
            await self._try(conclude)
        if self._end is not before:  # the report failed in a way that nobody expected; the record is to say so
            await self._try(self._write_record)
        written = self._close()
        self._host.clock.stop()
        self._host.publish(state=self._state, end=self._end, written=written)
        if self._interrupted is not None:
            raise self._interrupted

    async def _try(self, part: Callable[[], Awaitable[None]]) -> None:
        """Do a part of the run; what it raises is noted in the end. After an interruption nothing is waited for."""
        if self._interrupted is not None and part != self._write_record:
            return
        try:
            await part()
        except _StoppedError:
            self._end = self._host.stopped
        except BaseException as error:  # noqa: BLE001 -- the one place where a run's errors are handled; `go` goes on
            self._note(error)

    def _note(self, error: BaseException) -> None:
        """Make an error a part of the run's end."""
        self._state = State.FAILED
        if isinstance(error, DatagenError):
            end = End(reason=str(error), exit_code=error.exit_code)
        elif isinstance(error, asyncio.CancelledError):
            end = End(reason="the application cancelled the run", exit_code=1)
        else:
            log.error("the run failed", exc_info=error)
            end = End(reason=f"{type(error).__name__}: {error}", exit_code=1)
        if not isinstance(error, Exception):
            self._interrupted = error
        before = self._end
        if before is not None:
            end = End(reason=f"{before.reason}; {end.reason}", exit_code=before.exit_code or end.exit_code)
        self._end = end

    def _close(self) -> tuple[Path, ...]:
        """Close the outputs. Returns what was written."""
        written: tuple[Path, ...] = ()
        if self._outputs is not None:
            try:
                self._outputs.close()
                written = self._outputs.written()
            except BaseException as error:  # noqa: BLE001 -- as in `_try`
                self._note(error)
        return written

    @contextlib.asynccontextmanager
    async def _stage(self, name: str) -> AsyncIterator[Callable[[str], None]]:
        """Announce a start-up stage, give the application a frame to show it, and time it.

        Yields the function that takes notes.
        """
        if self._host.stopped is not None:
            raise _StoppedError
        before = self._host.progress.stages
        self._host.publish(stages=(*before, Stage(name=name)))
        await self._host.next_frame()
        begin = time.perf_counter()
        notes: list[str] = []
        yield notes.append
        stage = Stage(name=name, seconds=time.perf_counter() - begin, notes=tuple(notes))
        self._host.publish(stages=(*before, stage))

    async def _work(self) -> None:
        outputs = self._outputs = Outputs(self._config)
        if self._is_done_already(outputs):
            return
        async with self._open_simulation(self._config, outputs, self._stage) as simulation:
            self._facts |= simulation.facts
            self._env_args = getattr(simulation, "env_args", {})
            outputs.made_with = {key: self._facts.get(key) for key in ("versions", "runtime", "physics")}
            if self._host.stopped is None:
                self._host.clock.start()
                self._host.publish(state=State.RUNNING)
            with contextlib.ExitStack() as stack:
                rendering = None
                if simulation.renderer is not None:
                    about = {"dataset": outputs.drawn.name, "task": self._config.task}
                    told = (self._config.render, outputs.record.parent, simulation.renderer, about, self._points())
                    rendering = Rendering(*told, seed=self._config.seed)
                    stack.callback(rendering.close)
                    self._rendered = rendering.rendered
                self._open_live(outputs, stack)
                if self._config.makes_attempts:
                    await self._generate(cast(Generator, simulation), outputs, rendering)
                else:
                    await self._view(cast(Viewer, simulation), rendering)
                if rendering is not None:
                    await Drawer(self._host, rendering).written()
                    await rendering.finish(self._host.next_frame)
                    self._end = _with_failures(self._end, rendering.rendered.failed)

    def _points(self) -> dict[str, tuple[float, float, float]]:
        """Return a point of each object that a file describes; see `FrameChecks`."""
        found = described(self._config.task)
        if found is None:
            return {}
        return {name: solid_point(own, found.path.parent) for name, own in found.task.objects.items()}

    def _is_done_already(self, outputs: Outputs) -> bool:
        """Return whether an earlier run has reached the target: then nothing is opened, and nothing is written."""
        if not self._config.makes_dataset:
            return False
        earlier = outputs.already()
        stages = next((tuple(attempt.signals) for attempt in earlier.attempts), ())
        committer = Committer(self._config, (*stages, FINAL), earlier.attempts)
        if committer.end is None or committer.end.exit_code:
            return False
        self._tally.counts = committer.counts
        self._tell_counts(before=self._tally.counts.attempts, kept_before=self._tally.counts.successes)
        self._end = End(reason="the target was reached before; nothing is left to be done", exit_code=0)
        return True

    def _open_live(self, outputs: Outputs, stack: contextlib.ExitStack) -> None:
        """Serve the run's page while it goes on, if that is wanted."""
        port = self._config.live_port
        if port is not None:
            live = LivePage(outputs.dataset, outputs.record.parent, cache_folder(), port)
            stack.callback(live.close)
            self._host.publish(live=live.url)

    async def _generate(self, generator: Generator, outputs: Outputs, rendering: Rendering | None) -> None:
        """Make attempts until the run ends."""
        committer = Committer(self._config, generator.stages, outputs.earlier.attempts)
        self._tally = Tally(generator.stages, generator.facts)
        for attempt in outputs.earlier.attempts:
            self._tally.add(attempt)
        self._tell_counts(before=self._tally.counts.attempts, kept_before=self._tally.counts.successes)
        kept = outputs.earlier.demos
        while True:
            self._decide(await generator.ended(), committer, generator, outputs)
            kept += self._report(outputs)
            while self._host.state is State.PAUSED:  # after the decision, so that none is made twice
                await self._host.next_frame()
            end = self._host.stopped or committer.end
            while end is not None and outputs.writing:  # nothing ends before everything is on the disk
                await self._host.next_frame()
                kept += self._report(outputs)
            if rendering is not None:
                for demo in kept:
                    rendering.add(demo, functools.partial(outputs.states, demo))
                kept = []
                if end is not None:
                    await Drawer(self._host, rendering).draw()
                elif self._config.render.when == "after_each" and _may_draw(generator):
                    await Drawer(self._host, rendering).draw(self._turn(generator))
            end = self._host.stopped or end
            if end is not None:
                self._end = end
                left = [*committer.left(), *generator.abandoned()]
                outputs.commit(sorted(left, key=lambda attempt: attempt.number))
                return
            actions = await generator.actions(committer.last())
            begin = time.perf_counter()
            generator.step(actions)
            self._step_seconds.append(time.perf_counter() - begin)
            self._host.publish(steps=self._host.progress.steps + 1)
            await self._host.next_frame()

    def _turn(self, generator: Generator) -> float | None:
        """Return how long to draw between two steps: as long as one takes, or all there is while attempts wait [s]."""
        assert generator.renderer is not None
        return None if generator.renderer.borrows_environment else next(reversed(self._step_seconds), 0.0)

    def _decide(self, ended: Sequence[Attempt], committer: Committer, generator: Generator, outputs: Outputs) -> None:
        """Have what is wanted of the attempts that have just ended written, and commit those whose turn it is."""
        if not ended:
            return
        for attempt in ended:
            committer.add(attempt)
        kept = self._config.kept
        wanted = [attempt for attempt in ended if attempt.outcome in kept and committer.may_count(attempt)]
        if wanted:
            for attempt, episode in zip(wanted, generator.episodes(wanted), strict=True):
                outputs.hold(attempt, episode)
        outputs.commit(committer.commit())

    def _report(self, outputs: Outputs) -> list[str]:
        """Count and tell the attempts that have come to be on the disk. Returns the kept demonstrations."""
        kept = []
        for attempt in outputs.settled():
            if attempt.outcome is Outcome.ABANDONED:
                continue
            self._tally.add(attempt)
            self._tell_counts(last_attempt=attempt)
            if attempt.demo is not None:
                kept.append(attempt.demo)
        return kept

    def _tell_counts(self, **changes: Any) -> None:
        counts = self._tally.counts
        self._host.publish(
            **{key: getattr(counts, key) for key in ("successes", "failures", "tries")},
            reached=dict(counts.reached),
            **changes,
        )

    async def _view(self, viewer: Viewer, rendering: Rendering | None) -> None:
        """Render an existing dataset."""
        looks = max(1, self._config.render.looks.count)
        self._host.publish(target=len(viewer.demos) * looks)
        if rendering is not None:
            for demo in viewer.demos:
                rendering.add(demo, functools.partial(viewer.states, demo))
            drawer = Drawer(self._host, rendering)
            await drawer.draw()
            await drawer.written()  # to be counted
        reason = f"{self._host.progress.rendered} of {len(viewer.demos) * looks} demonstrations are rendered"
        self._end = self._host.stopped or End(reason=reason, exit_code=0)

    async def _settle(self) -> None:
        """Wait until what was committed is on the disk."""
        if self._outputs is not None:
            while self._outputs.writing:
                self._report(self._outputs)
                await self._host.next_frame()

    async def _fold(self) -> None:
        """Make the dataset of everything that was kept; then its images, if they are wanted in it."""
        if self._outputs is None:
            return
        # Datasets travel, so files are named without their folders.
        values = {key: v.name if isinstance(v, Path) else v for key, v in self._config.flat().items()}
        counts = {"attempts": self._tally.counts.attempts, "successes": self._tally.counts.successes}
        provenance = {"config": values, **self._facts, "counts": counts}
        await self._outputs.fold(self._env_args, provenance, self._host.next_frame)
        render = self._config.render
        if self._rendered is not None and self._rendered.complete and render.in_dataset:
            demos = self._rendered.complete
            folder = self._outputs.record.parent
            await embed(self._outputs.drawn, folder, render, demos, self._host.next_frame)

    async def _write_record(self) -> None:
        if self._outputs is not None:
            assert self._end is not None
            config, progress = self._outputs.plain_config(), self._host.progress
            told = (config, self._facts, self._tally, progress, self._step_seconds, self._rendered)
            self._outputs.write_record(run_record(self._end, *told))
            if poor := self._tally.poor_segments(config):
                self._host.publish(told=poor)

    async def _write_report(self) -> None:
        """Write the report, unless somebody waits for the run to stop, or it failed."""
        wanted = self._config.report and self._host.stopped is None and self._state is not State.FAILED
        if self._outputs is None or not wanted:
            return
        try:
            await self._outputs.write_report(write_report, self._host.next_frame)
        except DatagenError as error:  # the run is as it is without it
            log.warning("%s was not written: %s", self._outputs.report, error)

    async def _export(self) -> None:
        """Export what was kept, if that is wanted, unless somebody waits for the run to stop, or it failed."""
        if self._outputs is not None and self._host.stopped is None and self._state is not State.FAILED:
            drawn = self._rendered is not None and bool(self._rendered.complete)
            how = (self._config, self._outputs, self._host.next_frame)
            await export_kept(*how, drawn=drawn, stopped=lambda: self._host.stopped is not None)


def _with_failures(end: End | None, failed: dict[str, str]) -> End | None:
    """Return the end of a run whose frames are not all right."""
    if not failed or end is None:
        return end
    demo, what = next(iter(failed.items()))
    number = "1 demonstration" if len(failed) == 1 else f"{len(failed)} demonstrations"
    reason = f"{end.reason}, but the frames of {number} are not right ({demo}: {what})"
    return End(reason=reason, exit_code=end.exit_code or 1)


def _may_draw(generator: Generator) -> bool:
    """Return whether drawing disturbs no attempt; what was kept meanwhile is drawn when that comes to be."""
    renderer = generator.renderer
    return renderer is not None and (not renderer.borrows_environment or generator.resting())


class _StoppedError(Exception):
    """`stop` was called while starting up or rendering."""
