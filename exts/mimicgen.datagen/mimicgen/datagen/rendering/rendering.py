"""Rendering demonstrations: their states, batch by batch, become images on disk that belong to their steps.

A batch is drawn when its turn comes and there is room for it; encoding and writing go on meanwhile. So a run can draw
between its steps, and nothing waits for a disk.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.sections import RenderConfig
from mimicgen.datagen.dataset.images.looks import Look, backgrounds_in, draw_look
from mimicgen.datagen.dataset.images.pixels import Frames, frame_of
from mimicgen.datagen.dataset.images.reading import WrittenImages
from mimicgen.datagen.dataset.images.renderer import Renderer
from mimicgen.datagen.dataset.images.room import Room
from mimicgen.datagen.dataset.images.views import views_of
from mimicgen.datagen.dataset.names import rendered_as
from mimicgen.datagen.dataset.outputs.writers import Writers
from mimicgen.datagen.dataset.states import StateSequence
from mimicgen.datagen.errors import RenderError
from mimicgen.datagen.progress import Drawing
from mimicgen.datagen.rendering.checks import DemoChecks, FrameChecks
from mimicgen.datagen.rendering.encoding import Batch, Encoders
from mimicgen.datagen.rendering.frames import DemoFrames
from mimicgen.datagen.rendering.sheet import Sample, samples_of, write_sheet
from mimicgen.datagen.rendering.video import check_encoder


@dataclass
class Rendered:
    """What a run has rendered.

    Attributes:
        complete: Completely rendered demonstrations.
        failed: What was wrong, by demonstration.
        frames: Frames drawn; each holds every view and modality.
        seconds: Time spent on drawing them [s].
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


@dataclass(frozen=True)
class _Wanted:
    """A demonstration that waits to be drawn.

    Attributes:
        name: What it is called.
        demo: The demonstration whose states it has: itself, unless it is a look of another one.
        number: Which look it is.
        states: Returns the states.
    """

    name: str
    demo: str
    number: int
    states: Callable[[], StateSequence]


@dataclass
class _UnderWay:
    """The demonstration that is being drawn.

    Attributes:
        frames: Its frames.
        states: Its states; None where its frames are complete, and read to make videos of them.
        steps: The steps to draw.
        checks: The checks of its frames.
        done: How many of them are drawn.
        read: The images to make videos of, by view and modality.
    """

    frames: DemoFrames
    states: StateSequence | None
    steps: range
    checks: DemoChecks
    done: int = 0
    read: dict[tuple[str, str], WrittenImages] = field(default_factory=dict)


class Rendering:
    """Renders demonstrations of one run, in the order in which they are added, some of them beside each other.

    Args:
        config: What to render.
        root: The run's output folder.
        renderer: What draws.
        about: What manifests say about where the demonstrations come from.
        points: See `FrameChecks`.
        seed: The run's seed, from which looks are drawn.

    Attributes:
        rendered: What has been rendered so far.
        drawing: How far the latest demonstration is, None before the first one.

    Raises:
        SetupError: Videos are wanted and cannot be encoded, or pictures to put behind the scene and there are none.
    """

    def __init__(
        self,
        config: RenderConfig,
        root: Path,
        renderer: Renderer,
        about: dict[str, Any],
        points: Mapping[str, tuple[float, float, float]],
        seed: int = 1,
    ):
        self._seed = seed
        self._backgrounds = backgrounds_in(config.looks.backgrounds) if config.looks.count else ()
        if config.videos or config.format == "video":
            check_encoder()
        self._config = config
        self._root = root
        self._renderer = renderer
        self._about = about
        self._views = views_of(config)
        self._modalities = config.drawn()
        self._checks = FrameChecks(set(renderer.labels) - set(config.unseen), renderer.colours, points)
        self._encoders = Encoders(self._views, self._modalities, renderer.batch)
        self._writers = Writers(threads=1)
        self._queue: deque[_Wanted] = deque()
        self._room: tuple[str, Room] | None = None
        # What has a look is not drawn in turn: putting one on takes as long as a few batches.
        several = config.format == "video" and not config.looks.count
        self._beside = self._encoders.beside if several else 1
        self._under_way: deque[_UnderWay] = deque()
        self._on_disk: deque[tuple[list[Future[None]], Path]] = deque()
        self._writing: deque[tuple[DemoFrames, range]] = deque()
        self._latest: Path | None = None
        self._sheet: list[list[Sample]] = []
        self.rendered = Rendered()
        self.drawing: Drawing | None = None
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            renderer.lend(self._encoders.memory)
            failing.pop_all()

    @property
    def waiting(self) -> bool:
        """Whether something is to be drawn."""
        return bool(self._under_way or self._queue)

    @property
    def written(self) -> bool:
        """Whether everything that was drawn of whole demonstrations is on the disk."""
        return not self._writing

    def add(self, demo: str, states: Callable[[], StateSequence]) -> None:
        """Have a demonstration rendered, as it is or with all of its looks.

        Args:
            demo: Its name.
            states: Returns its states, when its turn comes.
        """
        names = rendered_as(demo, self._config.looks.count)
        self._queue.extend(_Wanted(name, demo, number, states) for number, name in enumerate(names))

    async def advance(self) -> None:
        """Draw the next batch, if there is room for it.

        Raises:
            RenderError: A check failed; the demonstration is left out, and the next one is next.
            OutputError: A file cannot be written, or frames of something else are there.
        """
        begin = time.perf_counter()
        try:
            if self._queue and len(self._under_way) < self._beside:
                self._begin(self._queue.popleft())
            batch = self._encoders.free() if self._under_way else None
            if batch is not None:
                await self._draw(self._under_way.popleft(), batch)
        finally:
            self.rendered.seconds += time.perf_counter() - begin

    def collect(self) -> None:
        """Note what has come to be on the disk.

        Raises:
            OutputError: A file could not be written.
        """
        while self._on_disk and all(future.done() for future in self._on_disk[0][0]):
            _, self._latest = self._on_disk.popleft()
        while self._writing and self._writing[0][0].is_written():
            frames, steps = self._writing.popleft()
            frames.finish()
            self._complete(frames, steps)

    async def finish(self, next_frame: Callable[[], Awaitable[None]]) -> None:
        """Write the contact sheet of what is complete.

        Raises:
            OutputError: It cannot be written.
        """
        if self._sheet:
            self._writers.submit(write_sheet, self._root / "contact_sheet.png", self._sheet, self._renderer.colours)
        await self._writers.written(next_frame)

    def close(self) -> None:
        """End the encoders; what is not written by now is not written."""
        try:
            self._encoders.close()
        finally:
            self._writers.close()

    def _begin(self, wanted: _Wanted) -> None:
        """Let a demonstration be drawn next, unless everything is there."""
        states = wanted.states()
        steps = range(0, len(states), self._config.every)
        about = self._about | {"states": states.digest(), "steps": len(states), "every": self._config.every}
        look, seen = self._look(wanted, states), self._config
        if look is not None:
            seen = look.seen(seen)
            about |= {"parent": wanted.demo, "look": look.to_json()}
        frames = DemoFrames(self._root, wanted.name, seen, about, self._renderer.colours)
        complete = frames.complete()
        if complete and not frames.lacks_videos():
            self.drawing = Drawing(demo=wanted.name, frames=len(steps), total=len(steps), latest=self._latest)
            self._complete(frames, steps)
            return
        frames.begin(only_videos=complete)
        read = frames.written() if complete else {}
        if not complete and look is not None:
            self._renderer.put_on(look)
        checks = self._checks.demonstration(views_of(seen))
        self._under_way.appendleft(_UnderWay(frames, None if complete else states, steps, checks, read=read))

    def _look(self, wanted: _Wanted, states: StateSequence) -> Look | None:
        """Return the look of a demonstration that is to be drawn, None for that of the scene."""
        if not self._config.looks.count:
            return None
        if self._room is None or self._room[0] != wanted.demo:
            self._room = wanted.demo, self._renderer.room(states.before)
        of = (self._config, self._seed, wanted.demo, wanted.number)
        return draw_look(*of, self._room[1], self._backgrounds)

    async def _draw(self, now: _UnderWay, batch: Batch) -> None:
        steps = now.steps[now.done : now.done + self._renderer.batch]
        drawn = batch.first(len(steps))
        try:
            if now.states is None:
                for (view, modality), images in now.read.items():
                    for row, image in enumerate(images.some(now.done, now.done + len(steps))):
                        drawn[view][modality][row] = image
            else:
                await self._draw_states(now, steps, drawn)
        except RenderError as error:
            self.rendered.failed[now.frames.demo] = str(error)
            now.frames.end(self._encoders, whole=False)
            raise
        now.done += len(steps)
        latest = now.frames.add(steps, batch, self._encoders)
        if latest is not None:
            self._on_disk.append((batch.pending, latest))
        self.drawing = Drawing(demo=now.frames.demo, frames=now.done, total=len(now.steps), latest=self._latest)
        self.rendered.frames += len(steps)
        if now.done < len(now.steps):
            self._under_way.append(now)
        else:
            now.frames.end(self._encoders, whole=True)
            self._writing.append((now.frames, now.steps))

    async def _draw_states(self, now: _UnderWay, steps: range, drawn: Frames) -> None:
        """Draw some steps, and check the frames."""
        assert now.states is not None
        if not now.done:
            self._checks.keep()
        await self._renderer.draw(now.states.at(*steps), drawn)
        if not now.done:
            now.checks.first(frame_of(drawn, 0), now.states.at(0))
        now.checks.every(drawn)
        if now.done + len(steps) == len(now.steps):
            now.checks.end(len(now.steps))

    def _complete(self, frames: DemoFrames, steps: range) -> None:
        self.rendered.complete.append(frames.demo)
        folders = {
            view.name: {name: frames.folder(view.name, name) for name in self._modalities} for view in self._views
        }
        self._sheet.append(samples_of(frames.demo, folders, steps))
