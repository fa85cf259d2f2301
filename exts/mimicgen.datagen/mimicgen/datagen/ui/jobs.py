"""The choice of what a run does."""

from __future__ import annotations

import omni.ui as ui

from mimicgen.datagen.config.jobs import Evaluate, Generate
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.draft import Draft, PanelJob

JOBS: dict[type[PanelJob], str] = {Generate: "Generate demonstrations", Evaluate: "Evaluate a policy"}
"""What the panel starts, and what it is called there."""


class JobChoice:
    """A button a job, the chosen one pressed, made inside the current container."""

    def __init__(self, draft: Draft):
        self._draft = draft
        with ui.HStack(height=style.ROW + 4, spacing=style.GAP):
            self._buttons = {
                job: ui.Button(
                    text,
                    name="job",
                    identifier=f"job_{job.__struct_config__.tag}",
                    clicked_fn=lambda chosen=job: draft.choose(chosen),
                )
                for job, text in JOBS.items()
            }

    def refresh(self, *, enabled: bool) -> None:
        """Show which is chosen."""
        for job, button in self._buttons.items():
            button.checked = job is self._draft.job
            button.enabled = enabled
