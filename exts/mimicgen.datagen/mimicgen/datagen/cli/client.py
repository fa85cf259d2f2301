"""Runs in a process of their own, followed through their records: for notebooks and scripts.

Kit has one event loop and so has a notebook. They are not brought together: Kit gets a process, and this side only
starts it, reads the files that it writes anyway, and asks it to stop. Nothing here blocks.

    run = start({"num_trials": 5, "output_dir": "output"})
    await run.watch(lambda seen: print(seen.successes, seen.line))
"""

from __future__ import annotations

import asyncio
import atexit
import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimicgen.datagen.attempts import FINAL, Attempt, Counts
from mimicgen.datagen.config.policies import absolute, own_values

PROJECT = Path(__file__).resolve().parents[5]

PATIENCE = 30.0
"""So long a run that was asked to stop is left alone, to finish its files [s]: a second signal ends it at once."""


LOG, RECORD = "attempts.jsonl", "run.json"


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file has a name, None while there is none: a run replaces its files, it does not write over them."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a run's files say at a moment.

    Attributes:
        attempts: Attempts that have ended, in order, those of an earlier run that this one continues included.
        successes: Kept demonstrations.
        reached: How many attempts reached each subtask, in order, then 'success'.
        line: The last line of its console.
        exit_code: None while it is running; afterwards as `datagen.sh` says, negative when a signal ended it.
    """

    attempts: tuple[Attempt, ...]
    successes: int
    reached: dict[str, int]
    line: str
    exit_code: int | None


class Run:
    """A run in a process of its own; see `start`.

    Attributes:
        folder: Where its records and frames are.
        console: Its console.
        process: The process.
    """

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.console = folder / "console.log"
        self._attempts: list[Attempt] = []
        self._read = 0
        # What lies there now is of an earlier run, until this one has moved it aside or continued it in a new file.
        self._log = _identity(folder / LOG)
        self._old_log, self._old_record = self._log, _identity(folder / RECORD)
        self._asked_to_stop = -math.inf
        with self.console.open("wb") as console:
            # A session of its own: an interrupt of the kernel is not one of the run.
            self.process = subprocess.Popen(
                command, stdout=console, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        atexit.register(self.stop)

    def seen(self) -> Seen:
        """Return what the run's files say now."""
        exit_code = self.process.poll()  # before its files are read: what it wrote is there when it has ended
        self._read_attempts()
        counts = Counts(self._stages())
        for attempt in self._attempts:
            counts.add(attempt)
        lines = self.console.read_text(encoding="utf-8", errors="replace").split("\n")
        return Seen(
            attempts=tuple(self._attempts),
            successes=counts.successes,
            reached=counts.reached,
            line=next((line.strip() for line in reversed(lines) if line.strip()), ""),
            exit_code=exit_code,
        )

    async def watch(self, show: Callable[[Seen], None], period: float = 0.5) -> Seen:
        """Show what is seen until the run has ended, and return the last of it.

        Args:
            show: Is called with what is seen.
            period: How often [s].
        """
        while True:
            seen = self.seen()
            show(seen)
            if seen.exit_code is not None:
                return seen
            await asyncio.sleep(period)

    def stop(self) -> None:
        """Ask the run to stop; what is finished is kept. Nothing happens when it has ended.

        Asked again within `PATIENCE`, nothing happens either; later, a run that still goes on is ended at once.
        """
        now = time.monotonic()
        if self.process.poll() is None and now - self._asked_to_stop > PATIENCE:
            self._asked_to_stop = now
            os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the run to end, and return its exit code. Blocks: for scripts, not for notebooks.

        Args:
            timeout: How long at most [s].

        Raises:
            subprocess.TimeoutExpired: It has not ended by then.
        """
        return self.process.wait(timeout)

    def record(self) -> dict[str, Any] | None:
        """Return this run's record, None while there is none: configuration, versions, counts, why the run ended."""
        path = self.folder / RECORD
        if _identity(path) in (None, self._old_record):
            return None
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record

    def frames(self, kind: str) -> list[Path]:
        """Return the latest demonstration's images of a kind, in order.

        Args:
            kind: Camera and modality, as the folder is called: 'table_cam_normals'.
        """
        demos = sorted((self.folder / kind).glob("demo_*/"))
        return sorted(demos[-1].glob("*.png")) if demos else []

    def _read_attempts(self) -> None:
        path = self.folder / LOG
        log = _identity(path)
        if log in (None, self._old_log):
            return
        if log != self._log:
            self._log, self._read = log, 0
            self._attempts.clear()
        with path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        for line in whole.splitlines():
            self._attempts.append(Attempt.from_json(line))
        self._read += len(whole) + 1 if whole else 0

    def _stages(self) -> tuple[str, ...]:
        return (*(self._attempts[0].signals if self._attempts else ()), FINAL)


_NOT_FOR_RUNS = ("PYTHONPATH", "FORCE_COLOR", "CLICOLOR_FORCE")
"""Variables of a notebook's kernel: its Python is another one, and the run's console is a file."""


def start(values: Mapping[str, object]) -> Run:
    """Start a run and return at once: in Isaac Sim where `ISAACSIM_PATH` names one, in the embedded runtime elsewhere.

    The licences have to be accepted, once or in the environment (`ACCEPT_EULA=Y`), as for the command line.

    Args:
        values: The run's configuration, by dotted key; see `config/default.toml`. `mode` says what it does; without it
            demonstrations are generated.
    """
    datasets, output, mode = PROJECT / "datasets", PROJECT / "output", str(values.get("mode", "generate"))
    own: dict[str, object] = {"output_dataset": datasets / "generated_dataset.hdf5", "output_dir": output}
    if mode == "evaluate" and "policy" in values:
        policy = absolute(str(values["policy"]))
        own = {"output_dir": PROJECT / own_values(policy, record_failures=False)["output_dir"]}
        values = {**values, "policy": policy}
    values = own | dict(values)
    folder = Path(str(values["output_dir"])).expanduser().absolute()
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_RUNS}
    if "ISAACSIM_PATH" in environment:
        command = [str(PROJECT / "docker" / "launch.sh")]
        command += [f"--/exts/mimicgen.datagen/{key.replace('.', '/')}={_spelled(v)}" for key, v in values.items()]
        environment["MODE"] = "standalone"
    else:
        command = [str(PROJECT / "scripts" / "datagen.sh"), mode]
        settings = [f"{key}={_spelled(value)}" for key, value in values.items() if key != "mode"]
        command += [part for setting in settings for part in ("--set", setting)]
    return Run(command, folder, environment)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)
