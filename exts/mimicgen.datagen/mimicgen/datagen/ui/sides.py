"""What the window shows and starts, a run of the session or a training: its form, its state and its buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mimicgen.datagen.cli import remembered
from mimicgen.datagen.config.jobs import Evaluate
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.session import Session
from mimicgen.datagen.ui.checker import Checker
from mimicgen.datagen.ui.controls import Controls, controls
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.forms.evaluating import EvaluationForm
from mimicgen.datagen.ui.forms.generating import Form
from mimicgen.datagen.ui.history import History
from mimicgen.datagen.ui.training.watch import TrainingWatch
from mimicgen.datagen.ui.watch import Watch

STEPS_PERIOD = 1.0
"""The window shows this often that only numbers of steps and seconds have changed [s]."""


class Shown(Protocol):
    """A form of a configuration."""

    def refresh(self, *, enabled: bool) -> None:
        """Show what was typed, and let it be edited or not."""

    def label(self, key: str) -> str:
        """Return what the user reads before a key's value."""


class Side(Protocol):
    """One of the two; everything that differs between them."""

    @property
    def allowed(self) -> Controls:
        """Which controls are enabled."""

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with what was typed, by key."""

    @property
    def edited(self) -> int:
        """Grows with every change of what was typed."""

    @property
    def folder(self) -> object:
        """Where its records are, as it was typed."""

    @property
    def heading(self) -> tuple[str, str]:
        """Its state in a word, and what it does in a few."""

    def form(self) -> Shown:
        """Make the form in the current container."""

    def watch(self) -> Watch | TrainingWatch:
        """Make in the current container what shows how it goes on."""

    def news(self, now: float) -> bool:
        """Return whether there is something to show at a moment [s]."""

    def start(self) -> None:
        """Start it, which `allowed` allows."""

    def pause(self) -> None:
        """Pause it."""

    def resume(self) -> None:
        """Let it go on."""

    def stop(self) -> None:
        """Stop it."""


class RunSide:
    """A run: generating, or evaluating a policy."""

    def __init__(self, session: Session, draft: Draft, history: History):
        self._session = session
        self._draft = draft
        self._history = history
        self._checker = Checker(draft)
        self._version = self._steps = -1
        self._counted = 0.0
        self.pause, self.resume, self.stop = session.pause, session.resume, session.stop
        self.close = self._checker.close

    @property
    def allowed(self) -> Controls:
        """See `Side.allowed`."""
        return controls(self._session.state, valid=self._draft.config is not None)

    @property
    def problems(self) -> Mapping[str, str]:
        """See `Side.problems`."""
        return self._draft.problems

    @property
    def edited(self) -> int:
        """See `Side.edited`."""
        return self._draft.version

    @property
    def folder(self) -> object:
        """See `Side.folder`."""
        return self._draft.value("output_dir")

    @property
    def heading(self) -> tuple[str, str]:
        """See `Side.heading`."""
        progress = self._history.progress
        return str(progress.state), _detail(progress)

    def form(self) -> Shown:
        """See `Side.form`."""
        return (EvaluationForm if self._draft.job is Evaluate else Form)(self._draft, self._checker)

    def watch(self) -> Watch:
        """See `Side.watch`."""
        return Watch(self._history)

    def poll(self) -> bool:
        """Take in what was found out about the draft; return whether anything was."""
        return self._checker.poll(idle=not self._session.active)

    def news(self, now: float) -> bool:
        """See `Side.news`."""
        version, steps = self._history.version, self._history.progress.steps
        if version == self._version and (steps == self._steps or now < self._counted + STEPS_PERIOD):
            return False
        self._version, self._steps, self._counted = version, steps, now
        return True

    def start(self) -> None:
        """See `Side.start`."""
        if self._draft.config is not None:
            remembered.remember(self._draft.config)
            self._session.start(self._draft.config)


def _detail(progress: Progress) -> str:
    """Return what the run is doing, in a few words."""
    if progress.state is State.STARTING and progress.stages:
        return progress.stages[-1].name
    if progress.state in (State.RUNNING, State.PAUSED):
        return f"{progress.done} of {progress.target}"
    if progress.state is State.STOPPING:
        return "putting together what is there" if progress.elsewhere else "after this step"
    return ""
