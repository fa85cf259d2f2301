"""The application's timeline and a session: whoever pauses, plays or stops the one means the other, too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import omni.timeline

from mimicgen.datagen.progress import State
from mimicgen.datagen.session import Session


class TimelineFollower:
    """Lets the toolbar's buttons act on a session while its simulation is open.

    Isaac Lab steps only while the timeline plays. So a timeline that is paused pauses the session, and one that is
    stopped, which ends the simulation, ends the run. The panel's *Resume* plays a timeline that had paused the run;
    apart from that the timeline is the user's.

    Args:
        session: The session.
        next_frame: Waits for the application's next frame.
    """

    def __init__(self, session: Session, next_frame: Callable[[], Awaitable[None]]):
        self._session = session
        self._next_frame = next_frame
        self._timeline = omni.timeline.get_timeline_interface()
        self._paused = False

    async def next_frame(self) -> None:
        """Wait for the next frame, and follow what became of the timeline before anything else happens in it."""
        await self._next_frame()
        self._follow()

    def _follow(self) -> None:
        session, timeline = self._session, self._timeline
        if session.state not in (State.RUNNING, State.PAUSED) or not _simulation_is_open():
            self._paused = False
        elif timeline.is_stopped():
            session.stop("the timeline was stopped")
        elif timeline.is_playing():
            if self._paused and session.state is State.PAUSED:
                session.resume()
            self._paused = False
        elif session.state is State.RUNNING and not self._paused:
            session.pause()
            self._paused = True
        elif session.state is State.RUNNING:  # resumed in the panel
            timeline.play()
            timeline.commit()
            self._paused = False


def _simulation_is_open() -> bool:
    from isaaclab.sim import SimulationContext

    return SimulationContext.instance() is not None
