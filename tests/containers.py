"""An emulated container, and waiting for what runs in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

DOCKER = PROJECT / "docker"


class Container:
    """An emulated container.

    Attributes:
        workspace: Where `datasets` and `output` are mounted.
    """

    def __init__(self, folder: Path):
        self.workspace = folder / "workspace"
        for name in ("datasets", "output"):
            (self.workspace / name).mkdir(parents=True)
        self._home = folder / "home"
        self._home.mkdir()
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return a container's environment: of this machine's, only where programs and the caches are."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        kept = {"PATH": os.environ["PATH"], "HOME": str(self._home), "XDG_CACHE_HOME": cache}
        return kept | {"ACCEPT_EULA": "Y", "PYTHONUNBUFFERED": "1"} | dict(values)

    def start(self, *arguments: str, **values: str) -> subprocess.Popen[str]:
        """Start the entry point."""
        process = subprocess.Popen(
            [str(DOCKER / "launch.sh"), *arguments],
            cwd=self.workspace,
            env=self.environment(values),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str, **values: str) -> tuple[int, str]:
        """Run the entry point to its end; return its exit code and what it said."""
        process = self.start(*arguments, **values)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def close(self) -> None:
        """End what is left."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until(condition: Callable[[], Any], seconds: float) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise TimeoutError("it did not come true")


def stopped_in(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> float:
    """Send a signal as `docker stop` does, to the first process only, and return how long it takes to end [s]."""
    begin = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=60)
    return time.monotonic() - begin


# The files.


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


def answer(url: str) -> int:
    """Return the status of an answer, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0
