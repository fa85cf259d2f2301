"""Calling what reads HDF5 in a process of its own.

The HDF5 library can crash on a damaged file, or never come back. What a damaged file does to a child process, it cannot
do to the user: the child has a limit on memory and a limit on the time between two signs of life, and its end is
reported like any other thing that is wrong with the file.

Processes are forked, so this is for light processes such as the command line, not for a Kit application.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from mimicgen.datagen.errors import SourceError

PATIENCE = 8.0
"""Processor time that may pass between two signs of life [s]; an endless loop uses it, a slow disk does not."""

SLOWEST = 50e6
"""Bytes a second that copying makes at least."""

MEMORY = 896 * 2**20
"""Bytes that a child may allocate beyond what its parent has, unless its work is known to take more."""

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command as Ctrl-C does."""

_context = multiprocessing.get_context("fork")
_guarded = False


def guarded[T](function: Callable[..., T], *calls: Sequence[Any], memory: int = MEMORY) -> list[T]:
    """Call a function in child processes, one for each sequence of arguments, side by side.

    Args:
        function: What to call; it says `alive` from time to time. Its results and its errors have to be picklable.
        calls: The arguments of each call, the first of which is the file, or files, that it reads.
        memory: Bytes that each child may allocate beyond what its parent has.

    Returns:
        The results, in the order of the calls.

    Raises:
        SourceError: A child crashed or got stuck, which a damaged file makes the HDF5 library do.
        Exception: What the function raised.
    """
    started = []
    for arguments in calls:
        receiver, sender = _context.Pipe(duplex=False)
        process = _context.Process(target=_call, args=(sender, function, arguments, memory))
        process.start()
        sender.close()
        started.append((process, receiver))
    try:
        return [
            _result(receiver, process, arguments) for (process, receiver), arguments in zip(started, calls, strict=True)
        ]
    finally:
        for process, receiver in started:
            receiver.close()
            process.kill()
            process.join()


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have SIGTERM and SIGHUP end what goes on as Ctrl-C does: with its children, and without what was half written.

    Raises:
        KeyboardInterrupt: One came.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    wanted = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores one
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def signals_as_ever() -> None:
    """Have the signals of `ended_by_signals` their usual effect again."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def alive(coming: int = 0) -> None:
    """Say that things go on, in a guarded process; elsewhere nothing happens.

    Args:
        coming: Bytes that are copied before the next sign of life.
    """
    if _guarded:
        signal.setitimer(signal.ITIMER_PROF, PATIENCE + coming / SLOWEST)


def _call(sender: Connection, function: Callable[..., Any], arguments: Sequence[Any], memory: int) -> None:
    global _guarded
    _guarded = True
    limit = _allocated() + memory
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_IGN)  # they end the parent, which ends this process
    alive()
    try:
        answer = (True, function(*arguments))
    except BaseException as error:  # noqa: BLE001 -- handed to the parent, which raises it
        error.add_note("".join(traceback.format_exception(error)))
        answer = (False, error)
    sender.send(answer)


def _allocated() -> int:
    """Return the bytes that this process has allocated, as `RLIMIT_DATA` counts."""
    with open("/proc/self/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmData:"))
    return int(kilobytes) * 1024


def _result(receiver: Connection, process: Any, arguments: Sequence[Any]) -> Any:
    try:
        succeeded, answer = receiver.recv()
    except EOFError:
        process.join()
        stuck = process.exitcode == -signal.SIGPROF
        how = f"got stuck for {PATIENCE:g} s" if stuck else f"crashed (exit code {process.exitcode})"
        first = arguments[0] if arguments else "a file"
        names = ", ".join(map(str, first if isinstance(first, Sequence) and not isinstance(first, str) else [first]))
        raise SourceError(
            f"source '{names}': damaged such that reading it {how}; copy it again, or leave it out"
        ) from None
    if succeeded:
        return answer
    raise answer
