"""What writes episodes: a thread, or processes for runs that keep dozens a second.

HDF5 holds the interpreter lock: written in a thread, every demonstration of a large run would cost the simulation's
thread its whole writing time, and wait for the lock a few hundred times itself. `python -m` this module is such a
process: it writes what comes in on its standard input, answers on what was its standard output (whatever prints
there goes to the standard error), and ends when the input does, so it never outlives the run, and it finishes what it
has begun.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, cast

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.dataset.demos import attributes, complete
from mimicgen.datagen.dataset.outputs.parts import Episode, Parts
from mimicgen.datagen.errors import OutputError

ENVIRONMENTS_A_PROCESS = 64
"""With fewer, a thread keeps up, and no process has to be started."""

Demo = tuple[Parts, str, Episode, Attempt, Mapping[str, Any]]
"""Where to write, the name of the file, what was recorded, the record of the attempt, and what it was made with."""

CLOSING = 60.0
"""Seconds that a process has to finish what it has begun, when the run ends."""


def write_demo(parts: Parts, name: str, episode: Episode, attempt: Attempt, made_with: Mapping[str, Any]) -> None:
    """Write an episode with all that is said about it.

    Args:
        parts: Where.
        name: The name of its file.
        episode: What was recorded.
        attempt: The record of the attempt.
        made_with: Versions of what it was made with.

    Raises:
        OutputError: It cannot be written.
    """
    told = attributes(episode, attempt) | {"record": attempt.to_json(), "made_with": json.dumps(made_with)}
    parts.write(name, complete(episode, attempt), told)


def processes_for(num_envs: int) -> int:
    """Return how many processes are to write for this many environments; none when a thread can, or has to.

    An application that embeds Python may be `sys.executable` itself, and cannot be started as one.
    """
    if not Path(sys.executable).name.startswith("python"):
        return 0
    return min(8, num_envs // ENVIRONMENTS_A_PROCESS, max(1, (os.cpu_count() or 2) - 1))


class EpisodeWriters:
    """Writes episodes off the loop.

    Args:
        count: How many processes do it; with none, a thread of this one does.
    """

    def __init__(self, count: int):
        package = str(Path(__file__).resolve().parents[4])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # an interrupt is for the run, which ends its writers when all is written
            )
            for _ in range(count)
        ]
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(max(count, 1), thread_name_prefix="mimicgen.datagen episode writer")

    def submit(self, *demo: *Demo) -> Future[None]:
        """Have an episode written."""
        return self._threads.submit(self._write if self._processes else write_demo, *demo)

    def close(self) -> None:
        """End threads and processes; what they are writing is finished, and what waits is dropped."""
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            try:
                process.communicate(timeout=CLOSING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    def _write(self, *demo: *Demo) -> None:
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            pickle.dump(demo, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            error = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as gone:
            raise OutputError(
                f"output '{demo[0].path(demo[1])}': the process that writes it has ended or is out of order; "
                "see its messages in the log, and run this again"
            ) from gone
        finally:
            self._idle.put(process)
        if error is not None:
            raise error


def serve(demos: BinaryIO, answers: BinaryIO) -> None:
    """Write episodes until there are no more; answer each with what went wrong, or None."""
    while demos.peek(1):  # type: ignore[attr-defined]
        error = None
        try:
            write_demo(*cast(Demo, pickle.load(demos)))
        except (OSError, OutputError, MemoryError) as told:
            error = told
        pickle.dump(error, answers)
        answers.flush()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as told:
        os.dup2(2, 1)  # what a library prints is no answer
        serve(sys.stdin.buffer, told)
