"""The simulation behind a run. Importing this package imports nothing heavy; opening a generator does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimicgen.datagen.config.run import RunConfig
from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.preflight import report
from mimicgen.datagen.dataset.sources.raw import RawDemos, check_demos
from mimicgen.datagen.dataset.sources.sources import check_file, check_sources
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.errors import SourceError
from mimicgen.datagen.rendering.views import views_of

if TYPE_CHECKING:
    from mimicgen.datagen.generation.policy import Policy
    from mimicgen.datagen.isaaclab.environment import Environment
    from mimicgen.datagen.rendering.renderer import Renderer
    from mimicgen.datagen.session.generator import AnnounceStage, Generator


MakeRenderer = Callable[["Environment", RenderConfig], "Renderer"]
"""Makes what draws an open environment."""


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
    config: RunConfig, outputs: Outputs, stage: AnnounceStage, make_renderer: MakeRenderer | None = None
) -> AsyncIterator[Generator | Viewer]:
    """Open the simulation of a run, stage by stage; see `mimicgen.datagen.session.generator.OpenSimulation`.

    Args:
        config: The run's configuration.
        outputs: The run's outputs.
        stage: Announces the stages.
        make_renderer: What draws; by default Newton's ray tracer, which needs the embedded runtime.

    Raises:
        BadInputError: The sources, the task, the device or the outputs cannot be used.
    """
    async with stage("Isaac Lab"):
        if config.mode == "generate":
            check_file(source_of(config))
        from mimicgen.datagen.isaaclab import kitless, runtime

        here = runtime.detect()
        kitless.teach_isaaclab()
        runtime.check_warp()
        if here is runtime.Runtime.EMBEDDED:
            from mimicgen.datagen.embedded import scene  # noqa: F401 -- here, to be timed here
        from mimicgen.datagen.generation import clearance, expert, machine, planning, replay
        from mimicgen.datagen.generation import mimic as mimic_policy
        from mimicgen.datagen.isaaclab import environment, live_check, pool
        from mimicgen.datagen.reference import driver, mimic
        from mimicgen.datagen.tasks import catalogue, needs
    async with stage("Source demonstrations") as note:
        cfg, success = environment.task_config(config, outputs, here)
        if here is runtime.Runtime.ISAACSIM:
            told = needs.needs_of(cfg)
            needs.check(told, config.task, config.device)
            note(f"the task needs {told}")
            from mimicgen.datagen.isaaclab import cameras

            left_out = ", ".join(cameras.take_out(cfg))
            if left_out:
                note(f"the task's cameras are left out: {left_out}; render.in_dataset writes images of the run's own")
        if config.mode == "generate":
            sources = check_sources(source_of(config), environment.task_needs(cfg))
            for line in report(sources).splitlines():
                note(line)
        elif config.mode in ("annotate", "replay"):
            demos = check_demos(source_of(config), cfg.env_name)
            replay.prepare(cfg, config, demos)
        elif config.mode == "record":
            scripted = expert.task_with_expert(config.task)
        elif config.mode == "render":
            recorded = check_recorded(source_of(config), cfg.env_name, config.render.demos)
        outputs.open()
    async with contextlib.AsyncExitStack() as stack:
        async with stage("Environment") as note:
            opened = environment.Environment(cfg, success, here)
            stack.callback(opened.close)
            renderer = None
            if config.render.when != "never":
                renderer = (make_renderer or _raytracer)(opened, config.render)
                stack.callback(renderer.close)
            if outputs.earlier.versions not in ({}, opened.facts["versions"]):
                changed = _changed(outputs.earlier.versions, opened.facts["versions"])
                note(f"warning: continues what other versions have made ({changed}); every demonstration says its own")
            generator: machine.AttemptMachine | driver.Driver | None = None
            policy: Policy | None = None
            early_abort = False
            if config.mode == "generate":
                checked = live_check.check_live(opened, sources)
                for finding in checked.findings[len(sources.findings) :]:
                    note(f"{finding.severity}: {finding}")
                reason = "mimic.reference is set" if config.mimic.reference else planning.why_not(opened.env)
                clear = None
                if reason is None:
                    demonstrations = pool.SourcePool(opened.env, checked, "cpu")
                    if config.mimic.keep_clear:
                        clear = clearance.clearance_of(catalogue.described(config.task))
                    policy = mimic_policy.MimicPolicy(opened, demonstrations, clear)
                    early_abort = config.early_abort
                else:
                    note(f"attempts are made by Isaac Lab's own generator, one environment at a time: {reason}")
                    demonstrations = pool.SourcePool(opened.env, checked, opened.env.device)
                    generator = driver.Driver(
                        opened,
                        mimic.MimicPolicy(opened, demonstrations, early_abort=config.early_abort),
                        seed=config.seed,
                        settle_steps=config.settle_steps,
                        renderer=renderer,
                        made=outputs.earlier.numbers,
                    )
                    await generator.start()
                    stack.push_async_callback(generator.close)
                if config.mimic.keep_clear and clear is None:
                    note(
                        "mimic.keep_clear does not apply: it is for a task of one arm that a file describes, "
                        "outside Isaac Lab's generator"
                    )
                opened.facts |= {"source": demonstrations.facts, "batched": reason is None}
            elif config.mode == "annotate":
                policy = replay.AnnotatePolicy(opened, demos, outputs.record.parent / "plots" if config.plots else None)
            elif config.mode == "replay":
                policy = replay.ReplayPolicy(opened, demos, by_states=config.replay_states)
            elif config.mode == "record":
                policy = expert.ExpertPolicy(opened, scripted)
            if policy is not None:
                generator = machine.AttemptMachine(
                    opened,
                    policy,
                    seed=config.seed,
                    settle_steps=config.settle_steps,
                    early_abort=early_abort,
                    renderer=renderer,
                    made=outputs.earlier.numbers,
                )
                size = opened.reserve(generator.longest) if generator.longest is not None else None
                if size is not None:
                    steps = f"{generator.longest} steps"
                    many = f"{config.num_envs} environments x {steps}" if config.num_envs > 1 else steps
                    note(f"records take {size / 1e6:.1f} MB of memory: {many}")
        yield generator or Viewer(opened.facts, renderer, recorded.names, recorded)


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return which versions differ: 'newton 1.2 before, 1.3 now'."""
    names = sorted(before.keys() | now.keys())
    words = (f"{name} {before.get(name, 'none')} before, {now.get(name, 'none')} now" for name in names)
    return ", ".join(text for name, text in zip(names, words, strict=True) if before.get(name) != now.get(name))


def _raytracer(environment: Environment, render: RenderConfig) -> Renderer:
    from mimicgen.datagen.embedded.raytracer import Raytracer

    env = environment.env
    origin = env.scene.env_origins[0].tolist()
    return Raytracer(env.sim.stage, views_of(render), render.drawn(), device=str(env.device), origin=origin)


def source_of(config: RunConfig) -> Path:
    """Return the source file of a run.

    Raises:
        SourceError: None was given.
    """
    if config.source is None:
        raise SourceError("no source demonstrations; pass --source with an HDF5 file in Isaac Lab's layout")
    return config.source.expanduser().absolute()
