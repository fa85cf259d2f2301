"""Whether and how somebody sees the application."""

from __future__ import annotations

import carb.settings
import omni.kit.app

STREAM = "omni.kit.livestream.app"
"""The extension that streams an application's window, which is then on no screen of the machine."""


def has_window() -> bool:
    """Whether the application has a window on a screen of this machine."""
    return bool(carb.settings.get_settings().get("/app/window/enabled"))


def is_streamed() -> bool:
    """Whether the application's window is streamed."""
    return bool(omni.kit.app.get_app().get_extension_manager().is_extension_enabled(STREAM))
