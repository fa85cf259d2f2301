"""A run of data generation as a state machine, driven by one coroutine.

The session knows nothing of Kit, Isaac Lab or the panel. It is given `next_frame`, which waits for the application's
next frame, and `open_simulation`, which brings a simulation. The application owns the frame: the coroutine takes one
environment step and then waits for the next frame, so everything else in the application runs between two steps.

Call order of a run::

    session = Session(next_frame, open_simulation)
    unsubscribe = session.subscribe(observer)
    session.start(config)                   # IDLE, DONE or FAILED -> STARTING -> RUNNING
    session.pause(); session.resume()       # RUNNING <-> PAUSED
    session.stop("stopped by the user")     # -> STOPPING -> DONE
    end = await session.finished()
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, cast

from mimicgen.datagen.attempts import Attempt, Counts, Outcome
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.errors import DatagenError, RenderError, RunError, StateError
from mimicgen.datagen.generator import Generator, OpenSimulation, Viewer
from mimicgen.datagen.progress import Drawing, End, Observer, Progress, Stage, State
from mimicgen.datagen.rendering.embedding import embed
from mimicgen.datagen.rendering.rendering import Rendered, Rendering
from mimicgen.datagen.report.live import LivePage
from mimicgen.datagen.report.run import write_report
from mimicgen.datagen.simulation.runtime import cache_folder

log = logging.getLogger(__name__)

_ONCE = ("last_attempt", "last_rendered", "render_failure")
"""What one snapshot alone reports."""

HOPELESS_AFTER = 50
"""A run whose first this many attempts all fail is stopped."""


class Session:
    """Owns runs, one at a time.

    Args:
        next_frame: Waits for the application's next frame.
        open_simulation: Opens a simulation; closing the context closes everything it opened.
        spawn: Starts a coroutine on the application's event loop.
    """

    def __init__(
        self,
        next_frame: Callable[[], Awaitable[None]],
        open_simulation: OpenSimulation,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.ensure_future,
    ):
        self._next_frame = next_frame
        self._spawn = spawn
        self._open_simulation = open_simulation
        self._observers: list[Observer] = []
        self._progress = Progress()
        self._task: asyncio.Task[None] | None = None
        self._config = RunConfig()
        self._counts = Counts()
        self._decided = Counts()
        self._env_args: dict[str, Any] = {}
        self._rendered: Rendered | None = None
        self._stop: End | None = None
        self._clock = _Clock()
        self._step_seconds: list[float] = []

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._progress.state

    @property
    def active(self) -> bool:
        """Whether a run is going on."""
        return self.state not in (State.IDLE, State.DONE, State.FAILED)

    @property
    def progress(self) -> Progress:
        """The latest snapshot."""
        return self._progress

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` with every new snapshot. Returns the function that ends that."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def start(self, config: RunConfig) -> None:
        """Start a run. May be called from anywhere in the application's thread, inside or outside a coroutine.

        Raises:
            StateError: A run is going on.
        """
        self._require("start", State.IDLE, State.DONE, State.FAILED)
        self._config, self._counts, self._decided, self._stop = config, Counts(), Counts(), None
        self._env_args = {}
        self._rendered = None
        self._clock, self._step_seconds = _Clock(), []
        self._progress = Progress(target=config.num_trials, guarantee=config.guarantee)
        self._publish(state=State.STARTING)
        self._task = self._spawn(self._run())

    def pause(self) -> None:
        """Take no further step until `resume`.

        Raises:
            StateError: The session is not running.
        """
        self._require("pause", State.RUNNING)
        self._clock.stop()
        self._publish(state=State.PAUSED)

    def resume(self) -> None:
        """Go on after `pause`.

        Raises:
            StateError: The session is not paused.
        """
        self._require("resume", State.PAUSED)
        self._clock.start()
        self._publish(state=State.RUNNING)

    def stop(self, reason: str = "stopped by the user", *, exit_code: int = 130) -> None:
        """End the run before its next step, keeping what was finished.

        Raises:
            StateError: No run is going on.
        """
        self._require("stop", State.STARTING, State.RUNNING, State.PAUSED)
        self._stop = End(reason=reason, exit_code=exit_code)
        self._publish(state=State.STOPPING)

    async def finished(self) -> End:
        """Wait until the run has ended and everything it opened is closed.

        Raises:
            StateError: No run was started.
        """
        if self._task is None:
            raise StateError("finished: no run was started; call start first")
        await asyncio.wait([self._task])
        assert self._progress.end is not None
        return self._progress.end

    async def close(self) -> None:
        """End a run, if one is going on, and wait for it."""
        if self.active and self.state is not State.STOPPING:
            self.stop("the application is closing")
        if self._task is not None:
            await asyncio.wait([self._task])

    def _require(self, call: str, *states: State) -> None:
        if self.state not in states:
            allowed = " or ".join(states)
            raise StateError(f"{call}: the session is {self.state}; this is possible when it is {allowed}")

    def _publish(self, **changes: Any) -> None:
        told: dict[str, Any] = dict.fromkeys(_ONCE)
        told |= {
            "elapsed": self._clock.seconds,
            "successes": self._counts.successes,
            "failures": self._counts.failures,
            "reached": dict(self._counts.reached),
        }
        self._progress = dataclasses.replace(self._progress, **told | changes)
        for observer in tuple(self._observers):
            try:
                observer(self._progress)
            except Exception:  # showing progress, on a pipe that was closed for instance, must not end a run
                log.exception("an observer failed, and is not called any more")
                self._observers.remove(observer)

    @contextlib.asynccontextmanager
    async def _stage(self, name: str) -> Any:
        """Announce a start-up stage, give the application a frame to show it, and time it.

        Yields the function that takes notes.
        """
        if self._stop is not None:
            raise _StoppedError
        before = self._progress.stages
        self._publish(stages=(*before, Stage(name=name)))
        await self._next_frame()
        begin = time.perf_counter()
        notes: list[str] = []
        yield notes.append
        stage = Stage(name=name, seconds=time.perf_counter() - begin, notes=tuple(notes))
        self._publish(stages=(*before, stage))

    async def _run(self) -> None:
        """The one coroutine of a run. Whatever happens, it leaves files closed and the state told."""
        outputs = Outputs(self._config)
        facts: dict[str, Any] = {}
        try:
            try:
                end = await self._work(outputs, facts)
            except _StoppedError:
                assert self._stop is not None
                end = self._stop
            await self._fold(outputs, facts)
            outputs.write_record(self._record(end, facts, outputs))
            await self._write_report(outputs)
            self._finish(State.DONE, end, outputs)
        except DatagenError as error:
            await self._fail(error, facts, outputs)
        except asyncio.CancelledError:
            self._finish(State.FAILED, End(reason="the application cancelled the run", exit_code=1), outputs)
            raise
        except Exception as error:  # the one place where a run's unexpected error is handled
            log.exception("the run failed")
            await self._fail(RunError(f"{type(error).__name__}: {error}"), facts, outputs)
        finally:
            outputs.close()

    async def _work(self, outputs: Outputs, facts: dict[str, Any]) -> End:
        async with self._open_simulation(self._config, outputs, self._stage) as simulation:
            facts |= simulation.facts
            self._env_args = getattr(simulation, "env_args", {})
            if self._stop is None:
                self._clock.start()
                self._publish(state=State.RUNNING)
            rendering = None
            if simulation.renderer is not None:
                about = {"dataset": outputs.rendered_dataset.name, "task": self._config.task}
                rendering = Rendering(self._config.render, outputs.record.parent, simulation.renderer, about)
            live = self._open_live(outputs)
            try:
                if self._config.mode == "render":
                    end = await self._view(cast(Viewer, simulation), rendering)
                else:
                    end = await self._generate(cast(Generator, simulation), outputs, rendering)
                if rendering is not None:
                    await rendering.finish(self._next_frame)
                    end = _with_failures(end, rendering.rendered.failed)
            finally:
                if live is not None:
                    live.close()
                if rendering is not None:
                    rendering.close()
                    self._rendered = rendering.rendered
        return end

    def _open_live(self, outputs: Outputs) -> LivePage | None:
        """Serve the run's page while it goes on, if that is wanted."""
        port = self._config.live_port
        if port is None or self._config.mode in ("render", "replay"):
            return None
        live = LivePage(outputs.dataset, outputs.record.parent, cache_folder(), port)
        self._publish(live=live.url)
        return live

    async def _generate(self, generator: Generator, outputs: Outputs, rendering: Rendering | None) -> End:
        """Make attempts until the run ends."""
        self._counts, self._decided = Counts(generator.stages), Counts(generator.stages)
        for attempt in outputs.earlier.attempts:
            self._counts.add(attempt)
            self._decided.add(attempt)
        kept = outputs.earlier.demos
        while True:
            self._decide(await generator.ended(), generator, outputs)
            kept += self._report(outputs)
            while self.state is State.PAUSED:  # after the decision, so that none is made twice
                await self._next_frame()
            end = self._stop or self._why_end()
            while end is not None and outputs.writing:  # nothing ends before everything is on the disk
                await self._next_frame()
                kept += self._report(outputs)
            if rendering is not None and (end is not None or self._config.render.when == "after_each"):
                await self._render(kept, outputs, rendering)
                kept = []
            end = self._stop or end
            if end is not None:
                for attempt in generator.abandoned():
                    outputs.keep(attempt)
                return end
            actions = await generator.actions()
            begin = time.perf_counter()
            generator.step(actions)
            self._step_seconds.append(time.perf_counter() - begin)
            self._publish(steps=self._progress.steps + 1)
            await self._next_frame()

    async def _view(self, viewer: Viewer, rendering: Rendering | None) -> End:
        """Render an existing dataset."""
        if rendering is not None:
            await self._render(viewer.demos, viewer, rendering)
        complete = self._progress.rendered
        return self._stop or End(reason=f"{complete} of {len(viewer.demos)} demonstrations are rendered", exit_code=0)

    async def _render(self, demos: Sequence[str], recorded: Outputs | Viewer, rendering: Rendering) -> None:
        """Render demonstrations, until the run is stopped."""

        async def pace(drawing: Drawing) -> None:
            self._publish(drawing=drawing)
            await self._next_frame()
            while self.state is State.PAUSED:
                await self._next_frame()
            if self._stop is not None:
                raise _StoppedError

        for demo in demos:
            try:
                await rendering.render(demo, recorded.states(demo), pace)
            except RenderError as error:
                self._publish(render_failure=f"the frames of {demo} are not right: {error}")
            except _StoppedError:
                return
            else:
                self._publish(rendered=len(rendering.rendered.complete), last_rendered=demo)

    def _decide(self, ended: Sequence[Attempt], generator: Generator, outputs: Outputs) -> None:
        """Keep or drop the attempts that have just ended, and have them written."""
        decided = []
        for attempt in ended:
            if self._why_end() is None:
                self._decided.add(attempt)
                decided.append(attempt)
            else:  # ended in the very step that reached the target in another environment
                late = "the target was reached first"
                decided.append(dataclasses.replace(attempt, outcome=Outcome.ABANDONED, reason=late))
        kept = {Outcome.SUCCESS, Outcome.FAILURE} if self._config.keep_failed else {Outcome.SUCCESS}
        wanted = [attempt for attempt in decided if self._config.mode != "replay" and attempt.outcome in kept]
        episodes = {}
        if wanted:
            episodes = {one.number: episode for one, episode in zip(wanted, generator.episodes(wanted), strict=True)}
        for attempt in decided:
            outputs.keep(attempt, episodes.get(attempt.number))

    def _report(self, outputs: Outputs) -> list[str]:
        """Count and tell the attempts that have come to be on the disk. Returns the kept demonstrations."""
        kept = []
        for attempt in outputs.settled():
            self._counts.add(attempt)
            self._publish(last_attempt=attempt)
            if attempt.demo is not None:
                kept.append(attempt.demo)
        return kept

    def _why_end(self) -> End | None:
        counts, config = self._decided, self._config
        if (counts.successes if config.guarantee else counts.attempts) >= config.num_trials:
            return End(reason="target reached", exit_code=0)
        if config.guarantee and counts.failures >= config.max_failures:
            return End(reason=f"gave up after max_failures = {config.max_failures} failed attempts", exit_code=3)
        if config.guarantee and counts.successes == 0 and counts.failures >= HOPELESS_AFTER:
            return End(
                reason=f"gave up: the first {counts.failures} attempts all failed; attempts that reached each subtask: "
                f"{counts.funnel()}; check the source demonstrations and the mimic settings",
                exit_code=3,
            )
        return None

    async def _fold(self, outputs: Outputs, facts: dict[str, Any]) -> None:
        """Make the dataset of everything that was kept; then its images, if they are wanted in it."""
        # Datasets travel, so files are named without their folders.
        values = {key: v.name if isinstance(v, Path) else v for key, v in self._config.flat().items()}
        await outputs.fold(self._env_args, {"config": values, **facts}, self._next_frame)
        render = self._config.render
        if self._rendered is not None and self._rendered.complete and render.in_dataset:
            demos = self._rendered.complete
            await embed(outputs.rendered_dataset, outputs.record.parent, render, demos, self._next_frame)

    async def _write_report(self, outputs: Outputs) -> None:
        """Write the report, unless somebody waits for the run to stop."""
        if not self._config.report or self._config.mode in ("render", "replay") or self._stop is not None:
            return
        try:
            await outputs.write_report(write_report, self._next_frame)
        except DatagenError as error:  # the run is as it is without it
            log.warning("%s was not written: %s", outputs.report, error)

    def _record(self, end: End, facts: dict[str, Any], outputs: Outputs) -> dict[str, Any]:
        counts, seconds = self._counts, self._step_seconds
        return {
            "end": dataclasses.asdict(end),
            "config": outputs.plain_config(),
            **facts,
            **({"rendering": self._rendered.facts()} if self._rendered is not None else {}),
            "counts": {
                "attempts": counts.attempts,
                "successes": counts.successes,
                "failures": counts.failures,
                "reached": counts.reached,
            },
            "timings": {
                "stages": {stage.name: stage.seconds for stage in self._progress.stages},
                "steps": len(seconds),
                "elapsed": self._clock.seconds,
                "step_seconds_median": statistics.median(seconds) if seconds else None,
            },
        }

    async def _fail(self, error: DatagenError, facts: dict[str, Any], outputs: Outputs) -> None:
        end = End(reason=str(error), exit_code=error.exit_code)
        try:
            await self._fold(outputs, facts)
        except DatagenError as unfolded:  # a full disk, perhaps what ended the run, too
            end = _and(end, f"the demonstrations stay in '{outputs.parts_folder}' until the next run: {unfolded}")
        try:
            outputs.write_record(self._record(end, facts, outputs))
        except DatagenError as unwritten:
            end = _and(end, f"{outputs.record.name} was not written: {unwritten}")
        self._finish(State.FAILED, end, outputs)

    def _finish(self, state: State, end: End, outputs: Outputs) -> None:
        self._clock.stop()
        self._publish(state=state, end=end, written=outputs.written())


def _with_failures(end: End, failed: dict[str, str]) -> End:
    """Return the end of a run whose frames are not all right."""
    if not failed:
        return end
    demo, what = next(iter(failed.items()))
    number = "1 demonstration" if len(failed) == 1 else f"{len(failed)} demonstrations"
    reason = f"{end.reason}, but the frames of {number} are not right ({demo}: {what})"
    return End(reason=reason, exit_code=end.exit_code or 1)


def _and(end: End, what: str) -> End:
    return dataclasses.replace(end, reason=f"{end.reason}; {what}")


class _StoppedError(Exception):
    """`stop` was called while starting up or rendering."""


class _Clock:
    """A stopwatch."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._before + (time.perf_counter() - self._since if self._since is not None else 0.0)

    def start(self) -> None:
        self._since = time.perf_counter()

    def stop(self) -> None:
        self._before, self._since = self.seconds, None
