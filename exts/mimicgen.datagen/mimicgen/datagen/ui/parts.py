"""Small pieces that the panel is made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import omni.ui as ui

from mimicgen.datagen.ui import style

TIP_LINE, TIP_EDGE = 18, 20
"""Height of a tooltip's line, and of what is above and below its lines [pixels]."""

_collapsed: dict[str, bool] = {}
"""Sections that the user has folded or unfolded, so that a new layout of the window keeps them so."""


@contextlib.contextmanager
def section(title: str, identifier: str, *, collapsed: bool = False) -> Iterator[None]:
    """A card with a title that folds it. What is made inside becomes its content, one below the other."""
    folded = _collapsed.get(identifier, collapsed)
    frame = ui.CollapsableFrame(title, height=0, collapsed=folded, identifier=identifier)
    frame.set_build_header_fn(_header)
    frame.set_collapsed_changed_fn(lambda value: _collapsed.__setitem__(identifier, value))
    with frame, ui.HStack(height=0):
        ui.Spacer(width=12)
        with ui.VStack(height=0, spacing=style.GAP):
            ui.Spacer(height=0)
            yield
            ui.Spacer(height=4)
        ui.Spacer(width=12)


def _header(collapsed: bool, title: str) -> None:
    with ui.HStack(height=32):
        ui.Spacer(width=12)
        with ui.VStack(width=10):
            ui.Spacer()
            towards = ui.Alignment.RIGHT_CENTER if collapsed else ui.Alignment.CENTER_BOTTOM
            ui.Triangle(name="section", alignment=towards, width=8, height=8)
            ui.Spacer()
        ui.Spacer(width=8)
        ui.Label(title, name="section")


@contextlib.contextmanager
def row(label: str, tooltip: list[str]) -> Iterator[None]:
    """A label in the column of labels, and what is made inside beside it."""
    with ui.HStack(height=0, spacing=style.GAP):
        name = ui.Label(
            label,
            name="key",
            width=style.LABEL_WIDTH,
            height=style.ROW,
            word_wrap=True,
            alignment=ui.Alignment.LEFT_CENTER,
        )
        explain(name, tooltip)
        yield


class Note:
    """Lines of text under something, of a kind ('problem', 'hint', ...), that take no space while they are empty.

    Every line is a label of its own: ovui takes the height of a wrapped label with several lines for that of fewer. The
    first has the identifier, the others have their number after it.
    """

    def __init__(self, name: str, *, identifier: str = "", indent: int = 0):
        self._name, self._identifier = name, identifier
        self._row = ui.HStack(height=0, visible=False)
        with self._row:
            ui.Spacer(width=indent)
            self._column = ui.VStack(height=0)
        self._labels: list[ui.Label] = []
        self._text = ""
        self._show_lines([""])

    def show(self, text: str, name: str | None = None) -> None:
        """Show a text, of another kind if one is named; nothing for an empty one."""
        if name is not None and name != self._name:
            self._name = name
            for label in self._labels:
                label.name = name
        if text != self._text:
            self._text = text
            self._show_lines(text.split("\n"))
            self._row.visible = bool(text)

    def _show_lines(self, lines: list[str]) -> None:
        with self._column:
            for number in range(len(self._labels), len(lines)):
                identifier = f"{self._identifier}.{number}" if number else self._identifier
                self._labels.append(ui.Label("", name=self._name, word_wrap=True, height=0, identifier=identifier))
        for number, label in enumerate(self._labels):
            label.text = lines[number] if number < len(lines) else ""
            label.visible = bool(label.text)


def explain(widget: ui.Widget, lines: list[str], *, indent: int = 0) -> None:
    """Give a widget a tooltip: lines as they are, above the widget, where it covers neither its value nor its note.

    Args:
        widget: What is explained.
        lines: What is said.
        indent: How far left of the widget the tooltip begins [pixels].
    """

    def build() -> None:
        with ui.VStack(width=0, height=0):
            for line in lines:
                ui.Label(line, width=0, height=TIP_LINE)

    widget.set_tooltip_fn(build)
    widget.tooltip_offset_x = -indent
    widget.tooltip_offset_y = -(len(lines) * TIP_LINE + TIP_EDGE)


class Bar:
    """A horizontal bar that is filled to a share."""

    def __init__(self, name: str, *, height: int, identifier: str = ""):
        self._share = -1.0
        with ui.ZStack(height=height, identifier=identifier):
            ui.Rectangle(name="well")
            with ui.HStack():
                self._filled = ui.Rectangle(name=name, width=ui.Percent(0))
                ui.Spacer()
        self.show(0.0)

    def show(self, share: float) -> None:
        """Fill the bar to a share between 0 and 1."""
        share = min(max(share, 0.0), 1.0)
        if share != self._share:
            self._share = share
            self._filled.width = ui.Percent(100 * share)
            self._filled.visible = share > 0.0


def put(label: ui.Label, text: str) -> None:
    """Show a text, if it is another one."""
    if label.text != text:
        label.text = text


class Tile:
    """A number with a caption."""

    def __init__(self, caption: str, identifier: str):
        with ui.ZStack(height=48):
            ui.Rectangle(name="well")
            with ui.VStack():
                ui.Spacer(height=5)
                self._number = ui.Label("", name="number", alignment=ui.Alignment.CENTER, identifier=identifier)
                self._caption = ui.Label(caption, name="caption", height=16, alignment=ui.Alignment.CENTER)
                ui.Spacer(height=4)

    def show(self, text: str, caption: str | None = None) -> None:
        """Show a number, with another caption if one is said."""
        put(self._number, text)
        if caption is not None:
            put(self._caption, caption)


class Banner:
    """How something ended, on green or red; hidden as long as it has not."""

    def __init__(self) -> None:
        self._box = ui.ZStack(height=0, visible=False, identifier="banner")
        with self._box:
            self._colour = ui.Rectangle(name="banner_done")
            with ui.HStack(height=0):
                ui.Spacer(width=12)
                with ui.VStack(height=0, spacing=4):
                    ui.Spacer(height=6)
                    self._title = ui.Label("", height=0, word_wrap=True)
                    self._reason = Note("body", identifier="end")
                    self._written = Note("body", identifier="written")
                    self._below = ui.VStack(height=0)
                    ui.Spacer(height=6)
                ui.Spacer(width=12)

    @property
    def below(self) -> ui.VStack:
        """What is made inside stands below the words."""
        return self._below

    def hide(self) -> None:
        """Hide it."""
        self._box.visible = False

    def show(self, title: str, reason: str, written: str, *, failed: bool) -> None:
        """Show what has ended, why, and what was written."""
        self._box.visible = True
        self._colour.name = "banner_failed" if failed else "banner_done"
        put(self._title, title)
        self._reason.show(reason[:1].upper() + reason[1:])
        self._written.show(written)


class Curve:
    """A line over time, on an axis from 0 to a most."""

    PLOTTED = 200
    """Points at most."""

    def __init__(self, most: str = "", least: str = "0"):
        self._points: list[float] = []
        self._box = ui.HStack(height=72, spacing=6, visible=False)
        with self._box:
            with ui.VStack(width=34):
                self._most = ui.Label(most, name="caption", height=14, alignment=ui.Alignment.RIGHT)
                ui.Spacer()
                ui.Label(least, name="caption", height=14, alignment=ui.Alignment.RIGHT)
            self._plot = ui.Plot(ui.Type.LINE, 0.0, 1.0, 0.0, 0.0, identifier="plot")

    def show(self, shares: list[float], most: str | None = None) -> None:
        """Show points from 0 to 1, of what `most` says; hidden without any."""
        self._box.visible = bool(shares)
        points = shares[:: len(shares) // self.PLOTTED + 1]
        if points and points != self._points:
            self._points = points
            self._plot.set_data(*(points if len(points) > 1 else points * 2))
        if most is not None:
            put(self._most, most)


class Well:
    """Lines in a box that scrolls, the latest on top.

    Args:
        count: Lines at most.
        nothing: What is said as long as there are none.
    """

    def __init__(self, count: int, nothing: str):
        self._nothing = nothing
        scroll = ui.ScrollingFrame(
            height=200, name="well", horizontal_scrollbar_policy=ui.ScrollBarPolicy.SCROLLBAR_ALWAYS_OFF
        )
        with scroll, ui.HStack(height=0):
            ui.Spacer(width=8)
            with ui.VStack(height=0, spacing=2):
                ui.Spacer(height=4)
                self._empty = Note("hint")
                self._lines = [Note("info", identifier=f"log.{number}") for number in range(count)]
                ui.Spacer(height=4)
            ui.Spacer(width=8)

    def show(self, lines: Iterable[tuple[str, str]]) -> None:
        """Show lines, each with its kind: 'info', 'warning' or 'error'."""
        shown = list(lines)
        self._empty.show("" if shown else self._nothing)
        for note, (text, kind) in zip(self._lines, shown, strict=False):
            note.show(text, kind)
        for note in self._lines[len(shown) :]:
            note.show("")
