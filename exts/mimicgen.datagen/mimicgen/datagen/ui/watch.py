"""The run: how far it is, where attempts die, and what it says."""

from __future__ import annotations

import logging
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import omni.ui as ui

from mimicgen.datagen.attempts import FINAL, wilson
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.history import FAILURES, LOG_LINES, History
from mimicgen.datagen.ui.parts import Banner, Bar, Curve, Note, Tile, Well, put, section
from mimicgen.datagen.ui.workers import WorkerRows


class Watch:
    """The sections about the run, made inside the current container."""

    def __init__(self, history: History):
        self._history = history
        self._version = -1
        self._stages: tuple[str, ...] = ()
        self._picture = self._address = ""
        self._banner = Banner()
        self._progress()
        self._workers = WorkerRows()
        self._funnel()
        self._rate()
        self._failures()
        self._frame()
        self._log()

    def refresh(self) -> None:
        """Show what is known now."""
        self._show_numbers()
        if self._history.version != self._version:
            self._version = self._history.version
            self._show_banner()
            self._workers.refresh(self._history.progress)
            self._show_funnel()
            self._show_rate()
            self._show_failures()
            self._show_frame()
            self._show_log()

    def _progress(self) -> None:
        with section("Progress", "section_progress"):
            with ui.HStack(height=0):
                self._count = ui.Label("", height=20, identifier="count")
                self._share = ui.Label("", name="key", height=20, width=0, identifier="share")
            self._bar = Bar("bar", height=12, identifier="bar")
            with ui.HStack(height=0, spacing=style.GAP):
                self._attempts = Tile("Attempts", "attempts")
                self._success = Tile("Success rate", "success_rate")
                self._speed = Tile("Steps a second", "speed")
            with ui.HStack(height=0, spacing=style.GAP):
                self._elapsed = Tile("Elapsed", "elapsed")
                self._to_go = Tile("To go", "to_go")
                self._rendered = Tile("Rendered", "rendered")
            self._live = ui.Button(
                "",
                height=style.ROW,
                visible=False,
                identifier="live",
                clicked_fn=lambda: webbrowser.open(self._address),
            )

    def _funnel(self) -> None:
        with section("Attempts that reached each subtask", "section_funnel"):
            self._funnel_frame = ui.Frame(height=0, build_fn=self._build_funnel)
        self._funnel_bars: dict[str, tuple[Bar, ui.Label]] = {}

    def _build_funnel(self) -> None:
        self._funnel_bars = {}
        with ui.VStack(height=0, spacing=6):
            if not self._stages:
                ui.Label("Bars appear with the first attempt.", name="hint")
            for stage in self._stages:
                with ui.HStack(height=18, spacing=style.GAP):
                    ui.Label(stage, name="key", width=84, elided_text=True)
                    with ui.VStack():
                        ui.Spacer()
                        bar = Bar("success" if stage == FINAL else "funnel", height=12, identifier=f"funnel.{stage}")
                        ui.Spacer()
                    count = ui.Label("", width=82, alignment=ui.Alignment.RIGHT_CENTER, identifier=f"reached.{stage}")
                self._funnel_bars[stage] = (bar, count)
        self._show_funnel()

    def _rate(self) -> None:
        with section("Success rate over attempts", "section_rate"):
            self._no_rate = Note("hint")
            self._curve = Curve("100%", "0%")

    def _failures(self) -> None:
        self._failure_section = ui.VStack(height=0)
        with self._failure_section, section("Last failures", "section_failures"):
            self._no_failures = Note("hint")
            self._failed = [Note("info", identifier=f"failure.{number}") for number in range(FAILURES)]

    def _frame(self) -> None:
        self._frame_section = ui.VStack(height=0, visible=False)
        with self._frame_section, section("Latest frame", "section_frame"):
            self._caption = ui.Label("", name="info", height=0, word_wrap=True, identifier="frame.caption")
            self._image = ui.Image(
                "", height=180, fill_policy=ui.FillPolicy.PRESERVE_ASPECT_FIT, identifier="frame.image"
            )

    def _log(self) -> None:
        with section("Log", "section_log"):
            self._lines = Well(LOG_LINES, "Nothing yet. The latest lines stand on top.")

    def _show_numbers(self) -> None:
        progress = self._history.progress
        what = "demonstrations kept" if progress.guarantee else "attempts made"
        never = progress.state is State.IDLE
        put(self._count, "No run yet" if never else f"{progress.done} of {progress.target} {what}")
        share = progress.done / progress.target if progress.target else 0.0
        put(self._share, "" if never else f"{100 * share:.0f}%")
        self._bar.show(share)
        self._attempts.show("-" if never else str(progress.attempts))
        self._success.show(_rate(progress))
        speed = self._history.speed
        if progress.elsewhere:
            self._speed.show(_kept_an_hour(progress), "Kept an hour")
        else:
            words = "-" if speed is None else f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
            self._speed.show(words, "Steps a second")
        self._elapsed.show("-" if never else spoken_seconds(progress.elapsed))
        self._to_go.show(_to_go(progress))
        self._rendered.show(str(progress.rendered) if progress.drawing is not None else "-")
        address = progress.live if progress.live is not None and progress.end is None else ""
        if address != self._address:
            self._address = address
            self._live.text = f"Open the live report, {address}"
            self._live.visible = bool(address)

    def _show_banner(self) -> None:
        progress = self._history.progress
        if progress.end is None:
            self._banner.hide()
            return
        failed = progress.state is State.FAILED
        title = "The run failed" if failed else "The run has ended"
        self._banner.show(title, progress.end.reason, "\n".join(_by_folder(progress.written)), failed=failed)

    def _show_funnel(self) -> None:
        progress = self._history.progress
        stages = tuple(progress.reached)
        if stages != self._stages:
            self._stages = stages
            self._funnel_frame.rebuild()
            return
        for stage, (bar, count) in self._funnel_bars.items():
            reached = progress.reached[stage]
            share = reached / progress.attempts if progress.attempts else 0.0
            bar.show(share)
            put(count, f"{reached}  ({100 * share:.0f}%)" if progress.attempts else "0")

    def _show_rate(self) -> None:
        rates = self._history.rates
        self._no_rate.show("" if rates else "The curve begins with the first attempt.")
        self._curve.show(rates)

    def _show_failures(self) -> None:
        self._failure_section.visible = not self._history.progress.elsewhere  # then workers have theirs
        failures = list(self._history.failures)
        self._no_failures.show("" if failures else "None.")
        texts = [f"Attempt {each.number}, reached {each.reached}: {each.reason}" for each in failures]
        for note, text in zip(self._failed, texts + [""] * FAILURES, strict=False):
            note.show(text)

    def _show_frame(self) -> None:
        drawing = self._history.progress.drawing
        latest = drawing.latest if drawing is not None else None
        self._frame_section.visible = latest is not None
        if drawing is None or latest is None:
            return
        view = latest.parent.parent.name
        put(self._caption, f"{drawing.demo}, {view.replace('_', ' ')}, frame {drawing.frames} of {drawing.total}")
        if str(latest) != self._picture:
            self._picture = str(latest)
            self._image.source_url = self._picture

    def _show_log(self) -> None:
        lines = []
        for line in self._history.lines:
            kind = "error" if line.level >= logging.ERROR else "warning" if line.level >= logging.WARNING else "info"
            lines.append((f"{line.clock}  {logging.getLevelName(line.level).lower()}  {line.text}", kind))
        self._lines.show(lines)


def _rate(progress: Progress) -> str:
    """Return the success rate with its 95% interval: '89% (83 to 93)'."""
    if not progress.attempts:
        return "-"
    low, high = wilson(progress.successes, progress.attempts)
    return f"{100 * progress.successes / progress.attempts:.0f}% ({100 * low:.0f} to {100 * high:.0f})"


def _kept_an_hour(progress: Progress) -> str:
    """Return how many demonstrations an hour all workers together have brought."""
    kept = progress.successes - progress.kept_before
    return f"{3600 * kept / progress.elapsed:,.0f}" if kept > 0 and progress.elapsed > 0 else "-"


def _to_go(progress: Progress) -> str:
    """Return the time to go, '+ images' where nobody knows yet how long they take."""
    if progress.state is State.IDLE or progress.end is not None or progress.attempts_to_go is None:
        return "-"
    if progress.to_go is None:
        return f"{spoken_seconds(progress.attempts_to_go)} + images"
    return spoken_seconds(progress.to_go)


def _by_folder(written: Sequence[Path]) -> list[str]:
    """Return the names of what was written, a line a folder."""
    folders = dict.fromkeys(path.parent for path in written)
    return [f"{folder}: {', '.join(path.name for path in written if path.parent == folder)}" for folder in folders]


def spoken_seconds(seconds: float) -> str:
    """Return a duration as people say it: '42 s', '3 min 05 s', '2 h 07 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
