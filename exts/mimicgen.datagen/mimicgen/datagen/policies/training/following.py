"""Following the process that trains: what it says, the checkpoints that it writes, and what they are worth.

A training is a process of its own, in the virtual environment that has the libraries; so is every evaluation of a
checkpoint, one at a time, while training goes on.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.ours import read_json
from mimicgen.datagen.errors import BadInputError, RunError
from mimicgen.datagen.policies.training.choosing import Evaluated, best_of, due, stands_still
from mimicgen.datagen.policies.training.folder import Folder, checkpoints_in
from mimicgen.datagen.policies.training.presets import Evaluating

PACKAGE = Path(__file__).resolve().parents[4]
"""What Python's path needs for this package."""

TRAINER = "mimicgen.datagen.policies.training.trainer"

CLOSING = 600.0
"""Seconds that a process gets to write its last checkpoint."""

_FOUND = "run.json"
"""The record of an evaluation, with the `counts` of attempts and successes."""

_LAST = 12
"""Lines of a log that an error tells."""

Evaluate = Callable[[Path, Path, Evaluating], Sequence[str]]
"""Returns the command that evaluates a checkpoint, given that, the folder of its results, and how."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How following ended.

    Attributes:
        why: 'done': all steps were taken; 'stopped'; or 'still': success no longer rose.
        evaluated: The checkpoints that were.
        best: The best of them, or the last one where none was evaluated; None where there is none.
    """

    why: str
    evaluated: tuple[Evaluated, ...]
    best: Path | None


class Follower:
    """Follows a training.

    Args:
        command: Starts the process.
        folder: Of the training.
        steps: That it is to take.
        evaluating: How checkpoints are evaluated.
        evaluate: Says the command for it.
        tell: Told every line that the process prints, and what comes of evaluations.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Folder,
        steps: int,
        evaluating: Evaluating,
        evaluate: Evaluate,
        tell: Callable[[dict[str, Any]], None],
    ):
        self._command = command
        self._folder = folder
        self._steps = steps
        self._evaluating = evaluating
        self._evaluate = evaluate
        self._tell = tell
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._evaluation: tuple[int, subprocess.Popen[bytes]] | None = None
        self._evaluated = {step: found for step in checkpoints_in(folder.path) if (found := self._result(step))}
        self._failed: set[int] = set()
        self._why = "done"
        self._error: dict[str, Any] | None = None

    def run(self) -> Outcome:
        """Follow the process to its end, and evaluate what is left then. Ctrl-C ends it after its step.

        Raises:
            BadInputError: The process refused what it was given.
            RunError: It failed.
        """
        if self._steps not in checkpoints_in(self._folder.path):
            self._start()
        try:
            while self._process is not None or self._is_evaluating():
                try:
                    self._turn()
                except KeyboardInterrupt:
                    if self._why == "stopped":
                        raise  # twice: at once
                    self._stop("stopped")
        finally:
            self._end()
        self._refuse()
        best = best_of(self._evaluated.values())
        there = checkpoints_in(self._folder.path)
        step = best.step if best else max(there, default=None)
        return Outcome(
            why=self._why,
            evaluated=tuple(self._evaluated[step] for step in sorted(self._evaluated)),
            best=None if step is None else there[step],
        )

    def _start(self) -> None:
        log = self._folder.fresh_log()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])}
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                text=True,
                start_new_session=True,  # a terminal's Ctrl-C reaches this process alone
            )
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)

    def _turn(self) -> None:
        """Wait for a moment for what happens next, and see to it."""
        if self._process is None:
            time.sleep(0.1)
        else:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                line = ""
            if line is None:
                self._ended(self._process.wait())
                self._process = None
            elif line:
                self._heard(line)
        self._see_to_evaluation()

    def _heard(self, line: str) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            return  # of a process that was killed while it wrote
        if told["event"] == "error":
            self._error = told
        elif told["event"] != "end":
            self._folder.add(told)
            self._tell(told)

    def _ended(self, code: int) -> None:
        if code not in (0, 130) and self._error is None:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._error = {"message": f"the process that trains ended with {how}", "code": 1, "log": True}

    def _refuse(self) -> None:
        """Raise what the process has told as an error, if it has."""
        if self._error is None:
            return
        if self._error["code"] == 2:
            raise BadInputError(self._error["message"])
        log = self._folder.path / "train.log"
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST:] if "log" in self._error else []
        raise RunError(f"{self._error['message']}; its log is '{log}', and the same command goes on", *last)

    def _stop(self, why: str) -> None:
        """Have the process end after its step, and what is evaluated end at once."""
        self._why = why
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._end_evaluation()

    def _end(self) -> None:
        self._end_evaluation()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(CLOSING if self._why != "stopped" else 0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _pending(self) -> list[int]:
        """Return the checkpoints that are to be evaluated, in order."""
        if self._why != "done" or self._error is not None:
            return []
        wanted = due(checkpoints_in(self._folder.path), self._evaluating.every, self._steps)
        return [step for step in wanted if step not in self._evaluated and step not in self._failed]

    def _is_evaluating(self) -> bool:
        return self._evaluation is not None or bool(self._pending())

    def _see_to_evaluation(self) -> None:
        if self._evaluation is None:
            for step in self._pending()[:1]:
                self._begin_evaluation(step)
            return
        step, process = self._evaluation
        if process.poll() is None:
            return
        self._evaluation = None
        found = self._result(step)
        if found is None:
            self._failed.add(step)
            log = self._folder.evaluation(step) / "evaluate.log"
            how = f"exit code {process.returncode}"
            words = f"the checkpoint of step {step} could not be evaluated ({how}); see {log}"
            self._tell({"event": "note", "message": words})
            return
        self._evaluated[step] = found
        best = best_of(self._evaluated.values()) == found
        told = {"event": "evaluation", "step": step, "attempts": found.attempts, "successes": found.successes}
        told |= {"best": best}
        self._folder.add(told)
        self._tell(told)
        if self._process is not None and stands_still(self._evaluated.values(), self._evaluating.patience):
            self._stop("still")

    def _begin_evaluation(self, step: int) -> None:
        folder = writable_folder(self._folder.evaluation(step))
        command = self._evaluate(checkpoints_in(self._folder.path)[step], folder, self._evaluating)
        with (folder / "evaluate.log").open("wb") as said:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        self._evaluation = (step, process)

    def _end_evaluation(self) -> None:
        if self._evaluation is not None and self._evaluation[1].poll() is None:
            os.killpg(self._evaluation[1].pid, signal.SIGTERM)
            try:
                self._evaluation[1].wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._evaluation[1].pid, signal.SIGKILL)
                self._evaluation[1].wait()
        self._evaluation = None

    def _result(self, step: int) -> Evaluated | None:
        """Return what an evaluation has found, None where it has not been made, or not to its end."""
        told = read_json(self._folder.evaluation(step) / _FOUND).get("counts")
        counts = told if isinstance(told, dict) else {}
        attempts, successes = counts.get("attempts"), counts.get("successes")
        if not isinstance(attempts, int) or not isinstance(successes, int) or not 0 <= successes <= attempts:
            return None
        whole = attempts >= self._evaluating.episodes
        return Evaluated(step=step, attempts=attempts, successes=successes) if whole else None


def evaluation_command(task: str, settings: Sequence[str]) -> Evaluate:
    """Return what says the command that evaluates checkpoints.

    Args:
        task: In which task.
        settings: Of the run, 'key=value'.
    """

    def command(checkpoint: Path, folder: Path, how: Evaluating) -> Sequence[str]:
        numbers = {"num-trials": how.episodes, "num-envs": how.num_envs, "seed": how.seed}
        options = [word for name, value in numbers.items() for word in (f"--{name}", str(value))]
        options += [word for one in settings for word in ("--set", one)]
        start = [sys.executable, "-m", "mimicgen.datagen.cli", "evaluate", "--policy", str(checkpoint)]
        return [*start, "--task", task, *options, "--output-dir", str(folder)]

    return command
