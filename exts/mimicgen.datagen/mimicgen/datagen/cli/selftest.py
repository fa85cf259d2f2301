"""The self-test: everything that a run needs, tried once, so that what is missing is told in seconds."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import numpy as np
from msgspec import structs

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.images.pixels import frame_of
from mimicgen.datagen.dataset.images.renderer import frames_for
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.dataset.sources.raw import check_demos
from mimicgen.datagen.errors import DatagenError, RenderError
from mimicgen.datagen.rendering.checks import FrameChecks
from mimicgen.datagen.session.generator import Generator, OpenSimulation

log = logging.getLogger(__name__)

ADVICE = "docs/troubleshooting.md"


def checked_config(config: Generate, folder: Path) -> Generate:
    """Return what the self-test tries of a configuration: one environment, every modality, outputs in a folder."""
    render = structs.replace(config.render, when="at_end", modalities=MODALITIES, videos=(), width=160, height=88)
    return structs.replace(
        config,
        num_envs=1,
        fresh=False,
        render=render,
        output_dataset=folder / "selftest.hdf5",
        output_dir=folder,
    )


async def selftest(
    config: Generate,
    next_frame: Callable[[], Awaitable[None]],
    open_simulation: OpenSimulation,
    tell: Callable[[str], None],
) -> int:
    """Open the simulation, and step it and draw a frame of every modality, twice; nothing is left behind.

    Args:
        config: Task, source and device to try.
        next_frame: Waits for the application's next update.
        open_simulation: Opens the simulation.
        tell: Is called with a line for every step.

    Returns:
        The exit code: 0 when everything works.
    """
    begin = time.perf_counter()

    @contextlib.asynccontextmanager
    async def stage(name: str) -> AsyncIterator[Callable[[str], None]]:
        await next_frame()
        since = time.perf_counter()
        try:
            yield lambda note: None
        except Exception as error:
            tell(f"FAILED  {name}: {error if isinstance(error, DatagenError) else f'{type(error).__name__}: {error}'}")
            raise
        tell(f"ok      {name}, {time.perf_counter() - since:.1f} s")

    try:
        with tempfile.TemporaryDirectory(prefix="mimicgen.datagen.") as folder:
            tried = checked_config(config, Path(folder))
            with contextlib.closing(Outputs(tried)) as outputs:
                async with open_simulation(tried, outputs, stage) as simulation:
                    await _step_and_draw(cast(Generator, simulation), tried, stage)
    except DatagenError as error:
        code = error.exit_code
    except Exception:  # whatever it is, it was told, and is the test's result
        log.exception("the self-test failed")
        code = 1
    else:
        code = 0
    if code:
        tell(f"the self-test failed; {ADVICE} lists messages and cures")
    else:
        tell(f"the self-test passed in {time.perf_counter() - begin:.0f} s")
    return code


async def _step_and_draw(
    generator: Generator, config: Generate, stage: Callable[[str], contextlib.AbstractAsyncContextManager[object]]
) -> None:
    renderer = generator.renderer
    assert renderer is not None
    assert config.source is not None
    demos = check_demos(config.source, config.task)
    start, another = (demos.initial_state(name) for name in (demos.names[0], demos.names[-1]))
    async with stage("One environment step"):
        await _step(generator)
    async with stage(f"One frame of {', '.join(config.render.modalities)}"):
        views = views_of(config.render)
        first, second = (frames_for(views, config.render.drawn(), 1) for _ in range(2))
        await renderer.draw(start, first)
        checks = FrameChecks((), renderer.colours, {}).demonstration(views)
        checks.first(frame_of(first, 0), start)
        checks.every(first)
    async with stage("Another step, and another frame"):
        await _step(generator)
        await renderer.draw(another, second)
        checks.every(second)
        same = all(np.array_equal(first[view][name], second[view][name]) for view in first for name in first[view])
        if same and len(demos.names) > 1:
            raise RenderError("both frames are the same, although they are of different states")


async def _step(generator: Generator) -> None:
    await generator.ended()
    generator.step(await generator.actions(1))
