"""One run at a time writes to an output: a locked file, which says whose it is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py

from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.replacing import discard, refuse_foreign
from mimicgen.datagen.errors import OutputError


class Lock:
    """A locked file. The lock ends with the process, however it ends.

    Args:
        path: The file; it is made if it is missing.
        output: What is locked, for the message.

    Raises:
        OutputError: Another process has it, or the file is none of this project.
    """

    def __init__(self, path: Path, output: Path):
        self._path = path
        if path.is_symlink() or (path.exists() and not _is_lock(path)):
            raise OutputError(f"output '{path}' exists and is no lock of this project; move it away")
        try:
            while True:
                with explained(path):
                    self._file = path.open("a+", encoding="utf-8")
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists() and path.samefile(f"/proc/self/fd/{self._file.fileno()}"):
                    break
                self._file.close()  # its owner removed it meanwhile
        except BlockingIOError as error:
            self._file.seek(0)
            owner = _owner(self._file.read())
            self._file.close()
            raise OutputError(
                f"output '{output}' is being written by process {owner.get('pid', '?')}, started "
                f"{owner.get('started', 'just now')}; wait for it, stop it, or pass another --output-dataset and "
                "--output-dir"
            ) from error
        self._file.truncate(0)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        self._file.write(json.dumps({"pid": os.getpid(), "started": started}))
        self._file.flush()

    def close(self) -> None:
        """Unlock, and remove the file."""
        discard(self._path)
        self._file.close()


@contextlib.contextmanager
def reserved(output: Path, *, replace: Callable[[Path], bool] | None = None) -> Iterator[None]:
    """Keep the name of a file that a tool writes from runs and other tools, until it is written.

    Args:
        output: The file.
        replace: As in `replacing.new_file`.

    Raises:
        OutputError: A run writes there or was not finished, another tool writes it, or something has the name that may
            not be replaced.
    """
    refuse_foreign(output, replace)
    refuse_unfinished(output)
    writable_folder(output.absolute().parent)
    lock = Lock(output.with_name(f"{output.name}.lock"), output)
    try:
        refuse_unfinished(output)
        yield
    finally:
        lock.close()


def refuse_unfinished(output: Path) -> None:
    """Check that no demonstrations of a run that was not finished wait to become a dataset.

    Raises:
        OutputError: Some do.
    """
    parts = output.with_name(f"{output.name}.parts")
    if os.path.lexists(parts):
        raise OutputError(
            f"output '{output}' belongs to a run whose demonstrations wait in '{parts}'; "
            "run its command again, which finishes it, or choose another name"
        )


def _is_lock(path: Path) -> bool:
    """Return whether a file is a lock, or may become one: it is empty, or says who has it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        told = file.read(200)
    return not told or "pid" in _owner(told.decode("utf-8", "replace"))


def _owner(text: str) -> dict[str, Any]:
    """Return who holds a lock; the owner may be about to write it."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def refuse_if_in_use(dataset: Path) -> None:
    """Check that nobody has a dataset open: HDF5 locks the files that it has, and asking for the lock tells.

    Raises:
        OutputError: Somebody has.
    """
    try:
        h5py.File(dataset, "r+").close()
    except BlockingIOError as error:
        raise OutputError(
            f"output '{dataset}' is open in another process; wait for it, or pass another --output-dataset"
        ) from error
    except OSError:
        return  # not HDF5, or read-only: nobody writes to it, and it is moved or refused as it is
