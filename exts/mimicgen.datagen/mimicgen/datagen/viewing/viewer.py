"""Opens rerun's viewer: in a window, or served to a browser of this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.viewing.package import environment, program

HOST = "127.0.0.1"
"""The only address that is served: the viewer's own choice is all of them."""

ELSEWHERE = "pass --web for a browser, or write a file (--output FILE.rrd), and open it where there is a display"


def check_display() -> None:
    """Check that there is a display for a window.

    Raises:
        SetupError: There is none.
    """
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SetupError(f"the viewer needs a display, and neither DISPLAY nor WAYLAND_DISPLAY names one; {ELSEWHERE}")


def show(path: Path) -> None:
    """Show a file in a window, until it is closed.

    Raises:
        SetupError: The viewer is not installed, or cannot open a window.
    """
    with _started([path, "--port", "auto"]) as viewer:
        said = _said(viewer)
    if viewer.returncode:
        raise SetupError(f"the viewer could not open a window: {said}; {ELSEWHERE}")


def serve(path: Path, tell: Callable[[str], None]) -> None:
    """Serve a file and the viewer to browsers of this machine, until this is interrupted.

    Args:
        path: The file.
        tell: Is told the address of the page.

    Raises:
        SetupError: The viewer is not installed, or cannot be served.
    """
    with contextlib.ExitStack() as held:  # both at once, so that they are two
        data, page = (held.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(2))
    with _started([path, "--serve-web", "--port", str(data), "--web-viewer-port", str(page)]) as viewer:
        tell(f"http://{HOST}:{page}/?url={quote(f'rerun+http://{HOST}:{data}/proxy', safe='')}")
        said = _said(viewer)
    if viewer.returncode:
        raise SetupError(f"the viewer could not be served: {said}; {ELSEWHERE}")


@contextlib.contextmanager
def _started(arguments: list[str | Path]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the viewer; it ends at the latest with what is done meanwhile, and what it keeps meanwhile goes then."""
    command = [program(), *arguments, "--bind", HOST, "--hide-welcome-screen"]
    with tempfile.TemporaryDirectory(prefix="mimicgen.datagen-", ignore_cleanup_errors=True) as folder:
        place = environment() | {"TMPDIR": folder}
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=place) as viewer:
            try:
                yield viewer
            except BaseException:
                viewer.terminate()
                raise


def _said(viewer: subprocess.Popen[bytes]) -> str:
    """Return the first line of the errors that the viewer tells until it ends."""
    assert viewer.stderr is not None
    lines = viewer.stderr.read().decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if line.strip()), "it does not say why")
