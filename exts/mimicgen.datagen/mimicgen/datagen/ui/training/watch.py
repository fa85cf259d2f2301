"""A training as it goes on: how far it is, its loss, what its checkpoints are worth, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import omni.ui as ui

from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.parts import Banner, Bar, Curve, Note, Tile, Well, put, section
from mimicgen.datagen.ui.training.running import LINES, Training, TrainingState
from mimicgen.datagen.ui.watch import spoken_seconds


class TrainingWatch:
    """The sections about a training, made inside the current container.

    Args:
        training: What is shown.
        evaluate: Is called with a policy that is to be evaluated, and the task.
    """

    def __init__(self, training: Training, evaluate: Callable[[Path, str], None]):
        self._training = training
        self._evaluate = evaluate
        self._version = -1
        self._evaluated = -1
        self._banner = Banner()
        with self._banner.below:
            self._next = ui.Button(
                "Evaluate it", width=130, height=style.ROW, identifier="evaluate_it", clicked_fn=self._on_next
            )
        with section("Progress", "section_training_progress"):
            with ui.HStack(height=0):
                self._count = ui.Label("", height=20, identifier="count")
                self._share = ui.Label("", name="key", height=20, width=0, identifier="share")
            self._bar = Bar("bar", height=12, identifier="bar")
            with ui.HStack(height=0, spacing=style.GAP):
                self._loss = Tile("Loss", "loss")
                self._speed = Tile("Steps a second", "speed")
                self._to_go = Tile("To go", "to_go")
        with section("Success of the checkpoints", "section_checkpoints"):
            self._checkpoints = ui.Frame(height=0, build_fn=self._build_checkpoints)
        with section("Loss over gradient steps", "section_loss"):
            self._no_loss = Note("hint")
            self._curve = Curve()
        with section("Log", "section_training_log"):
            self._lines = Well(LINES, "Nothing yet. The latest lines stand on top.")

    def refresh(self) -> None:
        """Show what is known now."""
        if self._training.version == self._version:
            return
        self._version = self._training.version
        told, state = self._training.told, self._training.state
        put(self._count, f"{told.step} of {told.steps} gradient steps" if told.steps else "No training yet")
        share = told.step / told.steps if told.steps else 0.0
        put(self._share, f"{100 * share:.0f}%" if told.steps else "")
        self._bar.show(share)
        self._loss.show(f"{told.losses[-1][1]:.3g}" if told.losses else "-")
        moves = state is TrainingState.RUNNING and told.speed > 0
        self._speed.show(f"{told.speed:.3g}" if moves else "-")
        self._to_go.show(spoken_seconds(told.to_go) if moves else "-")
        self._show_banner()
        if len(told.evaluated) != self._evaluated:
            self._evaluated = len(told.evaluated)
            self._checkpoints.rebuild()
        self._show_losses()
        self._lines.show(("  ".join(line), "error" if line[1].startswith("error: ") else "info") for line in told.lines)

    def _show_banner(self) -> None:
        told, failed = self._training.told, self._training.state is TrainingState.FAILED
        self._next.visible = told.policy is not None
        if self._training.active or not told.end:
            self._banner.hide()
            return
        title = "The training failed" if failed else "The training has ended"
        self._banner.show(title, told.end, str(told.policy or ""), failed=failed)

    def _on_next(self) -> None:
        told = self._training.told
        if told.policy is not None:
            self._evaluate(told.policy, told.task)

    def _build_checkpoints(self) -> None:
        evaluated = self._training.told.evaluated
        with ui.VStack(height=0, spacing=6):
            if not evaluated:
                ui.Label("Bars appear with the first checkpoint that has been evaluated.", name="hint")
            for one in evaluated:
                low, high = one.interval
                with ui.HStack(height=18, spacing=style.GAP):
                    ui.Label(f"Step {one.step}", name="key", width=84, elided_text=True)
                    with ui.VStack():
                        ui.Spacer()
                        Bar("success", height=12, identifier=f"checkpoint.{one.step}").show(one.rate)
                        ui.Spacer()
                    rate = f"{100 * one.rate:.0f}% ({100 * low:.0f} to {100 * high:.0f})"
                    words = f"{one.successes} of {one.attempts}, {rate}"
                    ui.Label(words, width=170, alignment=ui.Alignment.RIGHT_CENTER, identifier=f"success.{one.step}")

    def _show_losses(self) -> None:
        losses = [loss for _, loss in self._training.told.losses]
        self._no_loss.show("" if losses else "The curve begins with the first steps.")
        most = max(losses, default=0.0)
        self._curve.show([loss / most if most > 0 else 0.0 for loss in losses], f"{most:.2g}")
