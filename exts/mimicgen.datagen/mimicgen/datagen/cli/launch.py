"""Runs the packaged Kit kernel as the `kit` executable would, with its chatter in a log file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mimicgen.datagen.cli.desktop import load_ui
from mimicgen.datagen.dataset.replacing import rotate
from mimicgen.datagen.errors import SetupError

EULA = "https://docs.omniverse.nvidia.com/platform/latest/common/NVIDIA_Omniverse_License_Agreement.html"

LOGS = 5
"""Logs that are kept in a folder, the latest ones."""


def run_kit(app: Path, log: Path, settings: Mapping[str, Any], *, cache: Path, window: bool = False) -> int:
    """Run a Kit application until it quits.

    The application gets this process: its standard output and error go to the log file, and the settings carry the
    descriptor of the original output (`console_fd`) for the extension's console.

    Args:
        app: The application's `.kit` file.
        log: Where Kit's and Isaac Lab's output goes; Kit begins it anew.
        settings: Settings of the extension, by name relative to `/exts/mimicgen.datagen`.
        cache: Kit's own data and caches go here.
        window: Whether the application shows the panel in a window of the desktop.

    Returns:
        The exit code that the application quit with. With Kit's fast shutdown the process ends with it instead.

    Raises:
        SetupError: The kernel, or what a window needs, is not installed, or the licence was not accepted.
    """
    launched = time.monotonic()
    if os.environ.get("ACCEPT_EULA", "").lower() in ("y", "yes", "1"):
        os.environ["OMNI_KIT_ACCEPT_EULA"] = "YES"
    if os.environ.get("OMNI_KIT_ACCEPT_EULA", "").lower() not in ("y", "yes", "1"):
        raise SetupError(f"the NVIDIA Omniverse License Agreement was not accepted ({EULA}); set ACCEPT_EULA=Y")
    if os.geteuid() == 0:
        os.environ["OMNI_KIT_ALLOW_ROOT"] = "1"
    if window:
        load_ui(cache / "lib")
    console = os.dup(1)
    with log.open("ab", buffering=0) as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        application = kit_app()
    except ModuleNotFoundError as error:
        os.dup2(console, 2)
        raise SetupError("the Kit kernel is not installed; run: ACCEPT_EULA=Y ./scripts/setup.sh") from error
    values = {"console_fd": console, "launched_at": launched, **settings}
    sys.argv = [
        "kit",
        str(app),
        f"--/log/file={log}",
        f"--portable-root={cache / 'kit'}",
        *(f"--/exts/mimicgen.datagen/{name.replace('.', '/')}={_setting(value)}" for name, value in values.items()),
    ]
    return int(application().run())


def fresh_log(folder: Path) -> Path:
    """Return where a run's log goes, `kit.log`; those of the runs before become `kit.1.log`, the latest, and so on.

    Kit begins its log file anew, and the log of a run that crashed is wanted after the next one, which continues it.

    Raises:
        OutputError: They cannot be renamed.
    """
    log = folder / "kit.log"
    names = [log, *(folder / f"kit.{number}.log" for number in range(1, LOGS))]
    rotate(names)
    return log


def kit_app() -> Any:
    """Return the packaged kernel's class `KitApp`.

    The package ovui makes `omni` a package whose parts are looked up once, when it is imported. The kernel's part is
    not on Python's path by then, so it is added here.

    Raises:
        ModuleNotFoundError: The kernel is not installed.
    """
    import omni

    for folder in list(omni.__path__):
        part = str(Path(folder) / "kernel" / "py" / "omni")
        if Path(part).is_dir() and part not in omni.__path__:
            omni.__path__.append(part)
    from omni.kit_app import KitApp

    return KitApp


def _setting(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
