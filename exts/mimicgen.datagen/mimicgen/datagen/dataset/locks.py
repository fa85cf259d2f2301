"""One run at a time writes to an output: a locked file, which says whose it is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import h5py

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.replacing import discard
from mimicgen.datagen.errors import OutputError


class Lock:
    """A locked file. The lock ends with the process, however it ends.

    Args:
        path: The file; it is made if it is missing.
        output: What is locked, for the message.

    Raises:
        OutputError: Another process has it.
    """

    def __init__(self, path: Path, output: Path):
        self._path = path
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
