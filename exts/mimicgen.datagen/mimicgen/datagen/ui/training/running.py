"""The process of a training, `datagen.sh train`, and what it has told so far. Knows nothing of widgets."""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from mimicgen.datagen.policies.training.choosing import Evaluated
from mimicgen.datagen.policies.training.following import PACKAGE

LINES = 200
"""Lines that are kept of what was told."""


class TrainingState(StrEnum):
    """Where a training is."""

    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"


@dataclass(kw_only=True)
class Told:
    """What is known of a training.

    Attributes:
        step: Gradient steps that were taken.
        steps: That are to be taken; 0 as long as that is not known.
        speed: Of them a second.
        to_go: Seconds.
        losses: Loss by gradient step, as they came.
        evaluated: What came of checkpoints.
        lines: What was told last, latest first: when, and what.
        end: How it ended, in words; empty while it goes on.
        policy: What leads to the best checkpoint; None where there is none.
        task: What it was trained for; empty where that is not known.
    """

    step: int = 0
    steps: int = 0
    speed: float = 0.0
    to_go: float = 0.0
    losses: list[tuple[int, float]] = field(default_factory=list)
    evaluated: list[Evaluated] = field(default_factory=list)
    lines: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=LINES))
    end: str = ""
    policy: Path | None = None
    task: str = ""


class Training:
    """A training in a process of its own.

    Attributes:
        state: Where it is.
        told: What is known of it.
        version: Grows with everything that is told.
    """

    def __init__(self) -> None:
        self.state = TrainingState.IDLE
        self.told = Told()
        self.version = 0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._readers: list[threading.Thread] = []

    @property
    def active(self) -> bool:
        """Whether it goes on."""
        return self._process is not None

    def start(self, options: Sequence[str]) -> None:
        """Start it, with the options of `datagen.sh train`."""
        self.version += 1
        if not Path(sys.executable).name.startswith("python"):  # an application that embeds Python is it itself
            command = f"./scripts/datagen.sh train {shlex.join(options)}"
            words = f"this application has no Python that could be started; in a terminal: {command}"
            self.state, self.told = TrainingState.FAILED, Told(end=words)
            return
        path = os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])
        process = subprocess.Popen(
            [sys.executable, "-m", "mimicgen.datagen.cli", "train", "--json", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # a terminal's Ctrl-C ends the application, which ends it in good order
        )
        assert process.stdout is not None
        assert process.stderr is not None
        self.state, self.told, self._process = TrainingState.STARTING, Told(), process
        self._readers = [
            threading.Thread(target=self._read, args=(kind, stream), daemon=True)
            for kind, stream in (("event", process.stdout), ("words", process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Let it end after the step that it takes, with a checkpoint from which the same settings go on."""
        if self._process is not None and self.state is not TrainingState.STOPPING:
            self.state = TrainingState.STOPPING
            self.version += 1
            self._process.send_signal(signal.SIGINT)

    def poll(self) -> bool:
        """Take in what was told since the last time; return whether anything was."""
        before = self.version
        while not self._lines.empty():
            kind, line = self._lines.get()
            self.version += 1
            if kind == "event":
                self._hear(line)
            else:
                self._note(line)
        over = self._process is not None and self._process.poll() is not None
        if over and not any(reader.is_alive() for reader in self._readers) and self._lines.empty():
            self._ended()
        return self.version != before

    def close(self) -> None:
        """Have it end by itself: it writes its last checkpoint, whether anybody still listens or not."""
        self.stop()

    def _read(self, kind: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                if line.strip():
                    self._lines.put((kind, line.strip()))

    def _hear(self, line: str) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError:
            return  # of a process that was killed while it wrote
        own, event = self.told, told["event"]
        if event == "begin":
            own.step, own.steps = told["step"], told["steps"]
            if self.state is TrainingState.STARTING:
                self.state = TrainingState.RUNNING
            self._note(f"{told['parameters']:,} parameters, {told['samples']:,} samples, on {told['device']}")
        elif event == "step":
            own.step, own.speed, own.to_go = told["step"], told["steps_per_second"], told["eta"]
            own.losses.append((told["step"], told["loss"]))
        elif event == "checkpoint":
            self._note(f"checkpoint of step {told['step']}")
        elif event == "note":
            self._note(told["message"])
        elif event == "evaluation":
            one = Evaluated(step=told["step"], attempts=told["attempts"], successes=told["successes"])
            own.evaluated.append(one)
            best = ", the best so far" if told["best"] else ""
            self._note(f"step {one.step}: {one.successes} of {one.attempts} episodes succeeded{best}")
        elif event == "end":
            whys = {
                "done": "all steps were taken",
                "still": "success no longer rose",
                "stopped": "stopped by the user; the same settings go on",
            }
            own.end = whys[told["why"]]
            own.policy = None if told["policy"] is None else Path(told["policy"])
            own.task = told["task"] or ""

    def _ended(self) -> None:
        assert self._process is not None
        code, self._process = self._process.returncode, None
        self.version += 1
        if self.told.end:
            self.state = TrainingState.DONE
            self._note(self.told.end)
            return
        self.state = TrainingState.FAILED
        said = next((words for _, words in self.told.lines if words.startswith("error: ")), "")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self.told.end = said.removeprefix("error: ") or f"the process that trains ended with {how}"

    def _note(self, words: str) -> None:
        self.told.lines.appendleft((time.strftime("%H:%M:%S"), words))
