"""What the tests of the simulation share: processes of their own, since Isaac Lab can be started once in a process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

SOURCE = PROJECT / "tests" / "data" / "source_demos.hdf5"

OPEN = """
import json
from mimicgen.datagen.isaaclab import importing, kitless
with importing.uncollected():
    import torch
    kitless.teach_isaaclab()
    import gymnasium as gym
    from mimicgen.datagen.isaaclab import environment
    from mimicgen.datagen.embedded import physics
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.isaaclab.runtime import Runtime
config = build({"output_dataset": sys.argv[1] + "/g.hdf5", "output_dir": sys.argv[1], "num_envs": 2})
cfg, success = environment.task_config(config, Outputs(config), Runtime.EMBEDDED)
env = gym.make(config.task, cfg=cfg).unwrapped
env.render_enabled = False
"""
"""Code that opens Isaac Lab's environment of the embedded runtime as `env`, with two environments."""

RUN = """
import asyncio, contextlib, json
import numpy as np
from mimicgen.datagen.config.jobs import JOBS
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.session.opening import open_simulation

@contextlib.asynccontextmanager
async def stage(name):
    yield notes.append

notes = []

@contextlib.asynccontextmanager
async def opened(**values):
    named = {name.replace("__", "."): value for name, value in values.items()}
    folder = sys.argv[1]
    config = build({"source": sys.argv[2], "output_dataset": folder + "/g.hdf5", "output_dir": folder,
                    "num_trials": 1000, "render.when": "never", "fresh": True} | named,
                   kind=JOBS[named.pop("mode", "generate")])
    outputs = Outputs(config)
    try:
        async with open_simulation(config, outputs, stage) as generator:
            yield generator
    finally:
        outputs.close()

async def run(attempts, **values):
    notes.clear()
    ended, taken = [], []
    async with opened(**values) as generator:
        while len(ended) < attempts:
            ended += await generator.ended()
            actions = await generator.actions(1000)
            taken.append(actions.numpy().copy())
            generator.step(actions)
            # With one environment, it rests between an attempt and the next.
            over = bool(await generator.ended())
            assert len(actions) > 1 or generator.resting() is over
        return ended[:attempts], np.array(taken), generator.facts

def told(ended):
    return [json.loads(attempt.to_json()) for attempt in ended]
"""
"""Code that opens a generator, `opened(**values)`, or has it make attempts, `run(attempts, **values)`."""


def python(code: str, *arguments: object) -> str:
    """Run code in a process of its own, with the project's modules at hand, and return what it prints."""
    start = f"import sys; sys.path[:0] = [{str(PROJECT / 'exts' / 'mimicgen.datagen')!r}, {str(PROJECT)!r}]\n"
    result = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=PROJECT,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def result(code: str, folder: Path) -> Any:
    """Run code after `RUN`, and return what it prints as JSON after RESULT."""
    lines = [line for line in python(RUN + code, folder, SOURCE).splitlines() if line.startswith("RESULT")]
    return json.loads(lines[-1].removeprefix("RESULT"))
