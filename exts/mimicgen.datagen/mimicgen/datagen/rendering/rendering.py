"""Rendering kept demonstrations on the application's loop: a frame, then the application's next update."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.names import demo_folder
from mimicgen.datagen.dataset.ours import is_ours
from mimicgen.datagen.dataset.outputs.writers import QUEUE, Writers
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.errors import RenderError
from mimicgen.datagen.progress import Drawing
from mimicgen.datagen.rendering.checks import FrameChecks
from mimicgen.datagen.rendering.frames import DemoFrames, file_name
from mimicgen.datagen.rendering.sheet import Sample, write_sheet
from mimicgen.datagen.rendering.video import check_encoder, write_video

Pace = Callable[[Drawing], Awaitable[None]]
"""Waits for the application's next frame, and may raise to end the rendering; is told how far it is."""


@dataclass
class Rendered:
    """What a run has rendered.

    Attributes:
        complete: Completely rendered demonstrations.
        failed: What was wrong, by demonstration.
        frames: Frames drawn; each holds every view and modality.
        seconds: Time spent on it [s].
    """

    complete: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    frames: int = 0
    seconds: float = 0.0

    def facts(self) -> dict[str, Any]:
        """Return what the run record says about it."""
        return {
            "complete": len(self.complete),
            "failed": self.failed,
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
        }


class Rendering:
    """Renders demonstrations of one run.

    Args:
        config: What to render.
        root: The run's output folder.
        renderer: What draws.
        about: What manifests say about where the demonstrations come from.
        points: See `FrameChecks`.

    Attributes:
        rendered: What has been rendered so far.

    Raises:
        SetupError: Videos are wanted and cannot be encoded.
    """

    def __init__(
        self,
        config: RenderConfig,
        root: Path,
        renderer: Renderer,
        about: dict[str, Any],
        points: Mapping[str, tuple[float, float, float]],
    ):
        if config.videos:
            check_encoder()
        self._config = config
        self._root = root
        self._renderer = renderer
        self._about = about
        self._views = views_of(config)
        self._modalities = config.drawn()
        self._checks = FrameChecks(self._views, set(renderer.labels) - set(config.unseen), renderer.colours, points)
        self._writers = Writers()
        self._sheet: list[list[Sample]] = []
        self.rendered = Rendered()

    async def render(self, demo: str, states: StateSequence, pace: Pace) -> None:
        """Render a demonstration, unless its frames are complete already.

        Whatever `pace` raises ends the rendering, and leaves the demonstration incomplete.

        Raises:
            RenderError: A check failed.
            OutputError: A file cannot be written, or frames of something else are there.
        """
        begin = time.perf_counter()
        steps = range(0, len(states), self._config.every)
        about = self._about | {"states": states.digest(), "steps": len(states), "every": self._config.every}
        frames = DemoFrames(self._root, demo, self._views, self._modalities, about, self._renderer.colours)
        try:
            if not frames.complete():
                await self._draw(frames, states, steps, pace)
            self._make_videos(frames, steps)
            self.rendered.complete.append(demo)
            self._add_to_sheet(frames, steps)
        except RenderError as error:
            self.rendered.failed[demo] = str(error)
            raise
        finally:
            self.rendered.seconds += time.perf_counter() - begin

    async def finish(self, next_frame: Callable[[], Awaitable[None]]) -> None:
        """Write the contact sheet, and wait for everything that is being written.

        Raises:
            OutputError: A file cannot be written.
        """
        if self._sheet:
            self._writers.submit(write_sheet, self._root / "contact_sheet.png", self._sheet, self._renderer.colours)
        await self._writers.written(next_frame)

    def close(self) -> None:
        """End the threads; what is not written by now is not written."""
        self._writers.close()

    async def _draw(self, frames: DemoFrames, states: StateSequence, steps: range, pace: Pace) -> None:
        frames.begin()
        images = len(frames.folders)
        on_disk: deque[Path] = deque(maxlen=QUEUE // images + 2)  # what was given earlier than this has been written
        drawing = Drawing(demo=frames.demo, frames=0, total=len(steps))
        for step in steps:
            while self._writers.full:
                await pace(drawing)
            state = states.at(step)
            frame = await self._renderer.draw(state)
            if step == 0:
                self._checks.first(frame, state)
            self._checks.every(frame)
            on_disk.append(frames.add(step, frame, self._writers))
            latest = on_disk[0] if len(on_disk) == on_disk.maxlen else drawing.latest
            drawing = replace(drawing, frames=drawing.frames + 1, latest=latest)
            self.rendered.frames += 1
            await pace(drawing)
        self._checks.end(len(steps))
        while not self._writers.idle:
            await pace(drawing)
        frames.finish()

    def _make_videos(self, frames: DemoFrames, steps: range) -> None:
        for view in self._views:
            folders = {modality: frames.folder(view.name, modality) for modality in self._modalities}
            for kind in self._config.videos:
                path = self._root / f"{view.name}_{kind}" / f"{demo_folder(frames.demo)}.mp4"
                if not path.exists() or is_ours(path):  # missing, or empty
                    writable_folder(path.parent)
                    self._writers.submit(write_video, path, kind, folders, [file_name(step) for step in steps])

    def _add_to_sheet(self, frames: DemoFrames, steps: range) -> None:
        chosen = dict.fromkeys((steps[0], steps[len(steps) // 2], steps[-1]))
        self._sheet.append(
            [
                Sample(
                    f"{frames.demo}, {view.name}, step {step}",
                    {name: frames.folder(view.name, name) / file_name(step) for name in self._modalities},
                )
                for view in self._views
                for step in chosen
            ]
        )
