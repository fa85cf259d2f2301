"""What a training is started with: a section of labelled rows."""

from __future__ import annotations

from mimicgen.datagen.ui.fields import Choice, Row, Switch, Text, resolved
from mimicgen.datagen.ui.parts import section
from mimicgen.datagen.ui.training.draft import TrainingDraft

PRESETS_OWN = "Empty: the preset's"
"""Under a field without a value, where the preset says what holds."""


class TrainingForm:
    """The section of what trains a policy, made inside the current container."""

    def __init__(self, draft: TrainingDraft):
        with section("Policy and data", "section_training"):
            self._rows: list[Row] = [
                Choice(draft, "preset", "Preset", spoken=False),
                Text(draft, "dataset", "Dataset", resolved(draft, "dataset")),
                Text(draft, "output", "Folder", resolved(draft, "output")),
                Choice(draft, "device", "Device"),
                Text(draft, "seed", "Seed"),
                Text(draft, "steps", "Steps", lambda: PRESETS_OWN),
                Text(draft, "evaluate_every", "Evaluate every", lambda: PRESETS_OWN),
                Text(draft, "task", "Task", lambda: "Empty: the dataset's"),
                Text(draft, "set", "Settings", lambda: "KEY=VALUE of the preset, for instance training.batch_size=64"),
                Switch(draft, "fresh", "Start afresh"),
            ]

    def refresh(self, *, enabled: bool) -> None:
        """Show the draft."""
        for row in self._rows:
            row.refresh()
            row.enable(enabled)

    def label(self, key: str) -> str:
        """Return what the user reads before an option's value."""
        return next(row.label for row in self._rows if row.key == key)
