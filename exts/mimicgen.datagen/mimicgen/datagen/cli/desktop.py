"""NVIDIA's `omni.ui` outside Omniverse applications (package ovui), made ready for a bare Kit kernel to use."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from mimicgen.datagen.cli.nodriver import empty_library
from mimicgen.datagen.dataset.replacing import new_file
from mimicgen.datagen.errors import SetupError

LIBRARIES = {
    "libvulkan.so.1": "libvulkan1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
}
"""Libraries that a window needs, with the Debian and Ubuntu package that brings each."""

DRIVER = "libcuda.so.1"


def load_ui(cache: Path) -> None:
    """Import `omni.ui` with its own windows, before the Kit kernel is on Python's path, and join the two.

    `omni.ui` decides at its import whether it runs in Kit: it must not find `omni.kit.app` yet. Afterwards the kernel's
    own `omni` packages are put beside it.

    Args:
        cache: A library that stands in for an absent CUDA driver goes here.

    Raises:
        SetupError: A library, the package or a display is missing.
    """
    missing = [package for library, package in LIBRARIES.items() if not _loads(library)]
    if missing:
        raise SetupError(
            f"a window needs system libraries that are not installed; on Debian and Ubuntu: "
            f"apt-get install {' '.join(missing)}"
        )
    _check_display()
    if not _loads(DRIVER):
        stand_in = cache / DRIVER
        with new_file(stand_in, replace=Path.is_file) as scratch:
            scratch.write_bytes(empty_library(DRIVER))
        ctypes.CDLL(str(stand_in), mode=ctypes.RTLD_GLOBAL)
    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_LAZY)  # Python would bind every symbol at once, those of an absent driver, too
    try:
        import omni.ui  # noqa: F401 -- before the kernel, so that it takes its standalone form
    except ModuleNotFoundError as error:
        raise SetupError("the package ovui is not installed; run: ACCEPT_EULA=Y ./scripts/setup.sh") from error
    finally:
        sys.setdlopenflags(flags)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _check_display() -> None:
    """The window library falls back to memory where there is no display, and nobody would see the panel.

    On Wayland the window is X11's, through XWayland: the host asks the X server where the mouse is.
    """
    os.environ.pop("WAYLAND_DISPLAY", None)
    name = os.environ.get("DISPLAY", "")
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if not display:
        raise SetupError(
            f"no X display can be opened (DISPLAY is '{name}'); start this on a desktop, with 'ssh -X', "
            "or on a screen in memory: xvfb-run -a ./scripts/gui.sh"
        )
    x11.XCloseDisplay(ctypes.c_void_p(display))
