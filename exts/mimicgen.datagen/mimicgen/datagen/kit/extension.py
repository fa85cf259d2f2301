"""Starts and ends with the application, and owns the session in between."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import carb.eventdispatcher
import omni.ext
import omni.kit.app
from omni.kit.async_engine import run_coroutine

from mimicgen.datagen.cli.console import Console
from mimicgen.datagen.errors import BadInputError
from mimicgen.datagen.installed import has_omni_usd
from mimicgen.datagen.kit import settings
from mimicgen.datagen.kit.loop import make_run, next_frame, open_simulation, pace
from mimicgen.datagen.progress import Progress, State
from mimicgen.datagen.session import Session

if TYPE_CHECKING:
    from mimicgen.datagen.kit.panel import Panel

_session: Session | None = None


def session() -> Session:
    """Return the extension's session.

    Raises:
        RuntimeError: The extension is not enabled.
    """
    if _session is None:
        raise RuntimeError("the extension mimicgen.datagen is not enabled")
    return _session


class DatagenExtension(omni.ext.IExt):  # type: ignore[misc]
    """The extension but for its panel. Whatever shows or starts a run uses `session()`."""

    def panel_class(self) -> type[Panel]:
        """Return the class of the panel; asked where the application has `omni.ui`."""
        raise NotImplementedError

    def on_startup(self, ext_id: str) -> None:
        """Make the session, and start the configured run if the settings say so."""
        global _session
        _session = self._session = Session(next_frame, open_simulation, spawn=run_coroutine, make_run=make_run)
        self._on_close: list[Callable[[], None]] = []
        if has_omni_usd():
            from mimicgen.datagen.kit.timeline import TimelineFollower

            self._session.next_frame = TimelineFollower(self._session, next_frame).next_frame
        else:
            self._on_close.append(pace(self._session))
            if sys.getprofile() is None:
                # The bare kernel hooks its profiler into every Python call, although nobody reads it: a step takes a
                # third longer (docs/event_loop.md). In Isaac Sim it may be wanted, and has its own settings there.
                sys.setprofile(None)
        self._defer_quit()
        if settings.get("console") and not settings.get("selftest"):  # which tells in its own words
            console = Console.on_descriptor(settings.get("console_fd"), kit=self._kit_stage())
            self._on_close += [self._session.subscribe(console), console.close]
        if "omni.ui" in sys.modules:  # the application has it: extensions that we depend on, optionally too, come first
            from mimicgen.datagen.kit.panel import PanelHost

            self._on_close.append(PanelHost(ext_id, self._session, self.panel_class()).close)
        if settings.get("desktop"):
            self._quit_on_signals()
        if settings.get("selftest"):
            from mimicgen.datagen.kit.application import test_and_quit

            run_coroutine(test_and_quit(self._session))
        elif settings.get("autostart"):
            self._autostart()

    def on_shutdown(self) -> None:
        """Stop a run that is going on (it ends within the next frames), and leave nothing behind."""
        global _session
        _session = None
        self._stop("the extension was disabled")
        for close in reversed(self._on_close):
            close()
        self._on_close.clear()

    def _kit_stage(self) -> tuple[str, float | None]:
        """The kernel's version, and the seconds since the process was launched if the launcher told when."""
        launched = settings.get("launched_at")
        return omni.kit.app.get_app().get_kit_version(), time.monotonic() - launched if launched else None

    def _autostart(self) -> None:
        quit_when_done = settings.get("quit_when_done")
        if quit_when_done:
            self._on_close.append(self._session.subscribe(_quit_at_the_end))
            self._stop_on_signals()
        try:
            job = settings.job()
        except BadInputError as error:
            sys.stderr.write(f"mimicgen.datagen: {error}\n")
            if quit_when_done:
                omni.kit.app.get_app().post_quit(error.exit_code)
            return
        self._session.start(job)

    def _stop(self, reason: str) -> None:
        """Stop the run that is going on, if one is and nobody has stopped it yet."""
        if self._session.active and self._session.state is not State.STOPPING:
            self._session.stop(reason)

    def _stop_on_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and SIGHUP stop the run; a second one has its usual effect."""
        loop = asyncio.get_event_loop()

        def stop(number: int, _: FrameType | None) -> None:
            restore()
            # Python calls this between any two instructions, one of the session's own perhaps: the loop does it.
            loop.call_soon_threadsafe(self._stop, f"interrupted by {signal.Signals(number).name}")

        restore = _on_signals(stop)
        self._on_close.append(restore)

    def _quit_on_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and SIGHUP close the window's application, and with it end a run."""
        self._on_close.append(_on_signals(lambda *_: omni.kit.app.get_app().post_quit(130)))

    def _defer_quit(self) -> None:
        """When the application is asked to quit during a run, stop the run first, and quit when it has ended."""
        app = omni.kit.app.get_app()

        def on_post_quit(event: carb.eventdispatcher.Event) -> None:
            if self._session.active and app.try_cancel_shutdown("mimicgen.datagen is finishing its files"):
                self._stop("the application is closing")
                self._on_close.append(self._session.subscribe(_quit_at_the_end))

        subscription = carb.eventdispatcher.get_eventdispatcher().observe_event(
            observer_name="mimicgen.datagen", event_name=omni.kit.app.GLOBAL_EVENT_POST_QUIT, on_event=on_post_quit
        )
        self._on_close.append(subscription.reset)


def _on_signals(handler: Callable[[int, FrameType | None], None]) -> Callable[[], None]:
    """Have `handler` called on Ctrl-C, SIGTERM and SIGHUP; what is returned restores what was before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}

    def restore() -> None:
        for number, earlier in before.items():
            signal.signal(number, earlier or signal.SIG_DFL)

    return restore


def _quit_at_the_end(progress: Progress) -> None:
    if progress.end is not None:
        omni.kit.app.get_app().post_quit(progress.end.exit_code)
