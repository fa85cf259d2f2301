"""What the tests of the simulation share: processes of their own, since Isaac Lab can be started once in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import ACCEPTED, PROJECT, START

SOURCE = PROJECT / "tests" / "data" / "source_demos.hdf5"

OPEN = """
import json
from mimicgen.datagen.isaaclab import kitless
from mimicgen.datagen.isaaclab.upstream import importing
with importing.uncollected():
    import torch
    kitless.teach_isaaclab()
    import gymnasium as gym
    from mimicgen.datagen.isaaclab import configuration, environment
    from mimicgen.datagen.embedded import physics
from mimicgen.datagen.tasks.defaults import build
from mimicgen.datagen.dataset.outputs.outputs import Outputs
from mimicgen.datagen.isaaclab.runtime import Runtime
config = build({"output_dataset": sys.argv[1] + "/g.hdf5", "output_dir": sys.argv[1], "num_envs": 2})
cfg, success = configuration.task_config(config, Outputs(config), Runtime.EMBEDDED)
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


@cache
def _forks() -> subprocess.Popen[str]:
    """The process whose forks run code; it ends with this one, which closes its input."""
    path = os.pathsep.join(map(str, (PROJECT / "exts" / "mimicgen.datagen", PROJECT)))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.generation.forking"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": path},
    )


class Fork:
    """Code that runs in a process of its own, in which Isaac Lab has been imported; one at a time.

    Args:
        code: The code, as of `python -c`.
        arguments: What `sys.argv` has after the code's place.
        environ: Its environment.
        folder: Its working directory.
    """

    def __init__(self, code: str, *arguments: object, environ: Mapping[str, str] = os.environ, folder: Path = PROJECT):
        self._folder = tempfile.TemporaryDirectory()
        self._out, self._err = (Path(self._folder.name, name) for name in ("out", "err"))
        asked: dict[str, object] = {"code": f"import sys\n{textwrap.dedent(code)}", "arguments": [*map(str, arguments)]}
        asked |= {"environ": dict(environ), "folder": str(folder), "out": str(self._out), "err": str(self._err)}
        forks = _forks()
        assert forks.stdin is not None
        assert forks.stdout is not None
        forks.stdin.write(json.dumps(asked) + "\n")
        forks.stdin.flush()
        self._answers = forks.stdout
        self.pid = int(self._answers.readline())

    def said(self) -> str:
        """Return what it has printed so far."""
        return self._out.read_text() if self._out.exists() else ""

    def wait(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end, and return what it printed and its exit code, or minus the signal that ended it."""
        code = int(self._answers.readline())
        with self._folder:
            return subprocess.CompletedProcess([], code, self._out.read_text(), self._err.read_text())


def python(code: str, *arguments: object, ends: Collection[int] = (0,)) -> str:
    """Run code in a process of its own, in which Isaac Lab has been imported, and return what it prints.

    Args:
        code: The code, as of `python -c`.
        arguments: What `sys.argv` has after the code's place.
        ends: The exit codes that are expected; minus a signal's number where one ends it.
    """
    ended = Fork(code, *arguments).wait()
    assert ended.returncode in ends, f"it ended with {ended.returncode}: {ended.stderr[-3000:]}"
    return ended.stdout


def datagen(*arguments: object, folder: Path = PROJECT, **more: str) -> Fork:
    """Start `datagen.sh` with these arguments in a folder, with more variables in its environment.

    As `python -m mimicgen.datagen.cli`, whose import of Isaac Lab has been done.
    """
    code = "import runpy; runpy.run_module('mimicgen.datagen.cli', run_name='__main__', alter_sys=True)"
    return Fork(code, *arguments, environ=os.environ | {"ACCEPT_EULA": "Y"} | more, folder=folder)


def in_kit(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run code as `python` does, with a bare Kit application started as `kit`."""
    return Fork(START + textwrap.dedent(code), *arguments, environ=os.environ | ACCEPTED).wait()


def result(code: str, folder: Path) -> Any:
    """Run code after `RUN`, and return what it prints as JSON after RESULT."""
    lines = [line for line in python(RUN + code, folder, SOURCE).splitlines() if line.startswith("RESULT")]
    return json.loads(lines[-1].removeprefix("RESULT"))
