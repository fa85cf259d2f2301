"""Measure a run as a guest of Kit: how long updates are, who else gets a turn, and how much memory it takes.

    ./scripts/python.sh scripts/measure_loop.py SOURCE.hdf5 [--attempts 100] [--envs 1] [--json FILE]

Reports, over a run of that many attempts: the median Kit update and the median environment step inside it, updates
in which another coroutine did not get a turn, and the resident memory after 10 attempts and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.tasks.defaults import build

PROJECT = Path(__file__).resolve().parents[1]


def resident_mb() -> float:
    """Return the resident memory of this process [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Run, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--attempts", type=int, default=100)
    parser.add_argument("--envs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ |= {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
    from mimicgen.datagen.cli.launch import kit_app

    kit = kit_app()()
    app = PROJECT / "config" / "mimicgen.datagen.headless.kit"
    quiet = "--/exts/mimicgen.datagen/console=false"
    kit.startup([str(app), quiet, "--/log/outputStreamLevel=Error"])
    import omni.kit.app
    from omni.kit.async_engine import run_coroutine

    from mimicgen.datagen.isaaclab import kitless
    from mimicgen.datagen.kit import session as get_session

    kitless.teach_isaaclab()
    from mimicgen.datagen.generation.machine import AttemptMachine

    session = get_session()
    step_seconds: list[float] = []
    memory: dict[int, float] = {}
    ticks = 0
    original = AttemptMachine.step

    def timed_step(self: AttemptMachine, actions: object) -> None:
        begin = time.perf_counter()
        original(self, actions)  # type: ignore[arg-type]
        step_seconds.append(time.perf_counter() - begin)

    def watch(progress: Progress) -> None:
        if progress.last_attempt is not None:
            memory[progress.attempts] = resident_mb()

    async def ticker() -> None:
        nonlocal ticks
        while session.active:
            ticks += 1
            await omni.kit.app.get_app().next_update_async()

    AttemptMachine.step = timed_step  # type: ignore[method-assign]
    session.subscribe(watch)
    with tempfile.TemporaryDirectory() as scratch:
        session.start(
            build(
                {"source": options.source, "output_dataset": f"{scratch}/g.hdf5", "output_dir": scratch},
                {"num_trials": options.attempts, "num_envs": options.envs, "guarantee": False},
            )
        )
        while session.state is not State.RUNNING:
            kit.update()
            if session.progress.end is not None:
                raise SystemExit(session.progress.end.reason)
        run_coroutine(ticker())
        kit.update()
        updates: list[float] = []
        idle = 0
        while session.active:
            before, steps = ticks, len(step_seconds)
            begin = time.perf_counter()
            kit.update()
            seconds = time.perf_counter() - begin
            if len(step_seconds) > steps:
                updates.append(seconds)
                idle += ticks == before
    update, step = statistics.median(updates), statistics.median(step_seconds)
    report = {
        "environments": options.envs,
        "attempts": session.progress.attempts,
        "successes": session.progress.successes,
        "updates": len(updates),
        "update_ms_median": 1000 * update,
        "step_ms_median": 1000 * step,
        "allowed_ms": 1.25 * 1000 * step + 5,
        "updates_without_a_turn_for_others": idle,
        "resident_mb_at_10_attempts": memory.get(10) or memory.get(min(memory)),
        "resident_mb_at_the_end": memory[max(memory)],
        "elapsed_s": session.progress.elapsed,
    }
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    kit.shutdown()


if __name__ == "__main__":
    main()
