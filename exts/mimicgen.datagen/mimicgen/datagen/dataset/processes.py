"""Processes that write demonstrations, for runs that keep dozens a second.

HDF5 holds the interpreter lock: written in a thread, every demonstration of a large run would cost the simulation's
thread its whole writing time, and wait for the lock a few hundred times itself. `python -m` this module is such a
process: it writes what comes in on its standard input, answers on its standard output, and ends when the input does,
so it never outlives the run, and it finishes what it has begun.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, cast

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.dataset.demos import attributes, complete
from mimicgen.datagen.dataset.parts import Episode, Parts
from mimicgen.datagen.errors import OutputError

ENVIRONMENTS_A_PROCESS = 64
"""With fewer, a thread keeps up, and no process has to be started."""

Demo = tuple[Parts, str, Episode, Attempt]
"""Where to write, the demonstration's name, what was recorded, and the record of the attempt."""


def write_demo(parts: Parts, name: str, episode: Episode, attempt: Attempt) -> None:
    """Write a demonstration with all that is said about it.

    Raises:
        OutputError: It cannot be written.
    """
    told = attributes(episode, attempt) | {"record": attempt.to_json()}
    parts.write(name, complete(episode, attempt), told)


def processes_for(num_envs: int) -> int:
    """Return how many processes are to write for this many environments; none when a thread can, or has to.

    An application that embeds Python may be `sys.executable` itself, and cannot be started as one.
    """
    if not Path(sys.executable).name.startswith("python"):
        return 0
    return min(8, num_envs // ENVIRONMENTS_A_PROCESS, max(1, (os.cpu_count() or 2) - 1))


class WritingProcesses:
    """A pool of processes that write demonstrations.

    Args:
        count: How many.
    """

    def __init__(self, count: int):
        package = str(Path(__file__).resolve().parents[3])
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
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="mimicgen.datagen writing process")

    def submit(self, *demo: *Demo) -> Future[None]:
        """Have a demonstration written."""
        return self._threads.submit(self._write, demo)

    def close(self) -> None:
        """End the processes; what they are writing is finished, and what waits is dropped."""
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()

    def _write(self, demo: Demo) -> None:
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            pickle.dump(demo, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            error = pickle.load(process.stdout)
        except (EOFError, BrokenPipeError) as gone:
            raise OutputError(f"output '{demo[0].path(demo[1])}': the process that writes it has ended") from gone
        finally:
            self._idle.put(process)
        if error is not None:
            raise error


def serve(demos: BinaryIO, answers: BinaryIO) -> None:
    """Write demonstrations until there are no more; answer each with what went wrong, or None."""
    while demos.peek(1):  # type: ignore[attr-defined]
        error = None
        try:
            write_demo(*cast(Demo, pickle.load(demos)))
        except (OSError, OutputError) as told:
            error = told
        pickle.dump(error, answers)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
