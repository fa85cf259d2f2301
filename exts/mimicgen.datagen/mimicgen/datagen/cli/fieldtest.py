"""The field test: whether a run gets on with the application that it is a guest of, and one file with the answers.

The self-test says that everything is there. What follows it are the questions that differ from one application to the
next: whether it steps again after it has drawn, what the toolbar's pause does, a second environment in one process, a
stage with unsaved changes, settings that a run changes. The file can be sent to whoever develops this. It is written
anew with every answer, so one that never comes can be read from it, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TextIO

from msgspec import structs

from mimicgen.datagen.cli.selftest import checked_config, selftest
from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.session import Session
from mimicgen.datagen.session.generator import OpenSimulation

FILE = "field_test.txt"
"""The answers, in the output folder."""

TITLE = "mimicgen.datagen field test"

PATIENCE = 300
"""Updates of the application that an effect is waited for."""

ATTEMPTS = 3
"""Of the run: what the first one kept may be drawn only when the second has ended, and then there is one to go on."""

QUIET = 30
"""Updates without a step that show that a run is paused."""

RESTORED = (
    *("/app/asyncRendering", "/app/player", "/exts/isaacsim.core", "/exts/omni.replicator.core", "/isaaclab"),
    *("/omni/replicator", "/persistent/simulation", "/physics"),
)
"""Settings that a run changes, and has to put back, begin so."""


class Toolbar(Protocol):
    """The buttons of the application's timeline."""

    def pause(self) -> None:
        """Press Pause."""

    def play(self) -> None:
        """Press Play."""


class Stage(Protocol):
    """The open stage."""

    def edit(self) -> None:
        """Make a change that nobody saves."""

    def edited(self) -> bool:
        """Return whether the change is still there."""

    async def discard(self) -> None:
        """Open a fresh stage instead."""


class Application(Protocol):
    """What the field test asks of an application.

    Attributes:
        facts: Versions, and what else describes it.
        toolbar: Its timeline's buttons, None without a timeline.
        stage: Its stage, None where stages are no part of it.
    """

    facts: Mapping[str, str]
    toolbar: Toolbar | None
    stage: Stage | None

    def settings(self) -> dict[str, Any]:
        """Return all settings by path."""

    async def update(self) -> None:
        """Wait for the next update."""


class Answers:
    """The answers so far, on a stream and in a file.

    Args:
        facts: What describes the application.
        folder: Where the file goes.
        stream: A line for every answer goes here.

    Attributes:
        path: The file.
        failed: Whether something does not work.

    Raises:
        OutputError: The file cannot be written.
    """

    def __init__(self, facts: Mapping[str, str], folder: Path, stream: TextIO):
        self.path = folder / FILE
        self.failed = False
        self._stream = stream
        self._lines = [TITLE, *(f"{name}: {value}" for name, value in facts.items()), ""]
        self._write(self._lines)

    def ask(self, question: str) -> None:
        """Note that a question is about to be answered."""
        self._write([*self._lines, f"asked   {question}"])

    def answer(self, question: str, works: bool | None, note: str = "") -> None:
        """Note an answer.

        Args:
            question: What was asked.
            works: The answer, None where the question does not apply.
            note: Why.
        """
        self.failed |= works is False
        word = {True: "ok", False: "FAILED", None: "n/a"}[works]
        self.tell(f"{word:<8}{question}" + (f": {note}" if note else ""))

    def tell(self, line: str) -> None:
        """Note a line."""
        self._stream.write(f"{line}\n")
        self._lines.append(line)
        self._write(self._lines)

    def _write(self, lines: list[str]) -> None:
        with new_file(self.path, replace=_is_an_earlier_one) as scratch:
            scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _is_an_earlier_one(path: Path) -> bool:
    return path.read_bytes().startswith(TITLE.encode())


async def field_test(
    config: Generate, session: Session, application: Application, open_simulation: OpenSimulation, stream: TextIO
) -> int:
    """Answer every question, and leave the file with the answers in the output folder.

    Args:
        config: Task, source and device to try, and where the file goes.
        session: The application's session, which has no run.
        application: The application.
        open_simulation: Opens the simulation.
        stream: A line for every answer goes here.

    Returns:
        The exit code: 0 when everything works.

    Raises:
        OutputError: The file cannot be written.
    """
    answers = Answers(application.facts, config.output_dir.expanduser().absolute(), stream)
    before = application.settings()
    code = await selftest(config, session.next_frame, open_simulation, answers.tell)
    if code == 0:
        with tempfile.TemporaryDirectory(prefix="mimicgen.datagen.") as folder:
            await _run(_small_run(config, Path(folder, "run")), session, application, answers)
            await _unsaved_changes(_small_run(config, Path(folder, "refused")), session, application, answers)
        _settings(before, application.settings(), answers)
        code = int(answers.failed)
    answers.tell(
        f"The application is asked to quit with {code}; that its process ends so can be seen from outside only."
    )
    stream.write(f"The answers are in {answers.path}\n")
    return code


def _small_run(config: Generate, folder: Path) -> Generate:
    """Return a run of few attempts that draws a few small images after each."""
    tried = checked_config(config, folder)
    render = structs.replace(tried.render, when="after_each", every=50)
    return structs.replace(tried, num_trials=ATTEMPTS, guarantee=False, report=False, render=render)


async def _run(config: Generate, session: Session, application: Application, answers: Answers) -> None:
    """Make a run, pause it in the middle, and see that it goes on after it has drawn."""
    again, drawn, paused = (
        "A second environment in the same process",
        "It steps again after it has drawn",
        "Pause and play in the toolbar",
    )
    drawn_at: list[int] = []

    def observe(progress: Progress) -> None:
        if progress.drawn_frames > len(drawn_at):
            drawn_at.append(progress.steps)

    answers.ask(again)
    unsubscribe = session.subscribe(observe)
    session.start(config)
    began = await _until(lambda: session.state is not State.STARTING, application, forever=True)
    began = began and session.state is State.RUNNING
    answers.answer(again, began, "" if began else _end(session))
    if application.toolbar is None:
        answers.answer(paused, None, "this application has no timeline")
    elif began:
        answers.ask(paused)
        answers.answer(paused, *await _pause(session, application, application.toolbar))
    answers.ask(drawn)
    await _until(lambda: not session.active, application, forever=True)
    unsubscribe()
    made = f"{session.progress.attempts} attempts, {session.progress.rendered} drawn; {_end(session)}"
    works = session.progress.attempts == config.num_trials and bool(drawn_at) and session.progress.steps > drawn_at[0]
    answers.answer(drawn, works, made)


async def _pause(session: Session, application: Application, toolbar: Toolbar) -> tuple[bool, str]:
    """Press the toolbar's buttons during a run. Returns whether the run followed, and what it did."""
    await _until(lambda: session.progress.steps > 0 or not session.active, application, forever=True)
    toolbar.pause()
    stopped = await _until(lambda: session.state is State.PAUSED, application)
    steps = session.progress.steps
    for _ in range(QUIET):
        await application.update()
    still = session.progress.steps == steps
    toolbar.play()
    goes_on = await _until(lambda: session.state is State.RUNNING and session.progress.steps > steps, application)
    note = f"the session was paused: {stopped}; no step in {QUIET} updates: {still}; it went on afterwards: {goes_on}"
    return stopped and still and goes_on, note


async def _unsaved_changes(config: Generate, session: Session, application: Application, answers: Answers) -> None:
    """See that a run leaves a stage alone whose changes nobody has saved."""
    question = "A stage with unsaved changes is left alone"
    if application.stage is None:
        answers.answer(question, None, "this application has no stage")
        return
    answers.ask(question)
    application.stage.edit()
    session.start(config)
    await _until(lambda: not session.active, application, forever=True)
    refused = session.state is State.FAILED and "unsaved changes" in _end(session)
    answers.answer(question, refused and application.stage.edited(), _end(session))
    await application.stage.discard()


def _settings(before: Mapping[str, Any], after: Mapping[str, Any], answers: Answers) -> None:
    """Compare settings before the first environment with those after the last one."""
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    ours = [path for path in changed if path.startswith(RESTORED)]
    others = f"{len(changed) - len(ours)} others have changed"
    named = (f"{path} was {before.get(path)} and is {after.get(path)}" for path in ours)
    answers.answer("Settings are as they were before", not ours, "; ".join((*named, others)))


async def _until(condition: Callable[[], bool], application: Application, *, forever: bool = False) -> bool:
    """Wait for something. Returns whether it came true within `PATIENCE` updates, or ever."""
    waited = 0
    while not condition():
        if waited == PATIENCE and not forever:
            return False
        await application.update()
        waited += 1
    return True


def _end(session: Session) -> str:
    end = session.progress.end
    return end.reason if end is not None else str(session.state)
