"""Compares the report's page with recordings for rerun's viewer: sizes, and the time to write and to open them.

./scripts/python.sh -m scripts.measure_viewers DATASET [FOLDER]
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rerun.experimental import ViewerClient
from selenium import webdriver

from mimicgen.datagen.viewing.package import environment, program

DATAGEN = [sys.executable, "-m", "mimicgen.datagen.cli"]
READY = "return document.documentElement.dataset.ready === 'true'"
PORT = 9923
PATIENCE = 180.0
"""How long something may take to open [s]."""


def main(dataset: Path, folder: Path) -> None:
    """Print a line for each."""
    page, file = folder / "m.html", folder / "m.rrd"
    for name, path, command in (("page", page, ["report"]), ("rerun", file, ["export", "rerun"])):
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run([*DATAGEN, *command, dataset, "--output", path], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{name}: {path.stat().st_size / 1e6:.1f} MB, written in {time.monotonic() - begin:.1f} s, {used:.1f} s CPU"
        )
    print(f"page opened in Chromium in {in_browser(page):.1f} s")
    print(f"rerun opened by the native viewer in {native(file):.1f} s")


def in_browser(page: Path) -> float:
    """Return the seconds until the report's page says that it is ready."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--enable-unsafe-swiftshader", "--window-size=1200,900"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options)
    try:
        begin = time.monotonic()
        browser.get(page.as_uri())
        return waited(begin, lambda: bool(browser.execute_script(READY)))
    finally:
        browser.quit()


def native(file: Path) -> float:
    """Return the seconds until the native viewer, without a window, has drawn a file."""
    command = [str(program()), str(file), "--headless", "--bind", "127.0.0.1", "--port", str(PORT)]
    begin = time.monotonic()
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as viewer:
        try:
            return waited(begin, drawn)
        finally:
            viewer.terminate()


def drawn() -> bool:
    """Return whether the viewer has drawn a scene."""
    with contextlib.suppress(ConnectionError):
        client = ViewerClient.connect(f"rerun+http://127.0.0.1:{PORT}/proxy")
        scenes = [view.view_id for view in client.get_state().views if view.name == "Scene"]
        return bool(scenes) and bool(client.take_screenshot(scenes[0]))
    return False


def waited(begin: float, over: Callable[[], bool]) -> float:
    """Return the seconds until something is over."""
    while not over():
        if time.monotonic() - begin > PATIENCE:
            raise TimeoutError(f"nothing is to be seen after {PATIENCE:g} s")
        time.sleep(0.05)
    return time.monotonic() - begin


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(sys.argv[1]), Path(scratch))
