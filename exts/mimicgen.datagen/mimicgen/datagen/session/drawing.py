"""Drawing as a part of a run: batch by batch, told as it goes on, paused and stopped with the run."""

from __future__ import annotations

from mimicgen.datagen.errors import RenderError
from mimicgen.datagen.progress import State
from mimicgen.datagen.rendering.rendering import Rendering
from mimicgen.datagen.session.host import Host


class Drawer:
    """Draws what waits for it.

    Args:
        host: The session.
        rendering: What draws.
    """

    def __init__(self, host: Host, rendering: Rendering):
        self._host = host
        self._rendering = rendering

    async def draw(self, seconds: float | None = None) -> None:
        """Draw what waits for it, until the run is stopped.

        Args:
            seconds: How long, at least for one batch; a batch that finds no room is not waited for [s]. By default as
                long as it takes.

        Raises:
            OutputError: A file cannot be written, or frames of something else are there.
        """
        host, rendering = self._host, self._rendering
        begin, before = host.clock.seconds, host.progress.drawing_seconds
        self._tell_written()
        while rendering.waiting and host.stopped is None:
            drawn = rendering.rendered.frames
            try:
                await rendering.advance()
            except RenderError as error:
                demo = next(reversed(rendering.rendered.failed))
                host.publish(render_failure=f"the frames of {demo} are not right: {error}")
            self._tell_written()
            taken = host.clock.seconds - begin
            told = {"drawn_frames": rendering.rendered.frames, "drawing_seconds": before + taken}
            host.publish(drawing=rendering.drawing, **told)
            await host.next_frame()
            while host.state is State.PAUSED:
                await host.next_frame()
            if seconds is not None and (taken >= seconds or drawn == rendering.rendered.frames):
                break

    async def written(self) -> None:
        """Wait until everything that was drawn is on the disk.

        Raises:
            OutputError: A file cannot be written.
        """
        while not self._rendering.written:
            await self._host.next_frame()
            self._tell_written()

    def _tell_written(self) -> None:
        """Tell which demonstrations have become complete."""
        self._rendering.collect()
        complete = self._rendering.rendered.complete
        for number in range(self._host.progress.rendered, len(complete)):
            self._host.publish(rendered=number + 1, last_rendered=complete[number])
