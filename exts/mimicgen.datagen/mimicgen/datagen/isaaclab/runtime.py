"""Which runtime is here: a full Isaac Sim, or a Kit kernel that brings its own scene."""

from __future__ import annotations

import importlib.util
import logging
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from mimicgen.datagen.config.values import quoted
from mimicgen.datagen.errors import SetupError
from mimicgen.datagen.installed import has_omni_usd
from mimicgen.datagen.version import __version__

if TYPE_CHECKING:
    from packaging.version import Version

log = logging.getLogger(__name__)

INSTALL_ISAACLAB = "./isaaclab.sh --install  (in Isaac Lab 3.0, with the Python of this Isaac Sim)"


class Runtime(StrEnum):
    """Where the simulation comes from."""

    EMBEDDED = "embedded"
    """A Kit kernel; Newton or MuJoCo physics, robots from packaged descriptions, primitive shapes."""
    ISAACSIM = "isaacsim"
    """Isaac Sim 6.2 or newer; PhysX, RTX and Isaac's asset server."""


def detect() -> Runtime:
    """Return the runtime that can be used here, and log why.

    Raises:
        SetupError: Isaac Lab is missing in this Python.
    """
    runtime = Runtime.ISAACSIM if has_omni_usd() else Runtime.EMBEDDED
    if importlib.util.find_spec("isaaclab") is None:
        remedy = INSTALL_ISAACLAB if runtime is Runtime.ISAACSIM else "ACCEPT_EULA=Y ./scripts/setup.sh"
        raise SetupError(f"Isaac Lab is not installed in this Python; install it with: {remedy}")
    why = "omni.usd is available" if runtime is Runtime.ISAACSIM else "this Kit has no omni.usd"
    log.info("runtime %s: %s", runtime, why)
    return runtime


def check_warp() -> None:
    """Check that the Warp that Python has is the one that Isaac Lab pins, up to fixes.

    An application of Isaac Sim may load its own before anybody else can (the extension omni.warp.core).

    Raises:
        SetupError: It is another one.
    """
    import warp
    from packaging.version import Version

    pinned = pinned_version("isaaclab", "warp-lang")
    if pinned is None or pinned.release[:2] == Version(warp.__version__).release[:2]:
        return
    place = Path(warp.__file__).parent
    if "omni.warp" in str(place):
        remedy = "start Isaac Sim with PROJECT/config/mimicgen.datagen.isaacsim.kit, which leaves omni.warp.core out"
    else:
        remedy = f"install it with this Python: -m pip install warp-lang=={pinned}"
    raise SetupError(
        f"Warp {warp.__version__} of {quoted(place)} is loaded, and Isaac Lab needs Warp {pinned}; {remedy}"
    )


def pinned_version(package: str, of: str) -> Version | None:
    """Return the version of one package that another one pins, None where it pins none or says nothing."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return None  # on the path without package metadata
    for requirement in map(Requirement, lines):
        if requirement.name == of:
            pins = [Version(own.version) for own in requirement.specifier if own.operator == "=="]
            return pins[0] if pins else None
    return None


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on, as far as it is installed."""
    packages = (
        "omniverse-kit",
        "isaaclab",
        "newton",
        "mujoco",
        "ovphysx",
        "ovstage",
        "warp-lang",
        "torch",
        "numpy",
        "h5py",
    )
    found = {"mimicgen.datagen": __version__}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # Isaac Sim brings some of them without package metadata
    return found
