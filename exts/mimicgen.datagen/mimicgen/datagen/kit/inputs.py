"""Whether the mouse or a key moves on an X display: a question that costs microseconds, where drawing costs more."""

from __future__ import annotations

import ctypes


class Inputs:
    """A connection of its own to the X server.

    Raises:
        OSError: There is no X display.
    """

    def __init__(self) -> None:
        self._x11 = ctypes.CDLL("libX11.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(None))
        if not self._display:
            raise OSError("no X display can be opened")
        self._root = ctypes.c_ulong(self._x11.XDefaultRootWindow(self._display))
        self._last: tuple[int | bytes, ...] = ()

    def moved(self) -> bool:
        """Return whether pointer, buttons or keys are not as they were at the last call."""
        window = ctypes.c_ulong()
        x, y, inside, mask = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_uint()
        found = [ctypes.byref(value) for value in (window, window, x, y, inside, inside, mask)]
        self._x11.XQueryPointer(self._display, self._root, *found)
        keys = ctypes.create_string_buffer(32)
        self._x11.XQueryKeymap(self._display, keys)
        now = (x.value, y.value, mask.value, keys.raw)
        changed, self._last = now != self._last, now
        return changed

    def close(self) -> None:
        """Close the connection."""
        self._x11.XCloseDisplay(self._display)
