"""`omni.timeline`: follows `ITimeline.h` in the kernel (`omni/dev/include/omni/timeline`).

`play`, `pause` and `stop` are requests. They are applied, with their events, in the next update of the application or
in `commit`; `commit_silently` applies them without events. The same request again changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import carb.eventdispatcher
import carb.events
import omni.kit.app


class TimelineEventType(enum.IntEnum):
    """The events of the timeline's stream that matter here."""

    PLAY = 0
    PAUSE = 1
    STOP = 2


GLOBAL_EVENTS = {event: f"omni.timeline.global:{event.name.lower()}" for event in TimelineEventType}


class Timeline:
    """The default timeline.

    Attributes:
        told: The events so far, in order.
    """

    def __init__(self) -> None:
        self._state = self._wanted = TimelineEventType.STOP
        self._stream = carb.events.acquire_events_interface().create_event_stream()
        self.told: list[str] = []
        self._update = carb.eventdispatcher.get_eventdispatcher().observe_event(
            observer_name="stand-in timeline",
            event_name=omni.kit.app.GLOBAL_EVENT_PRE_UPDATE,
            on_event=lambda _: self.commit(),
        )

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return `omni.timeline`."""
        names = {f"GLOBAL_EVENT_{event.name}": name for event, name in GLOBAL_EVENTS.items()}
        return {
            "omni.timeline": {
                "get_timeline_interface": lambda: self,
                "TimelineEventType": TimelineEventType,
                "ITimeline": Timeline,
                **names,
            }
        }

    def play(self) -> None:
        self._wanted = TimelineEventType.PLAY

    def pause(self) -> None:
        if self._wanted is TimelineEventType.PLAY:
            self._wanted = TimelineEventType.PAUSE

    def stop(self) -> None:
        self._wanted = TimelineEventType.STOP

    def is_playing(self) -> bool:
        return self._state is TimelineEventType.PLAY

    def is_stopped(self) -> bool:
        return self._state is TimelineEventType.STOP

    def commit(self) -> None:
        if self._state is not self._wanted:
            self.commit_silently()
            self.told.append(self._state.name.lower())
            self._stream.push(int(self._state))
            self._stream.pump()
            carb.eventdispatcher.get_eventdispatcher().dispatch_event(GLOBAL_EVENTS[self._state], payload={})

    def commit_silently(self) -> None:
        self._state = self._wanted

    def get_timeline_event_stream(self) -> Any:
        return self._stream

    def on(self, event: TimelineEventType, call: Callable[[], None]) -> Any:
        """Call a function of another stand-in at an event."""
        return self._stream.create_subscription_to_pop_by_type(int(event), lambda _: call())
