"""The window, and what it does between a user and a session."""

from __future__ import annotations

import logging
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path

import omni.ui as ui

from mimicgen.datagen.config.jobs import Evaluate, Generate
from mimicgen.datagen.config.values import Flat, as_path
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.session import Session
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.controls import Controls
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.forms.choosing import Work, WorkChoice
from mimicgen.datagen.ui.history import History
from mimicgen.datagen.ui.parts import Note
from mimicgen.datagen.ui.sides import RunSide, Shown, Side
from mimicgen.datagen.ui.training.running import Training
from mimicgen.datagen.ui.training.side import TrainingSide
from mimicgen.datagen.ui.training.watch import TrainingWatch
from mimicgen.datagen.ui.watch import Watch

PERIOD = 0.1
"""The window shows changes at most this often [s]."""

WIDE = 760
"""From this width on, configuration and run stand beside each other; below, on two tabs [pixels]."""

log = logging.getLogger(__name__)


class Panel:
    """The dockable window. Hiding it, or closing it, changes nothing about a run: that is the session's.

    Args:
        session: Owns the runs.
        values: The configuration that the panel starts with.

    Attributes:
        draft: The configuration as it is edited.
        history: What is remembered of the run.
        training: The training.
        window: The window.
    """

    title = "MimicGen data generation"

    def __init__(self, session: Session, values: Flat):
        self.draft = Draft(values)
        self.history = History()
        self.training = Training()
        self._run = RunSide(session, self.draft, self.history)
        self._training = TrainingSide(self.training, self._evaluate, lambda: self.draft.value("output_dataset"))
        self._side: Side = self._run
        self._on_close = [session.subscribe(self.history), self._run.close, self._training.close]
        logger = logging.getLogger("mimicgen.datagen")
        logger.addHandler(self.history)
        self._on_close.append(lambda: logger.removeHandler(self.history))
        self._form_shown: tuple[object, ...] = ()
        self._next = 0.0
        self._wide: bool | None = None
        self._tab = "setup"
        self._built: Work | None = None
        self._form: Shown | None = None
        self._watch: Watch | TrainingWatch | None = None
        self.window = ui.Window(self.title, width=960, height=760, padding_x=0, padding_y=0, visible=False)
        self.window.frame.style = style.STYLE
        self.window.frame.set_build_fn(self._build)

    def close(self) -> None:
        """Take the window away, and leave nothing behind."""
        for close in reversed(self._on_close):
            close()
        self._on_close.clear()
        self.window.destroy()

    @property
    def visible(self) -> bool:
        """Whether the window is shown."""
        return bool(self.window.visible)

    @visible.setter
    def visible(self, visible: bool) -> None:
        self.window.visible = visible

    @property
    def work(self) -> Work:
        """What Start starts."""
        if self._side is self._training:
            return Work.TRAIN
        return Work.EVALUATE if self.draft.job is Evaluate else Work.GENERATE

    def choose(self, work: Work) -> None:
        """Let Start start something else. What goes on goes on."""
        self._side = self._training if work is Work.TRAIN else self._run
        if work is not Work.TRAIN:
            self.draft.choose(Evaluate if work is Work.EVALUATE else Generate)

    def refresh(self) -> bool:
        """Show what has changed. Call it with every frame: it does something at most every `PERIOD`.

        Returns:
            Whether anything that is shown may have changed.
        """
        now = time.perf_counter()
        if now < self._next or not self.visible:
            return False
        self._next = now + PERIOD
        self._training.poll()
        found = self._run.poll()
        wide = self.window.width >= WIDE
        if (wide, self.work) != (self._wide, self._built):
            self._wide, self._built = wide, self.work
            self.window.frame.rebuild()
            return True
        if self._form is None or self._watch is None:
            return True
        allowed, news = self._side.allowed, self._side.news(now)
        form = (self._side.edited, allowed.edit, self._form)
        if found or form != self._form_shown:
            self._form_shown = form
            self._works.refresh(self.work)
            self._form.refresh(enabled=allowed.edit)
        elif not news:
            return False
        self._watch.refresh()
        self._show_header(allowed)
        return True

    def start(self) -> None:
        """Start what is shown, as the button does; nothing happens while that is not possible."""
        if self._side.allowed.start:
            self._side.start()
            self._show_tab("run")

    def pause_or_resume(self) -> None:
        """Pause a run that is running, let a paused one go on; nothing otherwise."""
        allowed = self._side.allowed
        if allowed.pause:
            self._side.pause()
        elif allowed.resume:
            self._side.resume()

    def stop(self) -> None:
        """Stop what is shown while it goes on; nothing otherwise."""
        if self._side.allowed.stop:
            self._side.stop()

    def open_output(self) -> None:
        """Show the folder of the run's records in the desktop's file manager."""
        try:
            path = as_path("output_dir", self._side.folder).expanduser().absolute()
        except ConfigError as error:
            log.warning("%s", error)
            return
        if not path.exists():
            log.warning("'%s' does not exist yet; a run makes it", path)
        elif not webbrowser.open(path.as_uri()):
            log.warning("no file manager was found; the records are in '%s'", path)

    def _evaluate(self, policy: Path, task: str) -> None:
        """Show what evaluates a policy that was trained, in its task."""
        self.choose(Work.EVALUATE)
        if task:
            self.draft.put("task", task)
        self.draft.put("policy", str(policy))
        self._show_tab("setup")

    def _build(self) -> None:
        """Lay the window out for its width."""
        self._form = self._watch = None
        with ui.ZStack():
            ui.Rectangle(style={"background_color": style.WINDOW})
            with ui.VStack():
                self._build_header()
                if self._wide:
                    with ui.HStack():
                        self._form = self._build_column(self._build_form)
                        self._watch = self._build_column(self._side.watch)
                else:
                    self._build_tabs()

    def _build_header(self) -> None:
        with ui.HStack(height=0):
            ui.Spacer(width=14)
            with ui.VStack(height=0, spacing=style.GAP):
                ui.Spacer(height=4)
                with ui.HStack(height=22, spacing=style.GAP):
                    with ui.VStack(width=12):
                        ui.Spacer()
                        self._light = ui.Circle(name="idle", width=12, height=12, radius=6)
                        ui.Spacer()
                    self._state = ui.Label("", name="state", width=0, identifier="state")
                    self._detail = ui.Label("", name="key", elided_text=True, identifier="detail")
                with ui.HStack(height=32, spacing=style.GAP):
                    self._start = self._button("Start", "start", self.start)
                    self._start.name = "primary"
                    self._pause = self._button("Pause", "pause", self.pause_or_resume)
                    self._stop = self._button("Stop", "stop", self.stop)
                    self._button("Open output", "open_output", self.open_output)
                    if self._wide:
                        ui.Spacer()
                self._why = Note("warning", identifier="why")
                ui.Spacer(height=0)
            ui.Spacer(width=14)

    def _button(self, text: str, identifier: str, action: Callable[[], None]) -> ui.Button:
        width = ui.Pixel(130) if self._wide else ui.Fraction(1)
        return ui.Button(text, width=width, identifier=identifier, clicked_fn=action)

    def _build_form(self) -> Shown:
        self._works = WorkChoice(self.choose)
        return self._side.form()

    def _build_column[T](self, make: Callable[[], T]) -> T:
        scroll = ui.ScrollingFrame(horizontal_scrollbar_policy=ui.ScrollBarPolicy.SCROLLBAR_ALWAYS_OFF)
        with scroll, ui.HStack(height=0):
            ui.Spacer(width=10)
            with ui.VStack(height=0, spacing=style.GAP):
                made = make()
                ui.Spacer(height=10)
            ui.Spacer(width=10)
        return made

    def _build_tabs(self) -> None:
        with ui.HStack(height=30):
            ui.Spacer(width=10)
            self._tabs = {
                name: ui.Button(
                    text, name="tab", identifier=f"tab_{name}", clicked_fn=lambda chosen=name: self._show_tab(chosen)
                )
                for name, text in (("setup", "Configuration"), ("run", "Run"))
            }
            ui.Spacer(width=10)
        ui.Spacer(height=style.GAP)
        with ui.ZStack():
            self._pages = {name: ui.Frame() for name in self._tabs}
            with self._pages["setup"]:
                self._form = self._build_column(self._build_form)
            with self._pages["run"]:
                self._watch = self._build_column(self._side.watch)
        self._show_tab(self._tab)

    def _show_tab(self, chosen: str) -> None:
        self._tab = chosen
        if self._wide:
            return
        for name, page in self._pages.items():
            page.visible = name == chosen
            self._tabs[name].checked = name == chosen

    def _show_header(self, allowed: Controls) -> None:
        state, self._detail.text = self._side.heading
        self._light.name = state
        self._state.text = state.capitalize()
        self._start.enabled = allowed.start
        self._pause.enabled = allowed.pause or allowed.resume
        self._pause.text = "Resume" if allowed.resume else "Pause"
        self._stop.enabled = allowed.stop
        why = ""
        if allowed.edit and self._form is not None:
            for key, problem in self._side.problems.items():
                label = self._form.label(key)
                why = f"Not ready to start. {problem if problem.startswith(label) else f'{label}: {problem}'}"
                break
        self._why.show(why)
