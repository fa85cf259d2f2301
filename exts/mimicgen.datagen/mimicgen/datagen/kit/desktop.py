"""A window of the desktop for the panel, where Kit has none: NVIDIA's `omni.ui`, drawn from Kit's update.

Drawing without a GPU costs as much as an environment step, so the window is not drawn in every update: only while
somebody uses it, when the panel has something new, and now and then for what only the window system knows. While a
run is going on and nobody touches the window, drawing gets a hundredth of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import omni.ui as ui
from omni.ui import standalone

from mimicgen.datagen.kit.inputs import Inputs

AWAKE = 0.5
"""Every update is drawn until this long after the last movement of the mouse or a key [s]."""

HEARTBEAT = 1.0
"""The window is drawn at least this often [s]."""

SHARE = 0.01
"""How much of a run's time goes into drawing while nobody touches the window."""

LONGEST = 3.0
"""A run's news wait at most this long, however long drawing takes [s]."""

FRAME = 1 / 60
"""Updates are this long while no run is going on [s]."""


class Desktop:
    """The desktop's window.

    Args:
        title: Its title.
        size: Width and height [pixels].
        on_close: Is called when the user closes the window.
    """

    def __init__(self, title: str, size: tuple[int, int], on_close: Callable[[], None]):
        ui.init(title, *size)
        self._inputs = Inputs()
        self._on_close = on_close
        self._awake_until = 0.0
        self._stale = True
        self._drawn = self._cost = 0.0
        self._updated = 0.0

    def fill(self, window: ui.Window) -> None:
        """Let a window of the panel fill the desktop's."""
        size = standalone.get_window_size()
        window.flags = ui.WINDOW_FLAGS_NO_TITLE_BAR | ui.WINDOW_FLAGS_NO_RESIZE | ui.WINDOW_FLAGS_NO_MOVE
        window.position_x = window.position_y = 0
        window.width, window.height = size

    def update(self, window: ui.Window, *, changed: bool, busy: bool) -> None:
        """Draw if there is a reason to.

        Args:
            window: The panel's window.
            changed: The panel shows something new.
            busy: A run is going on; otherwise, updates are kept from following each other at once.
        """
        now = time.perf_counter()
        if self._inputs.moved() or standalone.is_text_input_active():  # a key may come and go between two updates
            self._awake_until = now + AWAKE
        self._stale |= changed
        reason = self._stale or now > self._drawn + HEARTBEAT
        rest = min(self._cost / SHARE, LONGEST) if busy else 0.0
        if now < self._awake_until or (reason and now > self._drawn + rest):
            if (window.width, window.height) != standalone.get_window_size():
                self.fill(window)
            standalone._tick_one_frame()
            self._stale = False
            self._drawn = time.perf_counter()
            self._cost = self._drawn - now
            if ui._ui._standalone_should_close():
                self._on_close()
        if not busy:
            time.sleep(max(0.0, self._updated + FRAME - time.perf_counter()))
        self._updated = time.perf_counter()

    def close(self) -> None:
        """Close the window."""
        self._inputs.close()
        standalone.shutdown()
