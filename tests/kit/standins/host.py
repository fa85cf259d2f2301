"""Kit's application with the stand-ins in it, the extension enabled over them, and what is counted meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import carb.settings
import omni.kit.app

from mimicgen.datagen.config.jobs import Generate
from mimicgen.datagen.progress import End
from mimicgen.datagen.tasks.defaults import build
from tests.conftest import Kit
from tests.kit.standins.installing import install

LIMIT = 60.0
"""Seconds that anything may take here: demonstrations are written by other threads, however fast updates are."""


class Host:
    """The application.

    Args:
        kit: The kernel.
        folder: Outputs go here.

    Attributes:
        isaac: The stand-ins.
        nested: How often the application was updated in an update of itself, in a coroutine for instance.
    """

    def __init__(self, kit: Kit, folder: Path) -> None:
        self.kit, self.folder = kit, folder
        self.settings = carb.settings.get_settings()
        self.isaac = install()
        self.nested = self._depth = 0
        self._count_nested_updates()
        name = kit.extensions.get_enabled_extension_id("mimicgen.datagen")
        for enabled in (False, True):  # now that the stand-ins are here, it sees an Isaac Sim
            kit.extensions.set_extension_enabled_immediate(name, enabled)
        self.session = kit.session

    def config(self, name: str, **values: Any) -> Generate:
        """Return a small run's configuration."""
        folder = self.folder / name
        small: Mapping[str, Any] = {
            "output_dataset": folder / "g.hdf5",
            "output_dir": folder / "o",
            "num_trials": 3,
            "report": False,
            "render.when": "never",
            "render.modalities": ("normals", "rgb"),
            "render.views": ("table_cam",),
            "render.videos": (),
            "render.width": 32,
            "render.height": 16,
        }
        return build({**small, **{key.replace("__", "."): value for key, value in values.items()}})

    def run(self, config: Generate, each: Callable[[], None] = lambda: None) -> End:
        """Make a run; `each` is called before every update."""
        self.session.start(config)
        return self.finish(each)

    def finish(self, each: Callable[[], None] = lambda: None) -> End:
        """Update the application until the run has ended."""
        self.until(lambda: not self.session.active, each)
        return self.session.progress.end

    def until(self, condition: Callable[[], bool], each: Callable[[], None] = lambda: None) -> None:
        """Update the application until something is so; `each` is called before every update."""
        end = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not so after {LIMIT} s: {self.session.progress}")
            each()
            self.kit.update()

    def _count_nested_updates(self) -> None:
        application = type(omni.kit.app.get_app())
        original = application.update

        def update(itself: Any) -> None:
            self._depth += 1
            self.nested += self._depth > 1
            try:
                original(itself)
            finally:
                self._depth -= 1

        application.update = update
