"""What several tests share: source demonstrations, configurations, and a real Kit application."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

from mimicgen.datagen.cli.desktop import LIBRARIES
from mimicgen.datagen.config.jobs import JOBS
from mimicgen.datagen.installed import has_omni_usd
from mimicgen.datagen.tasks.defaults import build

PROJECT = Path(__file__).resolve().parents[1]
PHYSICS = os.environ.get("PHYSICS", "mujoco")
"""Engine of the runs in a Kit application: `PHYSICS=physx ./scripts/test.sh tests/kit` tries them on the other one."""

IDLE = 0.001
"""An update that takes less had nothing to do [s]."""

SHIPPED_DEMOS = PROJECT / "tests" / "data" / "source_demos.hdf5"
HUMAN_DEMOS = PROJECT.parent / "shared" / "data" / "annotated_dataset.hdf5"


@pytest.fixture(scope="session")
def human_demos() -> Path:
    """Ten human demonstrations of the stack task, which the project does not ship."""
    if not HUMAN_DEMOS.is_file():
        pytest.skip(f"the human demonstrations are not here: {HUMAN_DEMOS}")
    return HUMAN_DEMOS


@pytest.fixture
def shipped_demos() -> Path:
    """The ten demonstrations that the project ships."""
    return SHIPPED_DEMOS


Edit = Callable[[Callable[[h5py.File], None]], Path]
"""Makes a copy of a file with something changed."""


def editing(original: Path, folder: Path) -> Edit:
    """Return what makes changed copies of a file."""

    def edit(change: Callable[[h5py.File], None]) -> Path:
        path = folder / "edited.hdf5"
        path.write_bytes(original.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return edit


@pytest.fixture
def edited_demos(shipped_demos: Path, tmp_path: Path) -> Edit:
    """Makes a copy of the shipped demonstrations with something changed."""
    return editing(shipped_demos, tmp_path)


@pytest.fixture
def edited_human_demos(human_demos: Path, tmp_path: Path) -> Edit:
    """Makes a copy of the human demonstrations, which are of Isaac Lab 2.x, with something changed."""
    return editing(human_demos, tmp_path)


@pytest.fixture
def make_config(shipped_demos: Path, tmp_path: Path) -> Callable[..., Any]:
    """Makes a small job, what `mode` says, with outputs in the test's own folder."""

    def make(mode: str = "generate", **values: Any) -> Any:
        small = {
            "source": shipped_demos,
            "output_dataset": tmp_path / "generated.hdf5",
            "output_dir": tmp_path / "output",
            "num_trials": 1,
            "guarantee": False,
            "render.when": "never",
            "physics": PHYSICS,
        }
        return build(small | values, kind=JOBS[mode])

    return make


START = f"""
import asyncio, sys
sys.path[:0] = [{str(PROJECT)!r}, {str(PROJECT / "exts" / "mimicgen.datagen")!r}]
from tests.conftest import Kit
kit = Kit()
"""
"""Code that starts a bare Kit application as `kit`."""

ACCEPTED = {"OMNI_KIT_ACCEPT_EULA": "YES", "OMNI_KIT_ALLOW_ROOT": "1"}
"""Environment of a Kit application: whoever runs the tests accepted the licence at set-up."""


def child(code: str, *arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with a bare Kit application started as `kit`."""
    return subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | ACCEPTED,
        check=False,
    )


class Kit:
    """A real Kit application in this process, with the extension enabled. The tests are its host: they update it."""

    def __init__(self) -> None:
        from mimicgen.datagen.cli.launch import kit_app

        self.kit = kit_app()()
        self.kit.startup(
            [
                str(PROJECT / "config" / "mimicgen.datagen.headless.kit"),
                "--/exts/mimicgen.datagen/console=false",
                "--/exts/mimicgen.datagen/quit_when_done=false",
                "--/app/python/interceptSysStdOutput=false",
                "--/app/fastShutdown=false",  # would end the process of the tests with the application
                "--/log/outputStreamLevel=Error",
            ]
        )
        import omni.kit.app

        self.app = omni.kit.app.get_app()
        self.extensions = self.app.get_extension_manager()

    def update(self, times: int = 1) -> None:
        """Update the application."""
        for _ in range(times):
            self.kit.update()

    def run[T](self, coroutine: Coroutine[Any, Any, T], *, seconds: float = 180.0) -> T:
        """Run a coroutine on Kit's own loop, and update the application until it is done."""
        from omni.kit.async_engine import run_coroutine

        task = run_coroutine(coroutine)
        end = time.monotonic() + seconds
        while (begin := time.monotonic()) < end:
            self.kit.update()
            if task.done():
                return task.result()
            if time.monotonic() < begin + IDLE:  # it waits for a thread or a process, which gets the core
                time.sleep(IDLE)
        task.cancel()
        self.kit.update()
        raise TimeoutError(f"the coroutine was not done after {seconds:.0f} s")

    @property
    def session(self) -> Any:
        """The extension's session."""
        from mimicgen.datagen.kit import session

        return session()


@pytest.fixture(autouse=True)
def _taught() -> Iterator[None]:
    """Find the test that imports Isaac Lab without `kitless.teach_isaaclab`, which fails later ones in its process."""
    yield
    asking = sys.modules.get("isaaclab.sim.simulation_context")
    assert asking is None or asking.has_kit is has_omni_usd, "Isaac Lab was imported before it was taught what Kit is"


@pytest.fixture(scope="session")
def kit_application() -> Iterator[Kit]:
    os.environ.update(ACCEPTED)
    kit = Kit()
    yield kit
    kit.kit.shutdown()


@pytest.fixture
def kit(kit_application: Kit) -> Iterator[Kit]:
    """The Kit application, idle before and after."""
    yield kit_application
    if kit_application.session.active:
        kit_application.run(kit_application.session.close())


@pytest.fixture(scope="session")
def browser_application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("Chromium is not installed; apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--enable-unsafe-swiftshader",
        "--window-size=1200,1500",
        f"--user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(programs[1])))
    yield opened
    opened.quit()


@pytest.fixture
def browser(browser_application: WebDriver) -> Iterator[WebDriver]:
    """A real browser without a window, with a tab of its own, which takes all that was set for it along."""
    driver = browser_application
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    # Chromium gives a tab that a program opens no focus, which JupyterLab waits for.
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    driver.get_log("browser")  # what was said before
    yield driver
    driver.close()
    driver.switch_to.window(first)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X server of our own, with a screen in memory."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed; apt-get install xvfb xdotool {' '.join(LIBRARIES.values())}")
    # Without -noreset the server begins anew when its only client goes, and whoever comes just then is turned away.
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()
