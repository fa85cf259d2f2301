"""The files that a run writes, and the promise that nothing is overwritten unasked."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import h5py

from mimicgen.datagen.attempts import Attempt
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.errors import OutputError


class Outputs:
    """Paths and open files of one run.

    Attributes:
        dataset: Kept demonstrations, HDF5.
        failed_dataset: Failed attempts, written with `keep_failed`.
        record: `run.json`, or `render.json` of a run that only renders.
        attempts: `attempts.jsonl`.
        rendered_dataset: The dataset whose demonstrations are rendered.
    """

    def __init__(self, config: RunConfig):
        self.dataset = config.output_dataset.expanduser().absolute()
        self.failed_dataset = self.dataset.with_name(f"{self.dataset.stem}_failed{self.dataset.suffix}")
        folder = config.output_dir.expanduser().absolute()
        self._only_renders = config.mode == "render"
        self.record = folder / ("render.json" if self._only_renders else "run.json")
        self.attempts = folder / "attempts.jsonl"
        self.rendered_dataset = (config.source or self.dataset) if self._only_renders else self.dataset
        self._frames = [folder / name for name in config.render.written()] if config.render.when != "never" else []
        self._fresh = config.fresh
        self._opened = False
        self._attempts_file: TextIO | None = None

    def check(self) -> list[Path]:
        """Make the folders, and return the outputs of an earlier run that may be moved aside.

        Raises:
            OutputError: A folder cannot be written, a file is in use, or an output exists and `fresh` is not set.
        """
        writable_folder(self.dataset.parent)
        writable_folder(self.record.parent)
        existing = [path for path in self._paths() if path.exists()]
        if self._only_renders and not self._fresh:
            return []  # what is complete stays, what is not is rendered
        for path in existing:
            if path.suffix == self.dataset.suffix:
                _refuse_if_in_use(path)
        if existing and not self._fresh:
            names = ", ".join(f"'{path}'" for path in existing)
            raise OutputError(
                f"{names} would be overwritten; pass --fresh to move older outputs aside, "
                "or another --output-dataset and --output-dir"
            )
        return existing

    def open(self) -> None:
        """Move older outputs aside if asked to, and open the attempt log.

        Raises:
            OutputError: As `check`.
        """
        existing = self.check()
        self._opened = True
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for path in existing:
            with _explained(path):
                path.rename(path.with_name(f"{path.stem}.{stamp}{path.suffix}"))
        if self._only_renders:
            return
        with _explained(self.attempts):
            self._attempts_file = self.attempts.open("x", encoding="utf-8", buffering=1)

    def write_attempt(self, attempt: Attempt) -> None:
        """Append one line to the attempt log, at once."""
        assert self._attempts_file is not None
        self._attempts_file.write(attempt.to_json() + "\n")

    def write_record(self, record: dict[str, Any]) -> None:
        """Write `run.json`, whole or not at all."""
        if not self._opened:  # the run ended before
            return
        scratch = self.record.with_suffix(".json.part")
        scratch.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        os.replace(scratch, self.record)

    def written(self) -> tuple[Path, ...]:
        """Return the outputs that this run wrote."""
        if not self._opened:
            return ()
        return tuple(path for path in self._paths() if path.exists())

    def close(self) -> None:
        """Close what is open."""
        if self._attempts_file is not None:
            self._attempts_file.close()

    def _paths(self) -> tuple[Path, ...]:
        if self._only_renders:
            return self.record, *self._frames
        return self.dataset, self.failed_dataset, self.record, self.attempts, *self._frames


def writable_folder(folder: Path) -> Path:
    """Make a folder if it is missing, and return it.

    Raises:
        OutputError: It cannot be made or written.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"output '{path}': {error.strerror}; choose a place that can be written") from error


def _refuse_if_in_use(path: Path) -> None:
    """HDF5 locks the files that it has open; asking for the lock tells whether somebody has this one."""
    try:
        h5py.File(path, "r+").close()
    except BlockingIOError as error:
        raise OutputError(
            f"output '{path}' is open in another process; wait for it, or pass another --output-dataset"
        ) from error
    except OSError:
        return  # not HDF5, or read-only: nobody writes to it, and it is moved or refused as it is
