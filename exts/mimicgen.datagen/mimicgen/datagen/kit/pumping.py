"""Keeps Isaac Lab's PhysX manager from updating the application inside a coroutine.

`PhysxManager` calls `app.update()` where it initializes, plays, pauses, stops and closes, so that the timeline's events
have fired when it returns. In a coroutine that update is nested in the one that runs the coroutine: current kernels put
off what it would have done and warn, earlier ones lose wake-ups. `ITimeline::commit` fires the same events and does
nothing else. What else an update would do is done by the frames that are awaited around opening and closing.

It is the name `omni` in upstream's module that is replaced, and not the class by one derived from it: Isaac Lab's
assets and sensors ask `PhysxManager` itself for its simulation view, and a derived class would keep that to itself.

Upstream: https://github.com/isaac-sim/IsaacLab/blob/main/source/isaaclab_physx/isaaclab_physx/physics/physx_manager.py
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from mimicgen.datagen.errors import StateError


class _Application:
    """Kit's application for `PhysxManager`: an update applies what the timeline was asked for, and that is all."""

    def __init__(self, application: Any, timeline: Any):
        self._application = application
        self._timeline = timeline

    def update(self) -> None:
        self._timeline.commit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._application, name)


class _Namespace:
    """A package or module in which one name has another value."""

    def __init__(self, original: Any, **values: Any):
        self._original = original
        vars(self).update(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


@contextlib.contextmanager
def without_pumping() -> Iterator[None]:
    """Have `PhysxManager` apply the timeline's changes where it would update the application."""
    from isaaclab_physx.physics import physx_manager

    omni, manager = physx_manager.omni, physx_manager.PhysxManager
    application = _Application(omni.kit.app.get_app(), omni.timeline.get_timeline_interface())
    app = _Namespace(omni.kit.app, get_app=lambda: application)
    wait_for_playing = vars(manager)["wait_for_playing"]
    physx_manager.omni = _Namespace(omni, kit=_Namespace(omni.kit, app=app))
    manager.wait_for_playing = classmethod(_require_playing)
    try:
        yield
    finally:
        physx_manager.omni = omni
        manager.wait_for_playing = wait_for_playing


def _require_playing(manager: Any) -> None:
    """Stand in for `wait_for_playing`, which would block the loop that it waits for.

    Raises:
        StateError: The timeline does not play.
    """
    timeline = manager._timeline
    if not timeline.is_playing():
        state = "stopped" if timeline.is_stopped() else "paused"
        raise StateError(f"the environment cannot take a step: the timeline is {state}; play it, or start a new run")
