"""The configuration of an evaluation: sections of labelled rows."""

from __future__ import annotations

from mimicgen.datagen.config.policies import absolute
from mimicgen.datagen.ui.checker import Checker
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.fields import TASKS_OWN, Choice, Row, Switch, Text, resolved
from mimicgen.datagen.ui.forms.presets import Presets
from mimicgen.datagen.ui.forms.tasks import TaskChoice
from mimicgen.datagen.ui.parts import section


class EvaluationForm:
    """The sections of the configuration that evaluates a policy, made inside the current container."""

    def __init__(self, draft: Draft, checker: Checker):
        self._draft = draft
        self._rows: list[Row] = []
        with section("Task and policy", "section_policy"):
            self._rows += [
                TaskChoice(draft, checker),
                Text(draft, "variant", "Variant"),
                Text(draft, "policy", "Policy", self._where),
                Text(draft, "policy_device", "Its device", lambda: "Empty: that of the physics"),
                Text(draft, "policy_python", "Its Python", lambda: "Empty: that of set-up"),
                Text(draft, "output_dir", "Records", resolved(draft, "output_dir")),
            ]
        with section("Run", "section_run"):
            self._rows += [
                Text(draft, "num_trials", "Episodes"),
                Text(draft, "num_envs", "Environments"),
                Text(draft, "seed", "Seed"),
                Choice(draft, "physics", "Physics"),
                Text(draft, "device", "Device"),
                Text(draft, "max_steps", "Episode", lambda: "Empty: 500, or 125 a subtask where that is more"),
                Text(draft, "hold_steps", "Held for"),
                Switch(draft, "record_failures", "Keep failed"),
                Switch(draft, "report", "Report"),
                Text(draft, "live_port", "Live report, port"),
            ]
        with section("Variations", "section_vary", collapsed=True):
            self._rows += [
                Text(draft, "vary.starts", "Starts"),
                Text(draft, "vary.joint_noise", "Joint noise", lambda: TASKS_OWN),
                Text(draft, "vary.action_delay", "Delay"),
                Text(draft, "vary.observation_noise", "Noise"),
                Text(draft, "vary.look", "Look"),
            ]
        with section("Cameras", "section_observe", collapsed=True):
            self._rows += [
                Text(draft, "observe.cameras", "Cameras", self._cameras),
                Text(draft, "observe.width", "Width"),
                Text(draft, "observe.height", "Height"),
            ]
        self._presets = Presets(draft)

    def refresh(self, *, enabled: bool) -> None:
        """Show the draft."""
        for row in self._rows:
            row.refresh()
            row.enable(enabled)
        self._presets.enable(enabled)

    def label(self, key: str) -> str:
        """Return what the user reads before a key's value, the key itself where it has no row."""
        return next((row.label for row in self._rows if row.key == key), key)

    def _where(self) -> str:
        """Return where a policy is that is a path."""
        policy = self._draft.value("policy")
        found = absolute(str(policy)) if policy else ""
        return "" if found == policy else found

    def _cameras(self) -> str:
        return f"What a policy sees through, of: {', '.join(self._draft.cameras()) or 'this task has none'}"
