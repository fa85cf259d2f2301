"""Measures what the panel costs a run: steps a second with the window and without it, in alternation in one run.

Needs a display; on a machine without a screen: xvfb-run -a ./scripts/python.sh scripts/measure_panel.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from tests.person import Person  # noqa: E402 -- a tool of the tests


def main() -> None:
    """Run, and print the medians over blocks of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=20, help="blocks with the window, and as many without")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a block [s]")
    options = parser.parse_args()
    os.environ |= {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
    source = PROJECT / "datasets" / "source_demos.hdf5"
    with tempfile.TemporaryDirectory() as folder:
        outputs: dict[str, Any] = {"output_dataset": f"{folder}/g.hdf5", "output_dir": folder, "render.when": "never"}
        person = Person(source=source, num_trials=1_000_000, max_failures=1_000_000, **outputs)
        person.wait(lambda: person.text("source.verdict"), seconds=120)
        person.wait(lambda: "Looking up" not in person.text("task.note"), seconds=120)
        person.click("start")
        person.wait(lambda: person.session.progress.steps > 100)
        speeds: dict[bool, list[float]] = {True: [], False: []}
        for block in range(2 * options.blocks):
            shown = block % 2 == 0
            person.window.visible = shown
            person.update(5)
            begin, first = time.perf_counter(), person.session.progress.steps
            while time.perf_counter() < begin + options.seconds:
                person.update()
            speeds[shown].append((person.session.progress.steps - first) / (time.perf_counter() - begin))
        person.session.stop()
        person.wait(lambda: person.session.progress.end is not None)
        ratios = [1 - shown / hidden for shown, hidden in zip(speeds[True], speeds[False], strict=True)]
        print(f"steps a second, median: {statistics.median(speeds[True]):.1f} with the window,")
        print(f"                        {statistics.median(speeds[False]):.1f} without it")
        print(f"cost, median over pairs of blocks: {100 * statistics.median(ratios):.1f}%")
        sys.stdout.flush()
        person.leave()


if __name__ == "__main__":
    main()
