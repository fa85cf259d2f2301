"""What the panel's window looks like, and that it opens again: on a display in memory, used as a person uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.kit.test_panel import SOURCE, at_the_panel


def test_tooltips_are_whole_and_leave_the_field_and_its_error_in_sight(display: str, tmp_path: Path) -> None:
    code = """
    import numpy as np, time
    from PIL import Image
    person = Person(size=(360, 700), **outputs)  # without a source, nothing is checked that would move things later
    from mimicgen.datagen.ui.parts import TIP_LINE
    person.type("seed", "99999999999")
    seen["note"] = person.text("seed.note")
    person.wait(lambda: not person.text("task.note"))

    def picture(name):
        person.draw(20)
        person.shot(folder / name)
        return np.asarray(Image.open(folder / name).convert("L"), dtype=int)

    x, y = person.reach("seed")
    person.point(x, 20)  # the state, which has no tooltip
    before = picture("before.png")
    for name, across in (("field", x), ("label", 40)):
        person.point(across, y)
        time.sleep(0.6)
        rows, columns = np.nonzero(np.abs(picture(f"{name}.png") - before) > 8)
        field = round(person.find("seed").screen_position_y)
        above = rows < field - 2
        seen[name] = {
            "height": int(np.ptp(rows[above])) - 3 * TIP_LINE,
            "right": before.shape[1] - int(columns[above].max()),
            "below": int(((rows > field + 24) & (rows < person.window.height - 40)).sum()),
        }
    """
    seen = at_the_panel(code, display, tmp_path)
    assert seen["note"] == "Expected a whole number from 0 to 4,294,967,295"
    for place in ("field", "label"):
        assert seen[place]["height"] > 0, "every line is in it"
        assert seen[place]["right"] > 2, "it ends before the window does"
        assert seen[place]["below"] == 0, "what is wrong can be read"


def test_the_panel_opens_again_with_what_was_used_last(display: str, tmp_path: Path) -> None:
    """By the command line the second time, as people do it; the mouse presses what then stands there."""
    code = """
    person = Person(source=source, **outputs)
    person.type("num_trials", "2")
    person.tick("guarantee", False)
    person.click("section_randomization")
    person.update(10)
    person.type("randomization.x.low", "0.45")
    person.type("randomization.x.high", "0.5")
    person.click("start")
    person.wait(lambda: person.session.progress.steps > 5)
    person.click("stop")
    person.wait(lambda: person.text("state") == "Done")
    """
    at_the_panel(code, display, tmp_path)
    records = tmp_path / "records"
    for path in records.iterdir():
        path.unlink()
    environment = os.environ | {"DISPLAY": display, "ACCEPT_EULA": "Y", "XDG_DATA_HOME": str(tmp_path / "data")}
    command = [sys.executable, "-m", "mimicgen.datagen.cli", "gui"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        search = ["xdotool", "search", "--onlyvisible", "--name", "MimicGen"]
        until(lambda: subprocess.run(search, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0)

        def started() -> bool:
            assert process.poll() is None, process.stdout.read()  # type: ignore[union-attr]
            for what in (["mousemove", "78", "58"], ["mousedown", "1"], ["sleep", "0.3"], ["mouseup", "1"]):
                subprocess.run(["xdotool", *what], env=environment, check=True)
            return (records / "run.json").exists()

        until(started)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    config = json.loads((records / "run.json").read_text())["config"]
    assert (config["num_trials"], config["guarantee"]) == (2, False)
    assert (config["randomization.x"], config["source"]) == ([0.45, 0.5], str(SOURCE))


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.3)
