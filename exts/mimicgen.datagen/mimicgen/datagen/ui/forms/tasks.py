"""The choice of the task: those that can run here, the others greyed, with the reason."""

from __future__ import annotations

import omni.ui as ui

from mimicgen.datagen.ui import style
from mimicgen.datagen.ui.checker import Checker
from mimicgen.datagen.ui.draft import Draft
from mimicgen.datagen.ui.fields import Row


class TaskChoice(Row):
    """The row of the task."""

    def __init__(self, draft: Draft, checker: Checker):
        self._checker = checker
        self._menu: ui.Menu | None = None
        super().__init__(draft, "task", "Task")

    def hint(self) -> str:
        """See `Row.hint`."""
        return "" if self._checker.tasks is not None else "Looking up which tasks can run here..."

    def _build(self) -> None:
        with ui.ZStack(height=style.ROW):
            self._button = ui.Button(" ", name="choice", height=style.ROW, identifier="task", clicked_fn=self._open)
            with ui.HStack():
                ui.Spacer(width=8)
                # A label of its own: a button is never narrower than its text.
                self._chosen = ui.Label("", elided_text=True, identifier="task.chosen")
                ui.Spacer(width=8)
        self._explain(self._button)

    def _show(self) -> None:
        text = str(self._draft.value("task"))
        if self._chosen.text != text:
            self._chosen.text = text

    def enable(self, enabled: bool) -> None:
        """See `Row.enable`."""
        self._button.enabled = self._chosen.enabled = enabled

    def _open(self) -> None:
        self._menu = ui.Menu("Tasks")
        tasks = self._checker.tasks or {str(self._draft.value("task")): None}
        with self._menu:
            for task, reason in sorted(tasks.items(), key=lambda item: item[1] is not None):
                ui.MenuItem(
                    f"{task}: {reason}" if reason else task,
                    enabled=reason is None,
                    triggered_fn=lambda chosen=task: self._put(chosen),
                    identifier=f"task.{task}",
                )
        self._menu.show_at(self._button.screen_position_x, self._button.screen_position_y + style.ROW)
