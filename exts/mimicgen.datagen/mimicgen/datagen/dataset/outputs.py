"""The files that a run writes: nothing is overwritten unasked, and what was reported is never lost.

An attempt is reported when it is on the disk: its demonstration first (`parts.py`), then its line in the attempt log,
both synchronised, in a thread. What a run left, however it ended, the next one on the same outputs continues.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.config import RunConfig
from mimicgen.datagen.dataset.earlier import Earlier, read_earlier, refuse_another
from mimicgen.datagen.dataset.earlier_frames import refuse_other_frames
from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.locks import Lock, refuse_if_in_use
from mimicgen.datagen.dataset.parts import Episode, Parts
from mimicgen.datagen.dataset.processes import WritingProcesses, processes_for, write_demo
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.dataset.writers import Writers
from mimicgen.datagen.errors import OutputError

NextFrame = Callable[[], Awaitable[None]]


class Outputs:
    """Paths and open files of one run.

    Attributes:
        dataset: Kept demonstrations, HDF5.
        failed_dataset: Failed attempts, written with `keep_failed`.
        record: `run.json`, or `render.json` of a run that only renders.
        attempts: `attempts.jsonl`.
        report: `report.html`.
        rendered_dataset: The dataset whose demonstrations are rendered.
        earlier: What an earlier run on the same outputs left; known once they are open.
    """

    def __init__(self, config: RunConfig):
        self._config = config
        self.dataset = config.output_dataset.expanduser().absolute()
        self.failed_dataset = self.dataset.with_name(f"{self.dataset.stem}_failed{self.dataset.suffix}")
        folder = config.output_dir.expanduser().absolute()
        self.record = folder / ("render.json" if config.mode == "render" else "run.json")
        self.attempts = folder / "attempts.jsonl"
        self.report = folder / "report.html"
        self.rendered_dataset = (config.source or self.dataset) if config.mode == "render" else self.dataset
        self.earlier = Earlier()
        self._frames = [folder / name for name in config.render.written()] if config.render.when != "never" else []
        self._parts, self._failed_parts = Parts(self.dataset), Parts(self.failed_dataset)
        self._locks: list[Lock] = []
        self._log: TextIO | None = None
        self._writers: Writers | None = None
        self._processes: WritingProcesses | None = None
        self._writing: deque[Attempt] = deque()
        self._next_demo = self._next_failed = 0

    @property
    def writing(self) -> bool:
        """Whether there are attempts that `settled` has not told yet."""
        return bool(self._writing)

    @property
    def parts_folder(self) -> Path:
        """Where kept demonstrations are until they are folded into the dataset."""
        return self._parts.folder

    def check(self) -> None:
        """Make the folders, and check that a run may write here.

        Raises:
            OutputError: A folder cannot be written, another run is writing, or there are outputs that this run can
                neither continue nor may move aside.
        """
        self._lock()
        try:
            self._refuse_what_cannot_be_written()
        finally:
            self._unlock()

    def open(self) -> None:
        """Open the outputs: move older ones aside if asked to, or continue them.

        Raises:
            OutputError: As `check`.
        """
        self._lock()
        self._refuse_what_cannot_be_written()
        if self._config.fresh:
            self._move_aside()
        processes = processes_for(self._config.num_envs)
        self._processes = WritingProcesses(processes) if processes else None
        self._writers = Writers(threads=1)  # so that attempts are logged in the order in which they ended
        if self._config.mode == "render":
            return
        self.earlier = read_earlier(self.attempts, self._parts)
        self._next_demo = _next_number(self.earlier.demos)
        self._next_failed = _next_number([name for name, _ in self._failed_parts.attributes()])
        lines = "".join(attempt.to_json() + "\n" for attempt in self.earlier.attempts)
        with explained(self.attempts):
            scratch = self.attempts.with_suffix(".jsonl.part")
            scratch.write_text(lines, encoding="utf-8")
            os.replace(scratch, self.attempts)
            self._log = self.attempts.open("a", encoding="utf-8")
        for parts in (self._parts, self._failed_parts) if self._config.keep_failed else (self._parts,):
            parts.prepare()
        self.write_record({"config": self.plain_config(), "end": None})

    def keep(self, attempt: Attempt, episode: Episode | None = None) -> None:
        """Write an ended attempt in a thread, and its episode if it is wanted; `settled` tells when that is done.

        A success with an episode becomes the next demonstration.
        """
        assert self._writers is not None
        parts, name, written = self._parts, None, None
        if episode is not None and attempt.outcome is Outcome.SUCCESS:
            name = f"demo_{self._next_demo}"
            attempt = dataclasses.replace(attempt, demo=name)
            self._next_demo += 1
        elif episode is not None:
            parts, name = self._failed_parts, f"demo_{self._next_failed}"
            self._next_failed += 1
        if name is not None and episode is not None:
            demo = parts, name, episode, attempt
            written = self._processes.submit(*demo).result if self._processes else partial(write_demo, *demo)
        self._writing.append(attempt)
        self._writers.submit(self._write, written, attempt)

    def settled(self) -> list[Attempt]:
        """Return the attempts that have come to be on the disk since this was asked last, in order.

        Raises:
            OutputError: One could not be written.
        """
        assert self._writers is not None
        waiting = self._writers.waiting
        return [self._writing.popleft() for _ in range(len(self._writing) - waiting)]

    def states(self, demo: str) -> StateSequence:
        """Return the states of a kept demonstration."""
        return self._parts.states(demo)

    async def fold(self, env_args: Mapping[str, Any], provenance: Mapping[str, Any], next_frame: NextFrame) -> None:
        """Put everything that was kept into the dataset, in a thread.

        Raises:
            OutputError: The dataset cannot be written; what was kept stays beside it, and the next run continues.
        """
        if self._writers is None:
            return
        for parts in (self._parts, self._failed_parts):
            self._writers.submit(parts.fold, env_args, provenance)
        await self._writers.written(next_frame)
        for parts in (self._parts, self._failed_parts):
            parts.remove_if_empty()

    async def write_report(self, write: Callable[[Path, Path, Path], None], next_frame: NextFrame) -> None:
        """Have the report written, in a thread; nothing happens when there is no dataset.

        Args:
            write: Writes the dataset's report from the folder of the records to a file.
            next_frame: Waits for the application's next frame.

        Raises:
            DatagenError: It could not be written.
        """
        if self._writers is not None and self.dataset.exists():
            self._writers.submit(write, self.dataset, self.record.parent, self.report)
            await self._writers.written(next_frame)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write `run.json`, whole or not at all."""
        if self._writers is None:  # the run ended before its outputs were opened
            return
        scratch = self.record.with_suffix(".json.part")
        scratch.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        os.replace(scratch, self.record)

    def plain_config(self) -> dict[str, Any]:
        """Return the configuration as records have it."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in self._config.flat().items()}

    def written(self) -> tuple[Path, ...]:
        """Return the outputs that this run wrote."""
        if self._writers is None:
            return ()
        return tuple(path for path in self._paths() if path.exists())

    def close(self) -> None:
        """Close what is open."""
        if self._writers is not None:
            self._writers.close()
        if self._processes is not None:
            self._processes.close()
        if self._log is not None:
            self._log.close()
            for parts in (self._parts, self._failed_parts):
                parts.remove_if_empty()
        self._unlock()

    def _write(self, written: Callable[[], None] | None, attempt: Attempt) -> None:
        """Log an attempt when its demonstration is on the disk.

        Args:
            written: Waits for that; None when there is none.
            attempt: What is logged.
        """
        assert self._log is not None
        if written is not None:
            written()
        with explained(self.attempts):
            self._log.write(attempt.to_json() + "\n")
            self._log.flush()
            os.fsync(self._log.fileno())

    def _refuse_what_cannot_be_written(self) -> None:
        if self._config.render.when != "never" and not self._config.fresh:
            refuse_other_frames(self.record.parent, self._config.render, self.rendered_dataset.name)
        if self._config.mode in ("render", "replay"):
            return  # what is rendered stays, and a replay is made anew
        for path in (self.dataset, self.failed_dataset):
            if path.exists():
                refuse_if_in_use(path)
        if self._config.fresh:
            return
        ours = [path for path in (*self._data(), self.record, self.attempts) if path.exists()]
        if any(path in ours for path in (*self._data(), self.record)):
            refuse_another(self._config, self.record, self.dataset)
        existing = ours or [path for path in self._frames if path.exists()]
        if (existing and not ours) or ours == [self.attempts]:
            names = ", ".join(f"'{path}'" for path in existing)
            raise OutputError(
                f"{names} would be overwritten; start afresh (--fresh) to move older outputs aside, "
                "or choose another --output-dataset and --output-dir"
            )

    def _move_aside(self) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for path in self._paths():
            if path.exists():
                with explained(path):
                    path.rename(path.with_name(f"{path.stem}.{stamp}{path.suffix}"))

    def _lock(self) -> None:
        folder = writable_folder(self.record.parent)
        if self._config.mode != "render":
            writable_folder(self.dataset.parent)
            self._locks.append(Lock(self.dataset.with_name(f"{self.dataset.name}.lock"), self.dataset))
        try:
            self._locks.append(Lock(folder / "run.lock", folder))
        except OutputError:
            self._unlock()
            raise

    def _unlock(self) -> None:
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    def _data(self) -> tuple[Path, ...]:
        return self.dataset, self._parts.folder, self.failed_dataset, self._failed_parts.folder

    def _paths(self) -> tuple[Path, ...]:
        if self._config.mode == "render":
            return self.record, *self._frames
        return *self._data(), self.record, self.attempts, self.report, *self._frames


def _next_number(names: Sequence[str]) -> int:
    """Return the number after those of demonstrations: 'demo_0', 'demo_1' give 2."""
    return 1 + max((int(name.rpartition("_")[2]) for name in names), default=-1)
