"""What Kit imports: the extension where it can run, a message where it cannot.

Older applications have an older Python, which cannot read the rest of the project, so this file has to be readable by
Python 3.10, and imports nothing of the rest before it knows.
"""

import importlib.util
import sys
from collections.abc import Sequence

PYTHON = (3, 12)
KIT = (110, 4)
"""Kit of Isaac Sim 6.2, the first whose packages go with Isaac Lab 3.0."""

PACKAGES = {
    "av": "av",
    "h5py": "h5py",
    "matplotlib": "matplotlib",
    "msgspec": "msgspec",
    "PIL": "pillow",
    "rich": "rich",
    "tomli_w": "tomli-w",
    "yaml": "pyyaml",
}
"""Modules that the extension imports and no application has to have, with the package of each."""


def why_not(python: "tuple[int | str, ...]", kit: str, missing: Sequence[str]) -> "str | None":
    """Return why the extension cannot run in an application, None if it can.

    Args:
        python: Version of its Python.
        kit: Version of its Kit kernel.
        missing: Modules that its Python lacks.
    """
    if python < PYTHON or tuple(int(part) for part in kit.split(".")[:2]) < KIT:
        return (
            f"mimicgen.datagen needs Isaac Sim 6.2 or newer (Kit {KIT[0]}.{KIT[1]}, Python {PYTHON[0]}.{PYTHON[1]}); "
            f"this application is Kit {kit.partition('+')[0]} with Python {python[0]}.{python[1]}. Install Isaac Sim "
            "6.2 with Isaac Lab 3.0, or run the embedded runtime, which needs no Isaac Sim: scripts/generate.sh"
        )
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing)
        return (
            f"mimicgen.datagen needs Python packages that this application lacks; install them with its own Python, in "
            f"Isaac Sim's folder:  ./python.sh -m pip install {packages}"
        )
    return None


def _reason() -> "str | None":
    import omni.kit.app

    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return why_not(sys.version_info, omni.kit.app.get_app().get_kit_version(), missing)


reason = _reason()
if reason is None:
    from mimicgen.datagen import kit

    class DatagenExtension(kit.DatagenExtension):
        """The extension, with its panel: `kit` does not know `ui`."""

        def panel_class(self):  # type: ignore[no-untyped-def]
            """Return the panel's class."""
            from mimicgen.datagen.ui.panel import Panel

            return Panel
else:
    import carb

    carb.log_error(reason)
