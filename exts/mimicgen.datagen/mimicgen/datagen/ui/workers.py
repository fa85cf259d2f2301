"""The workers of a run whose attempts are made elsewhere: a row each, with what it does and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import omni.ui as ui

from mimicgen.datagen.attempts import wilson
from mimicgen.datagen.progress import Doing, Progress, WorkerProgress
from mimicgen.datagen.text import counted
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.parts import Note, put, section

ROWS = 24
"""Workers that have a row, those with trouble first; the others are counted."""

SPOKEN = {
    Doing.STARTING: "starting",
    Doing.WORKING: "at work",
    Doing.IDLE: "idle",
    Doing.BENCHED: "gets no more shards",
    Doing.LOST: "lost",
    Doing.ENDED: "ended",
}

TROUBLE = (Doing.LOST, Doing.BENCHED)


class WorkerRows:
    """The section about workers, made inside the current container; not to be seen while there are none."""

    def __init__(self) -> None:
        self._shown: Sequence[WorkerProgress] = ()
        self._rows: list[_WorkerRow] = []
        self._section = ui.VStack(height=0, visible=False)
        with self._section, section("Workers", "section_workers"):
            self._summary = Note("body", identifier="workers")
            self._column = ui.VStack(height=0, spacing=style.GAP)
            self._others = Note("hint", identifier="workers.others")

    def refresh(self, progress: Progress) -> None:
        """Show what is known now."""
        workers = progress.workers
        if workers is self._shown:
            return
        self._shown = workers
        self._section.visible = bool(workers)
        self._summary.show(summary(workers))
        listed = sorted(workers, key=lambda one: one.doing not in TROUBLE)
        rows, others = listed[:ROWS], listed[ROWS:]
        with self._column:
            self._rows += [_WorkerRow(number) for number in range(len(self._rows), len(rows))]
        for number, row in enumerate(self._rows):
            row.show(rows[number] if number < len(rows) else None)
        self._others.show(f"and {_counted(others)}" if others else "")


class _WorkerRow:
    """A worker: its name and what it does, its figures, and why it failed the last time."""

    def __init__(self, number: int):
        name = f"worker.{number}"
        self._row = ui.ZStack(height=0)
        with self._row:
            ui.Rectangle(name="well")
            with ui.HStack(height=0):
                ui.Spacer(width=8)
                with ui.VStack(height=0, spacing=2):
                    ui.Spacer(height=4)
                    with ui.HStack(height=20, spacing=style.GAP):
                        with ui.VStack(width=10):
                            ui.Spacer()
                            self._light = ui.Circle(name="starting", width=10, height=10, radius=5)
                            ui.Spacer()
                        self._name = ui.Label("", width=0, identifier=name)
                        self._node = ui.Label("", name="key", elided_text=True, identifier=f"{name}.node")
                        self._doing = ui.Label(
                            "", name="key", width=0, alignment=ui.Alignment.RIGHT_CENTER, identifier=f"{name}.doing"
                        )
                    self._figures = Note("info", identifier=f"{name}.figures", indent=10 + style.GAP)
                    self._failure = Note("warning", identifier=f"{name}.failure", indent=10 + style.GAP)
                    ui.Spacer(height=4)
                ui.Spacer(width=8)

    def show(self, worker: WorkerProgress | None) -> None:
        """Show a worker, or nothing."""
        self._row.visible = worker is not None
        if worker is None:
            return
        self._light.name = str(worker.doing)
        put(self._name, worker.name)
        put(self._node, worker.node)
        put(self._doing, worker.shard or SPOKEN[worker.doing])
        self._figures.show(figures(worker))
        self._failure.show(worker.last_failure, "problem" if worker.doing in TROUBLE else "hint")


def summary(workers: Sequence[WorkerProgress]) -> str:
    """Return how many workers there are, what they do, and how fast they are together.

    '2 workers: 1 at work, 1 starting; 1 lost; 118 demonstrations an hour'.
    """
    there = [one for one in workers if one.doing is not Doing.LOST]
    said = f"{counted(len(there), 'worker')}: {_counted(there)}" if there else ""
    lost = f"{len(workers) - len(there)} lost" if len(there) < len(workers) else ""
    speeds = [one.an_hour for one in there if one.doing is Doing.WORKING and one.an_hour is not None]
    fast = f"{sum(speeds):,.0f} demonstrations an hour" if speeds else ""
    return "; ".join(filter(None, (said, lost, fast)))


def figures(worker: WorkerProgress) -> str:
    """Return a worker's rate and success: '59 demonstrations an hour, 7 of 8 succeeded, 88% (53 to 98)'."""
    if worker.an_hour is None:
        return ""
    low, high = wilson(worker.successes, worker.attempts)
    share = 100 * worker.successes / worker.attempts
    return (
        f"{worker.an_hour:,.0f} demonstrations an hour, {worker.successes} of {worker.attempts} succeeded, "
        f"{share:.0f}% ({100 * low:.0f} to {100 * high:.0f})"
    )


def _counted(workers: Sequence[WorkerProgress]) -> str:
    found = Counter(one.doing for one in workers)
    return ", ".join(f"{found[doing]} {words}" for doing, words in SPOKEN.items() if found[doing])
