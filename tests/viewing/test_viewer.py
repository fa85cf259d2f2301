"""The viewer itself: in a window, in memory and in a browser, with a file that the command wrote."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rerun.experimental import ViewerClient

from mimicgen.datagen.viewing.package import environment, program
from tests.conftest import SHIPPED_DEMOS
from tests.containers import until

DRIVERS = Path("/usr/share/vulkan/icd.d")
COMMAND = [sys.executable, "-m", "mimicgen.datagen.cli", "view"]

draws = pytest.mark.skipif(
    not any(DRIVERS.glob("*.json")), reason="there is no Vulkan driver; apt-get install libvulkan1 mesa-vulkan-drivers"
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("viewer") / "demos.rrd"
    subprocess.run([*COMMAND, str(SHIPPED_DEMOS), "--demos", "4", "--output", str(path)], check=True)
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def started(*arguments: object, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command; it is interrupted in the end, as Ctrl-C does, and then it has left nothing."""
    wanted = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=wanted | variables,
        start_new_session=True,
    )
    try:
        yield process
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@draws
def test_the_viewer_shows_every_view_of_a_file(file: Path) -> None:
    port = free_port()
    size = ("--headless", "--window-size", "1200x800", "--hide-welcome-screen")
    command = [str(program()), str(file), "--bind", "127.0.0.1", "--port", str(port), *size]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as viewer:
        try:
            client = connected(port)
            until(lambda: bool(client.get_state().views), 30)
            client.set_time("step", sequence=100, play_state="paused")
            state = client.get_state()
            assert [one.store_id.endswith(":demo_4") for one in state.recordings] == [True]
            assert {view.name for view in state.views} >= {"Scene", "Subtasks and signals", "Actions", "About"}
            assert [view.reports for view in state.views if view.reports] == []
            (scene,) = (view.view_id for view in state.views if view.name == "Scene")
            first = pixels(client, scene)
            assert (first.max(axis=2) > 150).mean() > 0.05  # the robot is white
            assert ((first[..., 0] > 120) & (first[..., 1] < 80)).sum() > 50  # a cube is red
            client.set_time("step", sequence=10)
            until(lambda: (pixels(client, scene) != first).any(), 10)
            assert [entry for entry in client.get_logs() if entry.level == "ERROR"] == []
        finally:
            viewer.terminate()


def connected(port: int) -> ViewerClient:
    """Return a client of the viewer, when it has come to listen."""
    found: list[ViewerClient] = []

    def connects() -> bool:
        with contextlib.suppress(ConnectionError):
            found.append(ViewerClient.connect(f"rerun+http://127.0.0.1:{port}/proxy"))
        return bool(found)

    until(connects, 30)
    return found[0]


def pixels(client: ViewerClient, view: str) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(io.BytesIO(client.take_screenshot(view))).convert("RGB"))


@draws
def test_view_opens_a_window(display: str, tmp_path: Path) -> None:
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed; apt-get install xdotool")
    with started(SHIPPED_DEMOS, "--demos", "0", DISPLAY=display, TMPDIR=str(tmp_path)) as process:
        search = ["xdotool", "search", "--onlyvisible", "--name", "Rerun"]
        shown = os.environ | {"DISPLAY": display}

        def is_there() -> bool:
            assert process.poll() is None, process.communicate()
            return subprocess.run(search, env=shown, capture_output=True, check=False).returncode == 0

        until(is_there, 150)
        assert list(tmp_path.glob("mimicgen.datagen-*/source_demos.rrd"))
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_view_says_what_to_do(tmp_path: Path) -> None:
    wanted = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    ran = subprocess.run([*COMMAND, str(SHIPPED_DEMOS)], env=wanted, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "needs a display" in ran.stderr
    assert "--web" in ran.stderr
    assert "--output FILE.rrd" in ran.stderr


def test_a_display_that_is_none_is_said(file: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, str(file)], env=os.environ | {"DISPLAY": ":987"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "could not open a window" in ran.stderr


def test_web_serves_this_machine_alone(file: Path, tmp_path: Path) -> None:
    with started(SHIPPED_DEMOS, "--demos", "1", "--web", TMPDIR=str(tmp_path)) as process:
        page = address(process)
        until(lambda: served(page), 20)
        listening = [at for at in listeners(process.pid) if at != "0100007F"]
        assert listening == []
    assert list(tmp_path.iterdir()) == []


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    match = re.fullmatch(r"\S+ \S+ at (http://127\.0\.0\.1:\d+/\?url=\S+) \(Ctrl-C ends\)\n", process.stdout.readline())
    assert match is not None
    return match[1]


def served(page: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=5) as answer:
        return "rerun" in answer.read().decode().lower()
    return False


def listeners(group: int) -> list[str]:
    """Return the addresses, as the kernel writes them, at which the processes of a group listen."""
    sockets = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(entry.name)) == group:
                sockets |= {os.readlink(one) for one in (entry / "fd").iterdir()}
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    found = [line[1].partition(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    assert found
    return found
