"""The self-test: everything that a run needs, tried once, so that what is missing is told in seconds."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TextIO, cast

from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.outputs import Outputs
from mimicgen.datagen.dataset.states import StateSequence, check_recorded
from mimicgen.datagen.errors import DatagenError
from mimicgen.datagen.generator import Generator, OpenSimulation
from mimicgen.datagen.rendering.checks import FrameChecks
from mimicgen.datagen.rendering.views import views_of
from mimicgen.datagen.sections import MODALITIES

log = logging.getLogger(__name__)

ADVICE = "docs/troubleshooting.md"


def checked_config(config: RunConfig, folder: Path) -> RunConfig:
    """Return what the self-test tries of a configuration: one environment, every modality, outputs in a folder."""
    render = dataclasses.replace(config.render, when="at_end", modalities=MODALITIES, videos=(), width=160, height=88)
    return dataclasses.replace(
        config,
        mode="generate",
        num_envs=1,
        fresh=False,
        render=render,
        output_dataset=folder / "selftest.hdf5",
        output_dir=folder,
    )


async def selftest(
    config: RunConfig, next_frame: Callable[[], Awaitable[None]], open_simulation: OpenSimulation, stream: TextIO
) -> int:
    """Open the simulation, step it once and draw one frame of every modality; nothing is left behind.

    Args:
        config: Task, source and device to try.
        next_frame: Waits for the application's next update.
        open_simulation: Opens the simulation.
        stream: A line for every step goes here.

    Returns:
        The exit code: 0 when everything works.
    """
    begin = time.perf_counter()

    def tell(line: str) -> None:
        stream.write(f"{line}\n")

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
    generator: Generator, config: RunConfig, stage: Callable[[str], contextlib.AbstractAsyncContextManager[object]]
) -> None:
    async with stage("One environment step"):
        await generator.ended()
        generator.step(await generator.actions(1))
    renderer = generator.renderer
    assert renderer is not None
    assert config.source is not None
    async with stage(f"One frame of {', '.join(config.render.modalities)}"):
        recorded = check_recorded(config.source, config.task, ())
        demo = recorded.names[0]
        state = StateSequence.of(recorded.initial_state(demo), recorded.states(demo)).at(0)
        frame = await renderer.draw(state)
        checks = FrameChecks(views_of(config.render), ())
        checks.first(frame, state)
        checks.every(frame)
