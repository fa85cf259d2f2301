"""Measures Kit's updates while a run on two Ray workers is watched in the panel: before it, during it, and at its end.

    xvfb-run -a ./scripts/python.sh -m scripts.measure_watching [--attempts 64] [--json FILE]

An update is what it takes without the time for which it sleeps to keep to sixty a second. No step is made in it, so of
what docs/event_loop.md allows, 1.25 times the step and 5 ms, the 5 ms are left.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from scripts.measured import provenance, write
from tests.person import Person

from mimicgen.datagen.progress import Doing, Progress, State

PROJECT = Path(__file__).resolve().parents[1]
BEFORE = 20.0
"""Time for which the application is measured before the run [s]."""

sleeping = 0.0
"""How long the main thread has slept [s]."""


def main() -> None:
    """Run, and write what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attempts", type=int, default=64)
    parser.add_argument("--json", type=Path, help="file to write (default: the terminal)")
    options = parser.parse_args()
    told = provenance("scripts.measure_watching")
    os.environ |= {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
    time_sleeping()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        run: dict[str, Any] = {
            "source": PROJECT / "datasets" / "source_demos.hdf5",
            "output_dataset": f"{folder}/g.hdf5",
            "output_dir": folder,
            "num_trials": options.attempts,
            "guarantee": False,
            "num_envs": 2,
            "render.when": "never",
            "cluster.address": "local",
            "cluster.workers": 2,
            "cluster.shard_attempts": 4,
        }
        person = Person(**run)
        person.wait(lambda: person.text("source.verdict"))
        person.wait(lambda: "Looking up" not in person.text("task.note"))
        phases = watch(person)
        end = person.session.progress.end
        assert end is not None
        assert end.exit_code == 0, end.reason
        told |= {"workers": 2, "attempts": options.attempts, "allowed_ms": 5.0, **phases}
        write(told, options.json)
        sys.stdout.flush()
        person.leave()


def time_sleeping() -> None:
    """Have the time for which the main thread sleeps counted."""
    sleep = time.sleep

    def counted(seconds: float, /) -> None:
        global sleeping
        begin = time.perf_counter()
        sleep(seconds)
        if threading.current_thread() is threading.main_thread():
            sleeping += time.perf_counter() - begin

    time.sleep = counted  # type: ignore[assignment]


def watch(person: Person) -> dict[str, Any]:
    """Make the run. Returns what was measured, by what went on."""
    updates: dict[str, list[float]] = {}
    without_turn: dict[str, int] = {}
    spent: dict[str, float] = {}
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await person.app.next_update_async()

    from omni.kit.async_engine import run_coroutine

    task = run_coroutine(take_turns())
    person.update(2)
    start = time.perf_counter() + BEFORE
    while person.session.progress.end is None:
        if person.session.state is State.IDLE and time.perf_counter() > start:
            person.click("start")
        phase = phase_of(person.session.progress)
        before, slept, begin, processor = turns, sleeping, time.perf_counter(), time.process_time()
        person.update()
        updates.setdefault(phase, []).append(time.perf_counter() - begin - (sleeping - slept))
        spent[phase] = spent.get(phase, 0.0) + time.process_time() - processor
        without_turn[phase] = without_turn.get(phase, 0) + (turns == before)
    task.cancel()
    return {phase: figures(taken, without_turn[phase], spent[phase]) for phase, taken in updates.items()}


def phase_of(progress: Progress) -> str:
    """Return what the application does."""
    if progress.state is State.IDLE:
        return "before"
    if not progress.workers:
        return "starting"
    ended = all(one.doing in (Doing.ENDED, Doing.LOST) for one in progress.workers)
    return "putting_together" if ended else "watched"


def figures(updates: list[float], without_turn: int, spent: float) -> dict[str, Any]:
    """Return the figures of a phase."""
    taken = sorted(updates)
    return {
        "updates": len(taken),
        "update_ms_median": round(1000 * statistics.median(taken), 2),
        "update_ms_99th": round(1000 * taken[99 * (len(taken) - 1) // 100], 2),
        "update_ms_longest": round(1000 * taken[-1], 2),
        "updates_without_a_turn_for_others": without_turn,
        "processor_seconds": round(spent, 2),
    }


if __name__ == "__main__":
    main()
