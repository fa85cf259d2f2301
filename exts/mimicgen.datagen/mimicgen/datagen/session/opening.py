"""The simulation behind a run. Importing this package imports nothing heavy; opening a generator does.

There is a function for every job, which says what its run is made of; the stages that all have in common are those of
`Opening`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.jobs import Annotate, Evaluate, Generate, Job, Record, Render, Replay
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.preflight import report
from mimicgen.datagen.dataset.sources.raw import RawDemos, check_demos
from mimicgen.datagen.dataset.sources.sources import Sources, check_file, check_sources
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.session.openings import fitting
from mimicgen.datagen.session.openings.evaluating import evaluate
from mimicgen.datagen.session.openings.keeping import Keeper
from mimicgen.datagen.tasks.colours import class_colours
from mimicgen.datagen.tasks.language import spoken

if TYPE_CHECKING:
    from mimicgen.datagen.dataset.images.renderer import Renderer
    from mimicgen.datagen.generation.machine import AttemptMachine, Ending
    from mimicgen.datagen.generation.policy import Policy
    from mimicgen.datagen.isaaclab.environment import Environment
    from mimicgen.datagen.reference.mimic import MimicPolicy
    from mimicgen.datagen.session.generator import AnnounceStage, Generator
    from mimicgen.datagen.session.openings.fitting import MakeRenderer, Note


@dataclass
class Viewer:
    """Implements `mimicgen.datagen.session.generator.Viewer`."""

    facts: dict[str, Any]
    renderer: Renderer | None
    demos: tuple[str, ...]
    recorded: RawDemos

    def states(self, demo: str) -> StateSequence:
        """See `Viewer.states`."""
        return StateSequence.of(self.recorded.initial_state(demo), self.recorded.states(demo))


@contextlib.asynccontextmanager
async def open_simulation(
    config: Job,
    outputs: Outputs,
    stage: AnnounceStage,
    make_renderer: MakeRenderer | None = None,
    keeper: Keeper | None = None,
) -> AsyncIterator[Generator | Viewer]:
    """Open the simulation of a run, stage by stage; see `mimicgen.datagen.session.generator.OpenSimulation`.

    Args:
        config: What the run does.
        outputs: The run's outputs.
        stage: Announces the stages.
        make_renderer: What draws; by default the rasteriser, which needs the embedded runtime.
        keeper: Has the environment of the run before, if it is the same, and keeps this one's; None: it is closed.

    Raises:
        BadInputError: The sources, the task, the device or the outputs cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        opening = Opening(config, outputs, stage, make_renderer or fitting.rasteriser, stack, keeper)
        yield await _OPEN[type(config)](config, opening)


class Opening:
    """The stages that opening has for every job, in the order of its methods.

    Args:
        job: What the run does.
        outputs: The run's outputs.
        stage: Announces the stages.
        make_renderer: Makes what draws.
        closing: Closes what was opened.
        keeper: As in `open_simulation`.

    Attributes:
        outputs: As given.
        renderer: What draws, None where nothing is to be drawn, and before the environment is open.
    """

    def __init__(
        self,
        job: Job,
        outputs: Outputs,
        stage: AnnounceStage,
        make_renderer: MakeRenderer,
        closing: contextlib.AsyncExitStack,
        keeper: Keeper | None = None,
    ):
        self.outputs = outputs
        self.renderer: Renderer | None = None
        self._job = job
        self._stage = stage
        self._make_renderer = make_renderer
        self._closing = closing
        self._keeper = keeper

    @contextlib.asynccontextmanager
    async def isaac_lab(self, first: Callable[[], object] = lambda: None) -> AsyncIterator[None]:
        """Make Isaac Lab ready, and let the job import what it needs of it.

        Args:
            first: Is called before anything is imported, which takes seconds.
        """
        async with self._stage("Isaac Lab"):
            first()
            from mimicgen.datagen.isaaclab import kitless, runtime
            from mimicgen.datagen.isaaclab.upstream import importing

            self._here = runtime.detect()
            with importing.imported():
                runtime.check_warp()
                kitless.teach_isaaclab()
                if self._here is runtime.Runtime.EMBEDDED:
                    from mimicgen.datagen.embedded import scene  # noqa: F401 -- here, to be timed here
                from mimicgen.datagen.isaaclab import configuration, environment  # noqa: F401 -- likewise

                yield

    @contextlib.asynccontextmanager
    async def sources(self) -> AsyncIterator[tuple[Any, Note]]:
        """Make the task's configuration, let the job look at its demonstrations, and open the outputs.

        Yields:
            Isaac Lab's configuration of the environment, and what takes notes.
        """
        from mimicgen.datagen.isaaclab import configuration, runtime

        async with self._stage("Source demonstrations") as note:
            self._cfg, self._success = configuration.task_config(self._job, self.outputs, self._here)
            if self._here is runtime.Runtime.ISAACSIM:
                fitting.fit_for_isaac_sim(self._cfg, self._job, note)
            if self._cfg.observed is not None:
                note(str(self._cfg.observed))
            yield self._cfg, note
            self.outputs.open()

    @contextlib.asynccontextmanager
    async def environment(self, *, staged: bool = False) -> AsyncIterator[tuple[Environment, Note]]:
        """Open the environment and what draws it, and let the job make what it needs besides.

        Args:
            staged: See `Environment`.

        Yields:
            The environment, and what takes notes.
        """
        from mimicgen.datagen.isaaclab.environment import Environment
        from mimicgen.datagen.isaaclab.upstream.importing import uncollected

        async with self._stage("Environment") as note:
            opened = self._keeper.environment if self._keeper is not None else None
            if opened is None:
                with uncollected():
                    opened = Environment(self._cfg, self._success, self._here, staged=staged)
                if self._keeper is None:
                    self._closing.callback(opened.close)
                else:
                    self._keeper.environment = opened
            descriptor = self._job.task_file if isinstance(self._job, Generate) else None
            opened.facts["language"] = spoken(self._job.task, opened.env.cfg.subtask_configs, descriptor).plain()
            if self._job.draws:
                self.renderer = self._make_renderer(opened, self._job.render, class_colours(self._job.task))
                self._closing.callback(self.renderer.close)
            before, now = self.outputs.earlier.versions, opened.facts["versions"]
            if before not in ({}, now):
                what = fitting.changed(before, now)
                note(f"warning: continues what other versions have made ({what}); every demonstration says its own")
            yield opened, note

    def closes(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed at the end, before what was opened before it."""
        self._closing.push_async_callback(close)

    def attempts(
        self,
        opened: Environment,
        policy: Policy,
        note: Note,
        *,
        seed_of: Callable[[int], int] | None = None,
        ending: Ending | None = None,
    ) -> AttemptMachine:
        """Return what makes attempts with a policy, in all environments at once; see `AttemptMachine`."""
        from mimicgen.datagen.attempts.randomness import attempt_seed
        from mimicgen.datagen.generation.machine import AttemptMachine

        generator = AttemptMachine(
            opened,
            policy,
            seed_of=seed_of or functools.partial(attempt_seed, self._job.seed),
            settle_steps=self._job.settle_steps,
            ending=ending,
            early_abort=isinstance(self._job, Generate) and self._job.early_abort,
            retries=self._job.mimic.retry_start if isinstance(self._job, Generate) else 0,
            renderer=self.renderer,
            made=self.outputs.earlier.numbers,
            first=self._job.first_attempt,
        )
        size = opened.reserve(generator.longest) if generator.longest is not None else None
        if size is not None:
            steps = f"{generator.longest} steps"
            many = f"{self._job.num_envs} environments x {steps}" if self._job.num_envs > 1 else steps
            note(f"records take {size / 1e6:.1f} MB of memory: {many}")
        return generator

    async def coroutines(self, opened: Environment, policy: MimicPolicy) -> Generator:
        """Return what makes attempts with Isaac Lab's own generator, one coroutine an environment."""
        from mimicgen.datagen.reference.driver import Driver

        driver = Driver(
            opened,
            policy,
            seed=self._job.seed,
            settle_steps=self._job.settle_steps,
            renderer=self.renderer,
            made=self.outputs.earlier.numbers,
            first=self._job.first_attempt,
        )
        await driver.start()
        self.closes(driver.close)
        return driver


async def _generate(job: Generate, opening: Opening) -> Generator:
    async with opening.isaac_lab(lambda: check_file(source_of(job))):
        from mimicgen.datagen.generation import planning
        from mimicgen.datagen.isaaclab import configuration, live_check
    async with opening.sources() as (cfg, note):
        sources = check_sources(source_of(job), configuration.task_needs(cfg))
        for line in report(sources).splitlines():
            note(line)
    async with opening.environment() as (opened, note):
        checked = live_check.check_live(opened, sources)
        for finding in checked.findings[len(sources.findings) :]:
            note(f"{finding.severity}: {finding}")
        reason = "mimic.reference is set" if job.mimic.reference else planning.why_not(opened.env.cfg)
        if reason is None:
            return _batched(job, opening, opened, checked, note)
        note(f"attempts are made by Isaac Lab's own generator, one environment at a time: {reason}")
        return await _coroutines(job, opening, opened, checked, note)


async def _record(job: Record, opening: Opening) -> Generator:
    async with opening.isaac_lab():
        from mimicgen.datagen.generation import expert
    async with opening.sources():
        scripted = expert.task_with_expert(job.task)
    async with opening.environment() as (opened, note):
        return opening.attempts(opened, expert.ExpertPolicy(opened, scripted), note)


async def _annotate(job: Annotate, opening: Opening) -> Generator:
    async with opening.isaac_lab():
        from mimicgen.datagen.generation import replay
    async with opening.sources() as (cfg, _):
        demos = check_demos(source_of(job), cfg.env_name)
        replay.prepare(cfg, job, demos)
    async with opening.environment() as (opened, note):
        plots = opening.outputs.record.parent / "plots" if job.plots else None
        return opening.attempts(opened, replay.AnnotatePolicy(opened, demos, plots), note)


async def _replay(job: Replay, opening: Opening) -> Generator:
    async with opening.isaac_lab():
        from mimicgen.datagen.generation import replay
    async with opening.sources() as (cfg, _):
        demos = check_demos(source_of(job), cfg.env_name)
        replay.prepare(cfg, job, demos)
    async with opening.environment() as (opened, note):
        return opening.attempts(opened, replay.ReplayPolicy(opened, demos, by_states=job.replay_states), note)


async def _render(job: Render, opening: Opening) -> Viewer:
    async with opening.isaac_lab():
        pass
    async with opening.sources() as (cfg, _):
        recorded = check_recorded(source_of(job), cfg.env_name, job.render.demos)
    async with opening.environment() as (opened, _):
        return Viewer(opened.facts, opening.renderer, recorded.names, recorded)


def _batched(job: Generate, opening: Opening, opened: Environment, sources: Sources, note: Note) -> Generator:
    """Return what makes attempts of Mimic as tensors."""
    from mimicgen.datagen.generation import clearance, mimic
    from mimicgen.datagen.isaaclab import pool
    from mimicgen.datagen.tasks import catalogue

    demonstrations = pool.SourcePool(opened.env, sources, "cpu")
    opened.facts |= {"source": demonstrations.facts, "batched": True}
    eefs = opened.env.cfg.subtask_configs
    clear = clearance.clearances_of(catalogue.described(job.task), eefs) if job.mimic.keep_clear else {}
    if job.mimic.keep_clear and not clear:
        note("mimic.keep_clear does not apply: no file describes the task, or no robot file its hands")
    left_out = demonstrations.left_out(job.mimic, opened.env.cfg)
    policy = mimic.MimicPolicy(opened, demonstrations, clear, left_out, job.mimic.perturb)
    if policy.perturber is not None and not policy.perturber.grasps:
        note("mimic.perturb does not apply: in no subtask does a hand close on its object, free of constraints")
    return opening.attempts(opened, policy, note)


async def _coroutines(job: Generate, opening: Opening, opened: Environment, sources: Sources, note: Note) -> Generator:
    """Return what makes attempts of Mimic with Isaac Lab's own generator."""
    from mimicgen.datagen.isaaclab import pool
    from mimicgen.datagen.reference import mimic

    demonstrations = pool.SourcePool(opened.env, sources, opened.env.device)
    opened.facts |= {"source": demonstrations.facts, "batched": False}
    ours = {key: getattr(job.mimic, key) for key in ("keep_clear", "retry_start", "perturb")}
    for key in (key for key, value in (ours | {"leave_out": job.mimic.leaves_out}).items() if value):
        note(f"mimic.{key} does not apply to Isaac Lab's own generator")
    policy = mimic.MimicPolicy(opened, demonstrations, early_abort=job.early_abort)
    return await opening.coroutines(opened, policy)


_OPEN: dict[type[Job], Callable[[Any, Opening], Awaitable[Generator | Viewer]]] = {
    Generate: _generate,
    Record: _record,
    Annotate: _annotate,
    Replay: _replay,
    Render: _render,
    Evaluate: evaluate,
}
"""What opens the simulation of each job."""


def source_of(job: Job) -> Path:
    """Return the source file of a run.

    Raises:
        SourceError: None was given.
    """
    if job.source is None:
        raise SourceError("no source demonstrations; pass --source with an HDF5 file in Isaac Lab's layout")
    return job.source.expanduser().absolute()
