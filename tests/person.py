"""A person at the panel: finds widgets by their identifier, and moves a real mouse and types on a real keyboard.

The mouse and the keyboard are those of the X server (xdotool), so everything between them and a widget is tested, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHOICE = 22
"""Height of a line in a box of choices [pixels]."""

PROJECT = Path(__file__).resolve().parents[1]

IDLE = 0.002
"""An update that takes less had nothing to do [s]."""

LOOKS = 0.1
"""Time between two looks of somebody who waits for something [s]."""


class Person:
    """Sits at a Kit application of its own with the panel in a window.

    Args:
        size: Width and height of the window [pixels].
        before: Is called when Python knows Kit, and the application has not started.
        settings: Settings of the extension, by name.
    """

    def __init__(
        self, size: tuple[int, int] = (1280, 900), before: Callable[[], None] = lambda: None, **settings: object
    ):
        from mimicgen.datagen.cli.desktop import load_ui
        from mimicgen.datagen.dataset.folders import cache_folder

        load_ui(cache_folder() / "lib")
        from mimicgen.datagen.cli.launch import kit_app

        before()
        told: dict[str, object] = {
            "console": False,
            "desktop": True,
            "desktop_width": size[0],
            "desktop_height": size[1],
            **settings,
        }
        self.kit = kit_app()()
        self.kit.startup(
            [
                str(PROJECT / "config" / "mimicgen.datagen.gui.kit"),
                "--/app/python/interceptSysStdOutput=false",
                "--/log/outputStreamLevel=Error",
                *(f"--/exts/mimicgen.datagen/{name.replace('.', '/')}={_spelled(v)}" for name, v in told.items()),
            ]
        )
        import omni.kit.app
        import omni.ui

        from mimicgen.datagen.kit import session

        self.ui = omni.ui
        self.app = omni.kit.app.get_app()
        self.session = session()
        self.window = omni.ui.Workspace.get_window("MimicGen data generation")
        self.draw(3)
        self.wait(lambda: not self.window.visible or self.text("state"))

    def update(self, times: int = 1) -> None:
        """Let the application go on."""
        for _ in range(times):
            self.kit.update()

    def wait(self, what: Callable[[], object], *, seconds: float = 120.0) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not what():  # looking for a widget takes as long as a step of the simulation
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"after {seconds:.0f} s it is still not so; the panel says: {self.texts()}")
            while (begin := time.monotonic()) < now + LOOKS:
                self.kit.update()
                if time.monotonic() < begin + IDLE:  # it waits for a thread or a process, which gets the core
                    time.sleep(IDLE)

    def find(self, identifier: str) -> Any:
        """Return the widget with an identifier, wherever it is."""
        found = _find(self.ui, self.window.frame, identifier)
        if found is None:
            raise LookupError(f"nothing in the window is called '{identifier}'")
        return found

    def text(self, identifier: str) -> str:
        """Return what a label or a field says; nothing when it is not there or hidden."""
        widget = _find(self.ui, self.window.frame, identifier)
        if widget is None or not widget.visible:
            return ""
        return str(widget.model.as_string) if hasattr(widget, "model") else str(widget.text)

    def texts(self) -> list[str]:
        """Return what all labels say."""
        return [w.text for w in _walk(self.ui, self.window.frame) if isinstance(w, self.ui.Label) and w.text]

    def reach(self, identifier: str) -> tuple[int, int]:
        """Scroll until a widget is in sight, and return its middle on the screen [pixels]."""
        widget = self.find(identifier)
        height = self.window.height
        if not 0 < widget.screen_position_y < height - 40:
            widget.scroll_here_y(0.5)
        place = None
        while place != widget.screen_position_y:  # what was done before may still move it
            place = widget.screen_position_y
            self.draw(4)
        return self._middle(identifier)

    def _middle(self, identifier: str) -> tuple[int, int]:
        """Return where on the screen a widget has its middle, or the middle of its beginning [pixels]."""
        widget = self.find(identifier)
        x = widget.screen_position_x + min(widget.computed_width, 60) / 2
        return round(x), round(widget.screen_position_y + min(widget.computed_height, 24) / 2)

    def draw(self, times: int = 1) -> None:
        """Let the window be drawn."""
        from omni.ui import standalone

        for _ in range(times):
            self.kit.update()
            standalone._tick_one_frame()

    def click(self, identifier: str) -> None:
        """Press and release the left button on a widget."""
        place = None
        while place != self._middle(identifier):  # what comes above it meanwhile moves it away from the mouse
            place = self.reach(identifier)
            self.point(*place)
        self.press()
        self.draw(4)  # a button that is up again before the window has looked was never pressed
        self.release()
        self.update(3)

    def tick(self, identifier: str, ticked: bool) -> None:
        """Press a box until it is ticked, or not: a machine with too much to do may lose a press."""
        while self.find(identifier).model.as_bool is not ticked:
            self.click(identifier)

    def choose(self, identifier: str, index: int) -> None:
        """Open a box of choices, and take one of its lines."""
        self.click(identifier)
        self.draw(10)
        x, y = self._middle(identifier)
        self.point(x, y + CHOICE * (index + 1))
        self.draw(2)
        self.press()
        self.draw(2)
        self.release()
        self.draw(5)

    def point(self, x: int, y: int) -> None:
        """Move the mouse somewhere [pixels]."""
        _xdotool("mousemove", x, y)
        self.update(3)

    def press(self) -> None:
        """Press the left button."""
        _xdotool("mousedown", 1)

    def release(self) -> None:
        """Release the left button."""
        _xdotool("mouseup", 1)

    def type(self, identifier: str, text: str) -> None:
        """Put a text in the place of what a field holds."""

        def entered() -> bool:
            self.click(identifier)
            return bool(self.ui.standalone.is_text_input_active())

        self.wait(entered)
        for key in ("ctrl+a", *text):
            _xdotool(*(("key", key) if key == "ctrl+a" else ("type", key)))
            self.update(3)
        _xdotool("key", "Return")
        self.wait(lambda: self.text(identifier) == text)
        self.update(3)

    def shot(self, path: str | Path) -> None:
        """Save a picture of the window."""
        self.draw(2)
        self.ui._ui._schedule_screenshot(str(path))
        self.draw(2)

    def leave(self) -> None:
        """End the process, as the application's end does."""
        sys.stdout.flush()
        code = self.kit.shutdown()
        os._exit(code)


def _find(ui: Any, root: Any, identifier: str) -> Any:
    return next((widget for widget in _walk(ui, root) if widget.identifier == identifier), None)


def _walk(ui: Any, root: Any) -> Any:
    for child in ui.Inspector.get_children(root):
        yield child
        yield from _walk(ui, child)


def _xdotool(*arguments: object) -> None:
    """Do something, and wait until the X server has done it: it answers the question where the mouse is afterwards."""
    command = ["xdotool", *map(str, arguments), *(() if arguments[0] == "type" else ("getmouselocation",))]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
