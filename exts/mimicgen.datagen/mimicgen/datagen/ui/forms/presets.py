"""Configurations as files: the TOML that the command line takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import omni.ui as ui

from mimicgen.datagen.config import layers
from mimicgen.datagen.config.values import as_path
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.draft import Draft, shown
from mimicgen.datagen.ui.parts import Note, explain, row, section


class Presets:
    """A file's name with the buttons that load and save it."""

    def __init__(self, draft: Draft):
        self._draft = draft
        with section("Presets", "section_presets", collapsed=True):
            tooltip = ["TOML file with a configuration, as --config takes it.", "Some are in the folder config."]
            with row("File", tooltip):
                self._path = ui.StringField(height=style.ROW, identifier="preset")
            explain(self._path, tooltip, indent=style.LABEL_WIDTH + style.GAP)
            with ui.HStack(height=26, spacing=style.GAP):
                ui.Spacer(width=style.LABEL_WIDTH)
                self._load = ui.Button("Load", identifier="preset_load", clicked_fn=lambda: self._try(self._read))
                ui.Button("Save", identifier="preset_save", clicked_fn=lambda: self._try(self._write))
            self._note = Note("hint", identifier="preset.note", indent=style.LABEL_WIDTH + style.GAP)

    def enable(self, enabled: bool) -> None:
        """Let a preset be loaded or not; saving changes nothing and is always possible."""
        self._load.enabled = enabled

    def _try(self, action: Callable[[Path], str]) -> None:
        text = self._path.model.as_string.strip()
        try:
            if not text:
                raise ConfigError("Name a file first")
            self._note.show(action(as_path("preset", text).expanduser()), "good")
        except ConfigError as error:
            self._note.show(shown(error), "problem")

    def _read(self, path: Path) -> str:
        self._draft.load(layers.read_toml(path))
        return f"Loaded {path.name}"

    def _write(self, path: Path) -> str:
        self._draft.save(path)
        return f"Saved {path.absolute()}"
