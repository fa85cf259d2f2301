"""The panel in the application: ticked by its updates, in its menu, its actions and its notifications.

Each of these is used where the application has it. Which application it is does not matter to the panel itself.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import carb.eventdispatcher
import carb.settings
import omni.kit.app

from mimicgen.datagen.cli.remembered import recall
from mimicgen.datagen.config.values import Flat
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.kit import settings
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.session import Session

log = logging.getLogger(__name__)

MENU = "Tools"

VISIBLE = f"{settings.ROOT}/window"
"""Whether the window is shown: set it, and it opens or closes."""


class Panel(Protocol):
    """What the application needs of the panel, which `mimicgen.datagen.ui.panel.Panel` is.

    Attributes:
        title: Of its window.
        window: Of `omni.ui`.
        visible: Whether the window is shown.
    """

    title: str
    window: Any
    visible: bool

    def __init__(self, session: Session, values: Flat):
        """Make the panel of a session, with the values that it starts with."""

    def refresh(self) -> bool:
        """Show what has changed; return whether anything has."""

    def start(self) -> None:
        """Start a run."""

    def pause_or_resume(self) -> None:
        """Pause the run, or let it go on."""

    def stop(self) -> None:
        """Stop the run."""

    def open_output(self) -> None:
        """Open the folder of the run's records."""

    def close(self) -> None:
        """Close the window."""


class PanelHost:
    """Shows the panel in the application.

    Args:
        ext_id: The extension's id.
        session: Owns the runs.
        kind: The panel's class.

    Attributes:
        panel: The panel.
    """

    def __init__(self, ext_id: str, session: Session, kind: type[Panel]):
        self._session = session
        self._settings = carb.settings.get_settings()
        with contextlib.ExitStack() as stack:
            self._desktop = (
                _open_desktop(stack, kind.title) if settings.get("desktop") else None
            )  # before any window is made
            self.panel = kind(session, _values())
            stack.callback(self.panel.close)
            if self._desktop is not None:
                self._desktop.fill(self.panel.window)
            self.panel.visible = bool(self._settings.get(VISIBLE))
            self.panel.window.set_visibility_changed_fn(self._on_visible)
            subscription = carb.eventdispatcher.get_eventdispatcher().observe_event(
                observer_name="mimicgen.datagen.panel",
                event_name=omni.kit.app.GLOBAL_EVENT_UPDATE,
                on_event=self._on_update,
            )
            stack.callback(subscription.reset)
            watch = self._settings.subscribe_to_node_change_events(VISIBLE, self._on_setting)
            stack.callback(self._settings.unsubscribe_to_change_events, watch)
            for add in (self._add_actions, self._add_menu, self._add_notifications):
                remove = add(ext_id)
                if remove is not None:
                    stack.callback(remove)
            self.close = stack.pop_all().close

    def _on_update(self, _: carb.eventdispatcher.Event) -> None:
        changed = self.panel.refresh()
        if self._desktop is not None:
            busy = self._session.active and self._session.state is not State.PAUSED
            self._desktop.update(self.panel.window, changed=changed, busy=busy)

    def _on_visible(self, visible: bool) -> None:
        """The window was opened or closed by whomever; the setting says so, and with it the tick in the menu."""
        self._settings.set(VISIBLE, visible)

    def _on_setting(self, *_: object) -> None:
        visible = bool(self._settings.get(VISIBLE))
        if visible != self.panel.visible:
            self.panel.visible = visible

    def _toggle(self) -> None:
        self.panel.visible = not self.panel.visible

    def _add_actions(self, ext_id: str) -> Callable[[], None] | None:
        """Make everything that the buttons do an action, so that people can bind hotkeys."""
        actions = _optional("omni.kit.actions.core")
        if actions is None:
            return None
        registry = actions.get_action_registry()
        name, tag = omni.ext.get_extension_name(ext_id), self.panel.title
        for identifier, function, about in (
            ("toggle_window", self._toggle, "Show or hide the panel"),
            ("start", self.panel.start, "Start a run with the panel's configuration"),
            ("pause_or_resume", self.panel.pause_or_resume, "Pause the run, or let it go on"),
            ("stop", self.panel.stop, "Stop the run; what is finished is kept"),
            ("open_output", self.panel.open_output, "Open the folder of the run's records"),
        ):
            registry.register_action(name, identifier, function, display_name=about, description=about, tag=tag)
        return lambda: registry.deregister_all_actions_for_extension(name)

    def _add_menu(self, _: str) -> Callable[[], None] | None:
        menus = _optional("omni.kit.menu.utils")
        if menus is None:
            return None
        item = menus.MenuItemDescription(
            name=self.panel.title, ticked=True, ticked_fn=lambda: self.panel.visible, onclick_fn=self._toggle
        )
        menus.add_menu_items([item], MENU)
        return lambda: menus.remove_menu_items([item], MENU)

    def _add_notifications(self, _: str) -> Callable[[], None] | None:
        """Tell the end of a run, and only that, where people look who are busy elsewhere in the application."""
        notifications = _optional("omni.kit.notification_manager")
        if notifications is None:
            return None
        status = notifications.NotificationStatus

        def notify(progress: Progress) -> None:
            if progress.end is not None:
                failed = progress.state is State.FAILED
                where = f"\n{progress.written[0]}" if progress.written else ""
                notifications.post_notification(
                    f"{self.panel.title}: {progress.end.reason}{where}",
                    status=status.WARNING if failed else status.INFO,
                )

        return self._session.subscribe(notify)


def _open_desktop(stack: contextlib.ExitStack, title: str) -> Any:
    from mimicgen.datagen.kit.desktop import Desktop  # needs ovui

    size = int(settings.get("desktop_width")), int(settings.get("desktop_height"))
    desktop = Desktop(title, size, on_close=lambda: omni.kit.app.get_app().post_quit(0))
    stack.callback(desktop.close)
    return desktop


def _values() -> Flat:
    """Return what the panel starts with: the last run's settings, and over them what the application was told."""
    try:
        told = settings.told()
    except BadInputError as error:
        log.error("the configuration is not used: %s", error)  # noqa: TRY400 -- the message says it all
        told = {}
    return recall() | told


def _optional(name: str) -> ModuleType | None:
    """Import an extension's module if the application has it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None
