"""A process in a Python of its own, that is asked and answers; and where that Python is."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.errors import PolicyError, SetupError
from mimicgen.datagen.policies.clients.lerobot_process import BrokenMessageError, read, write
from mimicgen.datagen.text import shown

_PROJECT = Path(__file__).resolve().parents[6]

PLACES = (_PROJECT / ".cache" / "train", _PROJECT / ".cache" / "lerobot")
"""Virtual environments that have LeRobot: that of training, and that of the tests. The first that is there is taken."""

_LAST_LINES = 8
_PATIENCE = 5.0
"""Seconds that a process has to end when nothing more is asked of it."""

Arrays = Mapping[str, NDArray[Any]]


def interpreter(places: Sequence[Path] = PLACES) -> Path:
    """Return the Python that has LeRobot.

    Raises:
        SetupError: There is none.
    """
    for place in places:
        if list(place.glob("lib/python3*/site-packages/lerobot/__init__.py")) and (place / "bin/python").exists():
            return place / "bin" / "python"
    raise SetupError("a policy of LeRobot needs LeRobot, in a Python of its own; run ./scripts/setup.sh --with train")


class Process:
    """A process that answers messages; see `lerobot_process.py`. Every method waits, so call it in a thread.

    Args:
        python: Its Python.
        script: What it runs.
    """

    def __init__(self, python: Path, script: Path):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- `end` closes it
        self._lock = threading.Lock()
        # Kit's own Python path is none of its business, and nothing is brought over a network.
        own = {"HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | own
        # Threads that spin while they wait for each other keep from work whom they wait for, where others want the
        # processors, too: small networks take ten times as long.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._process = subprocess.Popen(
            [str(python), "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl+C is for us, who then end it
        )

    def ask(self, told: Mapping[str, Any], arrays: Arrays | None = None) -> tuple[dict[str, Any], Arrays]:
        """Return what it answers.

        Raises:
            PolicyError: It has ended, or does not answer with a message.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            try:
                write(self._process.stdin, told, arrays or {})
                answer = read(self._process.stdout)
            except (BrokenPipeError, BrokenMessageError, ValueError):  # a ValueError: `end` closed its input
                answer = None
            if answer is None:
                raise PolicyError(f"the policy's process {self._fate()}", *self._last_lines())
        return answer

    def end(self) -> None:
        """End it, whatever it does."""
        assert self._process.stdin is not None
        if self._lock.acquire(blocking=False):  # nobody waits for an answer, so it listens
            try:
                with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                    self._process.stdin.close()
                    self._process.wait(_PATIENCE)
            finally:
                self._lock.release()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        with self._lock:
            for stream in (self._process.stdin, self._process.stdout, self._log):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()

    def _fate(self) -> str:
        """Return what became of it, which gave no answer."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "gave an answer that is no message"
        return f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"

    def _last_lines(self) -> list[str]:
        if self._log.closed:
            return []
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 10_000))
        lines = self._log.read().decode(errors="replace").splitlines()
        return [shown(line) for line in lines if line.strip()][-_LAST_LINES:]


def as_array(values: Any) -> NDArray[Any]:
    """Return a tensor as messages have it: images uint8 as they are, all else float32."""
    own: NDArray[Any] = values.cpu().numpy()
    return own if own.dtype == np.uint8 else own.astype(np.float32)
