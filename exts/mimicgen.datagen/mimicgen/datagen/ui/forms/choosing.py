"""The choice of what the panel starts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import omni.ui as ui

from mimicgen.datagen.ui import style


class Work(StrEnum):
    """What the panel starts."""

    GENERATE = "generate"
    EVALUATE = "evaluate"
    TRAIN = "train"


WORDS = {Work.GENERATE: "Generate", Work.TRAIN: "Train a policy", Work.EVALUATE: "Evaluate a policy"}
"""What it is called, in the order in which people do it."""


class WorkChoice:
    """A button each, the chosen one pressed, made inside the current container.

    Args:
        choose: Is called with what is pressed.
    """

    def __init__(self, choose: Callable[[Work], None]):
        with ui.HStack(height=style.ROW + 4, spacing=style.GAP):
            self._buttons = {
                work: ui.Button(
                    text,
                    name="job",
                    identifier=f"work_{work}",
                    clicked_fn=lambda chosen=work: choose(chosen),
                )
                for work, text in WORDS.items()
            }

    def refresh(self, chosen: Work) -> None:
        """Show which is chosen."""
        for work, button in self._buttons.items():
            button.checked = work is chosen
