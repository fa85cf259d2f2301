"""The files that a run writes: nothing is overwritten unasked, and what was reported is never lost.

The episode of an attempt that has ended is written at once, off the loop; it becomes a demonstration when it is the
attempt's turn (`parts.py`), and only then is the attempt's line appended to the log. An attempt is reported when both
are on the disk, synchronised. What a run left, however it ended, the next one on the same outputs continues.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import Attempt, Outcome
from mimicgen.datagen.config.jobs import Evaluate, Job
from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.locks import Lock, refuse_if_in_use, refuse_unfinished
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.outputs.earlier import Earlier, ended_well, read_earlier, refuse_another
from mimicgen.datagen.dataset.outputs.earlier_frames import are_there, refuse_other_frames
from mimicgen.datagen.dataset.outputs.journal import Journal
from mimicgen.datagen.dataset.outputs.parts import Episode, Parts
from mimicgen.datagen.dataset.outputs.processes import processes_for
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.dataset.replacing import move_aside, new_file, refuse_foreign
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.errors import OutputError

NextFrame = Callable[[], Awaitable[None]]


class Outputs:
    """Paths and open files of one run.

    Attributes:
        dataset: Kept demonstrations, or those that are only looked at; HDF5.
        failed_dataset: Failed attempts, written with `keep_failed`.
        record: `run.json`, or `render.json` of a run that only renders.
        attempts: `attempts.jsonl`.
        report: `report.html`.
        shards: The shards of a run that is made elsewhere; see `cluster/shards.py`.
        earlier: What an earlier run on the same outputs left; known once they are open.
        made_with: Versions that demonstrations are made with; each keeps its own.
    """

    def __init__(self, config: Job):
        self._config = config
        self.dataset = config.output_dataset.expanduser().absolute()
        self.shards = self.dataset.with_name(f"{self.dataset.stem}_shards")
        self.failed_dataset = self.dataset.with_name(f"{self.dataset.stem}_failed{self.dataset.suffix}")
        folder = config.output_dir.expanduser().absolute()
        self.record = folder / config.record_name
        self.attempts = folder / "attempts.jsonl"
        self.report = folder / "report.html"
        self.earlier = Earlier()
        self._frames = [folder / name for name in config.render.written()] if config.draws else []
        self._parts, self._failed_parts = Parts(self.dataset), Parts(self.failed_dataset)
        self._locks: list[Lock] = []
        self._writers: Writers | None = None
        self._journal: Journal | None = None
        self.made_with: Mapping[str, Any] = {}

    @property
    def writing(self) -> bool:
        """Whether there are attempts that `settled` has not told yet and will tell."""
        return self._journal is not None and self._journal.writing

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

    def already(self) -> Earlier:
        """Return what an earlier run has left, if nothing is left to be done with it: folded, and drawn.

        Raises:
            OutputError: As `check`.
        """
        makes = self._config.makes_dataset and not self._config.fresh
        if not (makes and self.dataset.exists() and ended_well(self.record)):
            return Earlier()
        self.check()
        earlier = read_earlier(self.attempts, self._parts)
        whole = not self._parts.written() and not self._failed_parts.written()
        drawn = are_there(self.record.parent, self._config.render, earlier.demos)
        return earlier if whole and drawn else Earlier()

    def open(self) -> None:
        """Open the outputs: move older ones aside if asked to, or continue them.

        Raises:
            OutputError: As `check`.
        """
        self._lock()
        self._refuse_what_cannot_be_written()
        if self._config.fresh:
            self._move_aside()
        self._writers = Writers(threads=1)
        if not self._config.makes_attempts:
            return
        self.earlier = read_earlier(self.attempts, self._parts)
        told = Outcome.SUCCESS if self._config.makes_dataset else Outcome.FAILURE
        files = (self.attempts, self._parts, self._failed_parts, self.earlier)
        self._journal = Journal(*files, processes_for(self._config.num_envs), told)
        for parts in (self._parts, self._failed_parts) if self._config.keep_failed else (self._parts,):
            parts.prepare()
        self.write_record({"config": self.plain_config(), "end": None})

    def hold(self, attempt: Attempt, episode: Episode) -> None:
        """Write the episode of an attempt that has ended, off the loop, until it is committed."""
        assert self._journal is not None
        self._journal.hold(attempt, episode, self.made_with)

    def commit(self, attempts: Sequence[Attempt]) -> None:
        """Log attempts in the order given, off the loop; `settled` tells when that is done.

        A success whose episode was written becomes the next demonstration.
        """
        if attempts:
            assert self._journal is not None
            self._journal.commit(attempts)

    def settled(self) -> list[Attempt]:
        """Return the attempts that have come to be on the disk since this was asked last, in order.

        Raises:
            OutputError: One could not be written; nothing is written any more.
        """
        return self._journal.settled() if self._journal is not None else []

    def states(self, demo: str) -> StateSequence:
        """Return the states of an episode of which its attempt's record tells the name."""
        return (self._parts if self._config.makes_dataset else self._failed_parts).states(demo)

    async def fold(self, env_args: Mapping[str, Any], provenance: Mapping[str, Any], next_frame: NextFrame) -> None:
        """Put everything that was kept into the dataset, in a thread.

        Raises:
            OutputError: The dataset cannot be written; what was kept stays beside it, and the next run continues.
        """
        if self._writers is None or self._journal is None:  # the run made nothing
            return
        while not self._journal.idle:
            await next_frame()
        for parts in (self._parts, self._failed_parts):
            self._writers.submit(parts.fold, env_args, provenance)
        await self._writers.written(next_frame)
        for parts in (self._parts, self._failed_parts):
            parts.remove_if_empty()

    @property
    def drawn(self) -> Path:
        """The dataset whose episodes are rendered."""
        return self.dataset if self._config.makes_dataset or not self._config.makes_attempts else self.failed_dataset

    @property
    def exported(self) -> Path | None:
        """The folder that what was kept is exported to; None where it is not."""
        kind = self._config.export
        return None if kind == "none" else self.dataset.with_name(f"{self.dataset.stem}_{kind}")

    async def write_report(self, write: Callable[[Path, Path, Path], None], next_frame: NextFrame) -> None:
        """Have the report written, in a thread; nothing happens when there should be a dataset and is none.

        Args:
            write: Writes the dataset's report from the folder of the records to a file.
            next_frame: Waits for the application's next frame.

        Raises:
            DatagenError: It could not be written.
        """
        if self._writers is not None and (self.dataset.exists() or not self._config.makes_dataset):
            self._writers.submit(write, self.dataset, self.record.parent, self.report)
            await self._writers.written(next_frame)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write `run.json`, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        if self._writers is None:  # the run ended before its outputs were opened
            return
        with explained(self.record), new_file(self.record, replace=is_ours) as scratch:
            scratch.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    def plain_config(self) -> dict[str, Any]:
        """Return the configuration as records have it."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in self._config.flat().items()}

    def written(self) -> tuple[Path, ...]:
        """Return the outputs that this run wrote."""
        if self._writers is None:
            return ()
        return tuple(path for path in self._paths() if path != self.shards and path.exists())

    def close(self) -> None:
        """Close what is open; episodes that were not committed go, and their attempts are made again."""
        with contextlib.ExitStack() as stack:  # whatever fails, the rest is closed
            stack.callback(self._unlock)
            if self._journal is not None:
                for parts in (self._parts, self._failed_parts):
                    stack.callback(parts.remove_if_empty)
                    stack.callback(parts.discard)
                stack.callback(self._journal.close)
            if self._writers is not None:
                stack.callback(self._writers.close)

    def _refuse_what_cannot_be_written(self) -> None:
        self._refuse_what_is_not_ours()
        if self._config.draws and not self._config.fresh:
            refuse_other_frames(self.record.parent, self._config.render, self.dataset.name)
        if not self._config.makes_dataset and not isinstance(self._config, Evaluate):
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

    def _refuse_what_is_not_ours(self) -> None:
        """Check that what would be replaced is this project's, and that nothing is read and written at once."""
        rendered = not self._config.makes_attempts
        source = self._config.source.expanduser() if self._config.source else None
        for path in self._folded() if rendered else ():
            refuse_unfinished(path)
        for path in () if rendered else (self.dataset, self.failed_dataset):
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise OutputError(f"output '{path}' is no regular file; pass another --output-dataset")
            if source is not None and source.exists() and path.exists() and path.samefile(source):
                raise OutputError(f"output '{path}' is the source itself; pass another --output-dataset")
        folder = self.record.parent
        kept = (folder / "contact_sheet.png",) if self._frames else ()
        replaced = (self.record,) if rendered else (self.record, self.attempts, self.report)
        asked = self._config.fresh and self._config.makes_dataset  # others are made anew without being told to
        for path in kept if asked else (*kept, *replaced):
            refuse_foreign(path)

    def _move_aside(self) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for path in self._paths():
            move_aside(path, stamp)

    def _lock(self) -> None:
        folder = writable_folder(self.record.parent)
        try:
            for dataset in self._folded():
                writable_folder(dataset.parent)
                self._locks.append(Lock(dataset.with_name(f"{dataset.name}.lock"), dataset))
            self._locks.append(Lock(folder / "run.lock", folder))
        except OutputError:
            self._unlock()
            raise

    def _folded(self) -> tuple[Path, ...]:
        """Return the datasets that this run writes."""
        if not self._config.makes_attempts:
            return (self.dataset,) if self._config.render.in_dataset else ()
        return (self.dataset, self.failed_dataset) if self._config.keep_failed else (self.dataset,)

    def _unlock(self) -> None:
        with contextlib.ExitStack() as stack:
            for lock in self._locks:
                stack.callback(lock.close)
            self._locks.clear()

    def _data(self) -> tuple[Path, ...]:
        return self.dataset, self._parts.folder, self.failed_dataset, self._failed_parts.folder

    def _paths(self) -> tuple[Path, ...]:
        if not self._config.makes_attempts:
            return self.record, *self._frames
        exported = (self.exported,) if self.exported is not None else ()
        return *self._data(), self.shards, self.record, self.attempts, self.report, *exported, *self._frames
