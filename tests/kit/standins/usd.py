"""`omni.usd` over real OpenUSD: follows what Isaac Lab and NVIDIA's extensions ask of `UsdContext`.

A context's stage is in USD's cache as long as it is open, and Kit finds it there by its id, so a cache that somebody
else cleared leaves the context without a stage. A new stage closes the old one, which stops the timeline.
"""

from __future__ import annotations

import enum
from typing import Any

import carb.eventdispatcher
import omni.kit.app
from pxr import Usd as OpenUsd
from pxr import UsdUtils

from tests.kit.standins.timeline import Timeline


class StageEventType(enum.IntEnum):
    """The events that matter here."""

    OPENED = 1
    CLOSED = 2
    ASSETS_LOADING = 3
    ASSETS_LOADED = 4


class Context:
    """A USD context.

    Attributes:
        unsaved: Whether the stage has unsaved changes.
        opened: How many stages were opened.
    """

    def __init__(self, name: str, timeline: Timeline) -> None:
        self.name, self._timeline = name, timeline
        self.unsaved = False
        self.opened = 0
        self._stage_id = -1

    def get_stage(self) -> Any:
        return UsdUtils.StageCache.Get().Find(OpenUsd.StageCache.Id.FromLongInt(self._stage_id))

    def get_stage_id(self) -> int:
        return self._stage_id

    def has_pending_edit(self) -> bool:
        return self.unsaved

    def can_open_stage(self) -> bool:
        return True

    def stage_event_name(self, event: StageEventType) -> str:
        return f"stand-in stage {self.name}:{event.name.lower()}"

    def new_stage(self) -> None:
        self.close_stage()
        self.attach_stage_with_callback(UsdUtils.StageCache.Get().Insert(OpenUsd.Stage.CreateInMemory()).ToLongInt())

    async def new_stage_async(self) -> tuple[bool, str]:
        self.new_stage()
        await omni.kit.app.get_app().next_update_async()
        return True, ""

    def attach_stage_with_callback(self, stage_id: int) -> None:
        self._stage_id = stage_id
        self.opened += 1
        self._tell(StageEventType.OPENED)

    def close_stage(self) -> None:
        stage = self.get_stage()
        if self._stage_id >= 0 and not stage:
            raise RuntimeError("Removal of UsdStage from cache failed")
        if stage:
            self._timeline.stop()
            UsdUtils.StageCache.Get().Erase(stage)
            self._stage_id = -1
            self._tell(StageEventType.CLOSED)

    def _tell(self, event: StageEventType) -> None:
        carb.eventdispatcher.get_eventdispatcher().dispatch_event(self.stage_event_name(event), payload={})


class Usd:
    """Contexts by name; the application's own is ''."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.contexts: dict[str, Context] = {}
        self.context().new_stage()

    def context(self, name: str = "") -> Context:
        return self.contexts.setdefault(name, Context(name, self._timeline))

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return `omni.usd`."""
        return {
            "omni.usd": {"get_context": self.context, "create_context": self.context, "StageEventType": StageEventType}
        }
