"""The Kit application, as the field test asks it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

import carb.settings
import omni.kit.app

from mimicgen.datagen.cli.fieldtest import Stage, Toolbar, field_test
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.installed import has_omni_usd
from mimicgen.datagen.isaaclab import runtime
from mimicgen.datagen.kit import settings
from mimicgen.datagen.kit.loop import open_simulation
from mimicgen.datagen.kit.viewer import has_window, is_streamed
from mimicgen.datagen.session import Session

TOLD = ("isaacsim.core.simulation_manager", "omni.physx", "omni.replicator.core", "omni.usd", "omni.warp.core")
"""Extensions whose versions are told."""

SCRATCH = "/mimicgen_datagen_field_test"
"""The prim that is a change to the stage."""


class KitApplication:
    """Implements `mimicgen.datagen.cli.fieldtest.Application`."""

    def __init__(self) -> None:
        self._app = omni.kit.app.get_app()
        self.facts: Mapping[str, str] = self._facts()
        full = has_omni_usd()
        self.toolbar: Toolbar | None = TimelineToolbar() if full else None
        self.stage: Stage | None = UsdStage() if full else None

    def settings(self) -> dict[str, Any]:
        """See `Application.settings`."""
        return _by_path(carb.settings.get_settings().get_settings_dictionary("/").get_dict())

    async def update(self) -> None:
        """See `Application.update`."""
        await self._app.next_update_async()

    def _facts(self) -> dict[str, str]:
        manager = self._app.get_extension_manager()
        enabled = {each["name"]: each["id"] for each in manager.get_extensions() if each["enabled"]}
        read = carb.settings.get_settings().get
        return {
            "application": f"{read('/app/name')} {read('/app/version')}",
            "Kit": self._app.get_build_version(),
            "seen": "in a window" if has_window() else "streamed" if is_streamed() else "headless",
            "Python": f"{platform.python_version()}, {platform.platform()}",
            "device": _device(),
            "extensions": ", ".join(enabled[name] for name in TOLD if name in enabled) or "none of Isaac Sim's",
            **runtime.versions(),
        }


class TimelineToolbar:
    """Implements `mimicgen.datagen.cli.fieldtest.Toolbar`: the buttons do no more than this."""

    def pause(self) -> None:
        """See `Toolbar.pause`."""
        import omni.timeline

        omni.timeline.get_timeline_interface().pause()

    def play(self) -> None:
        """See `Toolbar.play`."""
        import omni.timeline

        omni.timeline.get_timeline_interface().play()


class UsdStage:
    """Implements `mimicgen.datagen.cli.fieldtest.Stage`."""

    def edit(self) -> None:
        """See `Stage.edit`."""
        import omni.usd

        omni.usd.get_context().get_stage().DefinePrim(SCRATCH)

    def edited(self) -> bool:
        """See `Stage.edited`."""
        import omni.usd

        return bool(omni.usd.get_context().get_stage().GetPrimAtPath(SCRATCH))

    async def discard(self) -> None:
        """See `Stage.discard`."""
        import omni.usd

        await omni.usd.get_context().new_stage_async()


async def test_and_quit(session: Session) -> None:
    """Make the field test with the configuration of the settings, and quit with its exit code, whatever happens."""
    code = 1
    try:
        config = settings.generating()
        with os.fdopen(os.dup(settings.get("console_fd")), "w", buffering=1, encoding="utf-8") as stream:
            code = await field_test(config, session, KitApplication(), open_simulation, stream)
    except BadInputError as error:
        sys.stderr.write(f"mimicgen.datagen: {error}\n")
        code = error.exit_code
    finally:
        omni.kit.app.get_app().post_quit(code)


def _device() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"


def _by_path(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        path = f"{above}/{name}"
        found |= _by_path(value, path) if isinstance(value, dict) else {path: value}
    return found
