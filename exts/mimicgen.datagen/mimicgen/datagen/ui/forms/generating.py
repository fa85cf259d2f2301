"""The configuration of generating: sections of labelled rows."""

from __future__ import annotations

from collections.abc import Callable

import omni.ui as ui

from mimicgen.datagen.config.sections import MODALITIES
from mimicgen.datagen.dataset.sources.checks import Severity
from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.checker import Checker
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.fields import TASKS_OWN, Choice, Pair, Row, Several, Switch, Text, resolved
from mimicgen.datagen.ui.forms.presets import Presets
from mimicgen.datagen.ui.forms.tasks import TaskChoice
from mimicgen.datagen.ui.forms.where import Where
from mimicgen.datagen.ui.parts import Note, section

FINDINGS = 5
"""Findings about the source that are listed; the log of a run has all."""


class Form:
    """The sections of the configuration that generates, made inside the current container."""

    def __init__(self, draft: Draft, checker: Checker):
        self._draft = draft
        self._checker = checker
        self._rows: list[Row] = []
        self._subtasks: tuple[str, ...] = ()
        self._cameras: list[str] = []
        self._data()
        self._run()
        self._randomization()
        self._mimic()
        self._rendering()
        self._presets = Presets(draft)

    def refresh(self, *, enabled: bool) -> None:
        """Show the draft and what is known about it."""
        found = self._checker.inspection
        if found is not None and found.subtasks != self._subtasks:
            self._subtasks = found.subtasks
            self._subtask_frame.rebuild()
        if self._draft.cameras() != self._cameras:
            self._camera_frame.rebuild()
        for row in (*self._rows, *self._subtask_rows, *self._camera_rows):
            row.refresh()
            row.enable(enabled)
        self._presets.enable(enabled)
        self._show_sources()

    def label(self, key: str) -> str:
        """Return what the user reads before a key's value, the key itself where it has no row."""
        rows = (*self._rows, *self._subtask_rows, *self._camera_rows)
        return next((row.label for row in rows if row.key == key), key)

    def _data(self) -> None:
        draft = self._draft
        with section("Task and data", "section_data"):
            self._rows.append(TaskChoice(draft, self._checker))
            self._rows.append(Text(draft, "variant", "Variant"))
            self._rows.append(Text(draft, "source", "Source", resolved(draft, "source")))
            self._verdict = Note("good", identifier="source.verdict", indent=style.LABEL_WIDTH + style.GAP)
            self._findings = Note("warning", identifier="source.findings", indent=style.LABEL_WIDTH + style.GAP)
            self._rows += [
                Text(draft, "output_dataset", "Dataset", resolved(draft, "output_dataset")),
                Text(draft, "output_dir", "Records", resolved(draft, "output_dir")),
                Switch(draft, "fresh", "Start afresh"),
            ]

    def _run(self) -> None:
        draft = self._draft
        with section("Run", "section_run"):
            self._rows += [
                Text(draft, "num_trials", "Demonstrations"),
                Switch(draft, "guarantee", "Guarantee"),
                Text(draft, "give_up_below", "Give up below"),
                Text(draft, "max_failures", "Failure limit"),
                Text(draft, "num_envs", "Environments"),
                Text(draft, "seed", "Seed"),
                Choice(draft, "physics", "Physics"),
                Text(draft, "device", "Device"),
            ]
            where = Where(draft)
            self._rows += [where, *where.rows]
            self._rows += [
                Switch(draft, "early_abort", "Early abort"),
                Switch(draft, "keep_failed", "Keep failed"),
                Switch(draft, "report", "Report"),
                Choice(draft, "export", "Export"),
                Text(draft, "live_port", "Live report, port"),
            ]

    def _randomization(self) -> None:
        with section("Randomisation", "section_randomization", collapsed=True):
            for key, label in (("x", "Objects' x"), ("y", "Objects' y"), ("yaw", "Objects' yaw")):
                self._rows.append(Pair(self._draft, f"randomization.{key}", label, self._own(key)))
            for key, label in (
                ("min_separation", "Separation"),
                ("joint_noise_mean", "Joint mean"),
                ("joint_noise_std", "Joint deviation"),
            ):
                self._rows.append(Text(self._draft, f"randomization.{key}", label, self._own(key)))

    def _mimic(self) -> None:
        draft = self._draft
        self._subtask_rows: list[Row] = []
        with section("Mimic", "section_mimic", collapsed=True):
            self._rows += [
                Text(draft, "mimic.action_noise", "Action noise", lambda: TASKS_OWN),
                Choice(draft, "mimic.selection_strategy", "Strategy", unset="The task's own"),
                Text(draft, "mimic.nn_k", "Neighbours", lambda: TASKS_OWN),
                Switch(draft, "mimic.keep_clear", "Keep clear"),
                Text(
                    draft, "mimic.leave_out", "Leave out", lambda: "Sources, by name: those that the report says fail"
                ),
                Text(draft, "mimic.num_interpolation_steps", "Interpolation", lambda: TASKS_OWN),
                Text(draft, "mimic.num_fixed_steps", "Waiting", lambda: TASKS_OWN),
                Text(draft, "mimic.retry_start", "Retries"),
                Text(draft, "mimic.perturb", "Disturbed"),
            ]
            self._subtask_frame = ui.Frame(height=0, build_fn=self._build_subtasks)

    def _build_subtasks(self) -> None:
        self._subtask_rows = []
        with ui.VStack(height=0, spacing=style.GAP):
            if not self._subtasks:
                ui.Label("The subtasks are shown once the source has been checked.", name="hint", word_wrap=True)
            for subtask in self._subtasks:
                ui.Label(f"Subtask {subtask}", name="group", height=20)
                prefix = f"mimic.subtasks.{subtask}"
                self._subtask_rows += [
                    Text(self._draft, f"{prefix}.action_noise", "Action noise", lambda: "As above"),
                    Choice(self._draft, f"{prefix}.selection_strategy", "Strategy", unset="As above"),
                    Text(self._draft, f"{prefix}.leave_out", "Leave out", lambda: "As above"),
                ]
        for row in self._subtask_rows:
            row.refresh()

    def _rendering(self) -> None:
        draft = self._draft
        self._camera_rows: list[Row] = []
        with section("Cameras", "section_cameras", collapsed=True):
            self._rows.append(Choice(draft, "render.when", "When"))
            self._camera_frame = ui.Frame(height=0, build_fn=self._build_cameras)
            self._rows += [
                Several(draft, "render.modalities", "Modalities", MODALITIES, empty_means_all=False),
                Text(draft, "render.width", "Width"),
                Text(draft, "render.height", "Height"),
                Text(draft, "render.looks.count", "Looks"),
            ]

    def _build_cameras(self) -> None:
        self._cameras = self._draft.cameras()
        self._camera_rows = []
        with ui.VStack(height=0):
            if self._cameras:
                views = Several(self._draft, "render.views", "Cameras", self._cameras, empty_means_all=True)
                views.refresh()
                self._camera_rows.append(views)
            else:
                ui.Label("This task has no cameras; a preset can bring some.", name="hint", word_wrap=True)

    def _own(self, key: str) -> Callable[[], str]:
        """Return what says which value the task has of its own."""

        def own() -> str:
            found = self._checker.inspection
            if found is None:
                return ""
            value = found.randomization.get(key)
            if value is None:
                return "Not randomised by this task"
            numbers = value if isinstance(value, tuple | list) else (value,)
            return f"Empty: the task's own, {' to '.join(f'{number:g}' for number in numbers)}"

        return own

    def _show_sources(self) -> None:
        found = self._checker.inspection
        if found is None:
            checking = self._draft.candidate is not None and "source" not in self._draft.problems
            self._verdict.show("Checking the demonstrations..." if checking else "", "hint")
            self._findings.show("")
            return
        sources = found.sources
        lengths = [sources.lengths[name] for name in sources.usable]
        all_usable = len(sources.usable) == sources.total
        self._verdict.show(
            f"{len(sources.usable)} of {sources.total} demonstrations usable, {min(lengths)} to {max(lengths)} steps",
            "good" if all_usable else "warning",
        )
        listed = [f"{finding}" for finding in sources.findings[:FINDINGS]]
        if len(sources.findings) > FINDINGS:
            listed.append(f"and {len(sources.findings) - FINDINGS} more")
        unusable = any(finding.severity is Severity.UNUSABLE for finding in sources.findings)
        self._findings.show("\n".join(listed), "problem" if unusable else "warning")
