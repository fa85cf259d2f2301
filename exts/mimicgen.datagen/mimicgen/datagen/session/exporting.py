"""Exporting what a run has kept, at its end: by the command line, in a process of its own, beside the loop."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from mimicgen.datagen.config.jobs import Job
from mimicgen.datagen.dataset.outputs.outputs import NextFrame, Outputs
from mimicgen.datagen.errors import DatagenError, RunError, SetupError

log = logging.getLogger(__name__)

CLOSING = 10.0
"""Seconds that the process has to end by itself when the run is stopped."""


async def export_kept(
    config: Job, outputs: Outputs, next_frame: NextFrame, *, drawn: bool, stopped: Callable[[], bool]
) -> None:
    """Export the dataset of a run, if that is wanted; what goes wrong is told, and the run is as it is without it.

    Args:
        config: The run's job.
        outputs: Its outputs, of which the dataset is complete.
        next_frame: Waits for the application's next frame.
        drawn: Whether images were rendered into the folder of its records.
        stopped: Whether somebody waits for the run to stop; then it is not waited for.
    """
    output, dataset = outputs.exported, outputs.dataset
    if output is None or not dataset.exists():
        return
    images = ["--images", str(outputs.record.parent)] if drawn and not config.render.in_dataset else []
    try:
        await _export([config.export, str(dataset), "--output", str(output), *images], next_frame, stopped)
    except DatagenError as error:
        log.warning("%s was not exported: %s", output, error)


async def _export(arguments: Sequence[str], next_frame: NextFrame, stopped: Callable[[], bool]) -> None:
    """Run the command.

    Raises:
        SetupError: The application embeds Python, so no process can be started as it.
        RunError: The export failed; the message is what it said. Or the run was stopped meanwhile.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = _started(arguments, said)
        try:
            while process.poll() is None and not stopped():
                await next_frame()
            if process.poll() is None:
                process.terminate()
                last = time.monotonic() + CLOSING
                while process.poll() is None and time.monotonic() < last:
                    await next_frame()
                raise RunError(f"the run was stopped; this goes on: {_command(arguments)}")
        finally:
            _end(process)
        if process.returncode:
            said.seek(0)
            told = said.read().strip()
            raise RunError(told.partition("error: ")[2] or told or f"the process ended with {process.returncode}")


def _started(arguments: Sequence[str], said: IO[str]) -> subprocess.Popen[bytes]:
    if not Path(sys.executable).name.startswith("python"):
        raise SetupError(f"here a run cannot start processes; run: {_command(arguments)}")
    package = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "export", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its own, if it has not ended; the same command goes on with what it has begun."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _command(arguments: Sequence[str]) -> str:
    return f"./scripts/datagen.sh export {shlex.join(arguments)}"
