"""Encoding off the loop: processes that share memory with what draws, and a bounded number of batches in it."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.images.pixels import Frames as Drawn
from mimicgen.datagen.dataset.images.renderer import kind_of
from mimicgen.datagen.dataset.images.views import View
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.rendering import process
from mimicgen.datagen.rendering.encoder import Encoder, End, Frames, Images, Pixels

WAITING = 4
"""Batches that there is room for at least: one that is drawn, and others that are encoded."""

FEWEST = 12
"""Frames that there is room for at least, so that a batch of one leaves the encoders enough to do."""

MOST = 16
"""Processes at most: more are not known to help, and each takes memory and a second of a core to start."""

SECONDS = 0.0015
"""What an image of a video takes to encode, until it is known."""

NEWEST = 0.1
"""Weight of the newest batch in what an image takes."""

CLOSING = 60.0
"""Seconds that a process has to finish what it has begun, when the run ends."""


@dataclass
class Batch:
    """Room for the frames of a batch.

    Attributes:
        frames: The arrays, by view and modality.
        pixels: Where they are in the shared memory.
        pending: What is being made of them.
    """

    frames: Drawn
    pixels: dict[str, dict[str, Pixels]]
    pending: list[Future[None]] = field(default_factory=list)

    def first(self, count: int) -> Drawn:
        """Return the first of its frames."""
        return {view: {name: rows[:count] for name, rows in own.items()} for view, own in self.frames.items()}

    def where(self, view: str, modality: str, count: int) -> Pixels:
        """Return where the first images of a view and modality are."""
        own = self.pixels[view][modality]
        return Pixels(own.offset, (count, *own.shape[1:]), own.dtype)


class Encoders:
    """Encodes images in processes of their own, as many as there are cores to spare, or else in threads.

    Args:
        views: The views that are drawn.
        modalities: What is drawn of each.
        batch: How many frames are drawn at once.

    Attributes:
        memory: What the batches lie in.
        count: How many processes, or threads, there are.
        beside: How many demonstrations are to be drawn in turn to keep all of them busy with videos: each is encoded by
            one of them, and some take longer than others.
    """

    def __init__(self, views: Iterable[View], modalities: Sequence[str], batch: int):
        sizes = [(view.name, name, *kind_of(view, name)) for view in views for name in modalities]
        one = sum(_rounded(batch * math.prod(shape) * kind.itemsize) for _, _, shape, kind in sizes)
        self.count = min(MOST, max(1, (os.cpu_count() or 2) - 1))
        self.beside = 4 * math.ceil(self.count / len(sizes)) + 1 if self.count > 1 else 1
        count = max(WAITING, self.beside + 1, math.ceil(FEWEST / batch))
        self._descriptor = os.memfd_create("mimicgen.datagen images", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, one * count)
        shared = mmap.mmap(self._descriptor, one * count)
        self.memory: NDArray[np.uint8] = np.frombuffer(shared, np.uint8)
        self._batches = [_batch(self.memory, number * one, batch, sizes) for number in range(count)]
        # An application that embeds Python may be `sys.executable` itself, and cannot be started as one.
        shares = self._descriptor if Path(sys.executable).name.startswith("python") else None
        self._lines: list[_Line] = []
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            for _ in range(self.count):
                self._lines.append(_Line(shares, self.memory))
            failing.pop_all()
        self._homes: dict[Path, tuple[_Line, str, float]] = {}
        """Of every video that is begun: who encodes it, of what it is one, and what an image was to take then [s]."""
        self._seconds: dict[str, float] = {}

    def free(self) -> Batch | None:
        """Return a batch of whose frames everything has been made; None when there is none.

        Raises:
            OutputError: A file could not be written.
        """
        for batch in self._batches:
            batch.pending = unfinished(batch.pending)
            if not batch.pending:
                return batch
        return None

    def share_out(self, films: Mapping[Path, str]) -> None:
        """Let each of some videos be encoded by who has least to do, those first that take longest.

        Args:
            films: Of what each is one: videos of the same camera and kind take about the same time.
        """
        seconds = {path: self._seconds.get(film, SECONDS) for path, film in films.items()}
        for path in sorted(films, key=lambda path: -seconds[path]):
            line = min(self._lines, key=lambda line: line.load)
            line.load += seconds[path]
            self._homes[path] = line, films[path], seconds[path]

    def submit(self, work: Images | Frames | End, batch: Batch | None = None) -> Future[None]:
        """Have something made of a batch; what belongs to one video is done in order.

        Args:
            work: What.
            batch: Whose frames it is made of; they stay until it is done.
        """
        match work:
            case Images():
                future = min(self._lines, key=lambda line: line.waiting).submit(work)
            case Frames():
                line, film, _ = self._homes[work.path]
                images = next(iter(work.pixels.values())).shape[0]
                future = line.submit(work, lambda seconds: self._took(film, seconds / images))
            case End():
                line, _, expected = self._homes.pop(work.path)
                line.load -= expected
                future = line.submit(work)
        if batch is not None:
            batch.pending.append(future)
        return future

    def _took(self, film: str, seconds: float) -> None:
        """Note what an image took; of two that are told at once one may be lost, which does not matter."""
        before = self._seconds.get(film, seconds)
        self._seconds[film] = before + NEWEST * (seconds - before)

    def close(self) -> None:
        """End the processes; what they are making is finished, and what waits is dropped."""
        for line in self._lines:
            line.stop()
        for line in self._lines:
            line.close()
        os.close(self._descriptor)


def unfinished(work: Iterable[Future[None]]) -> list[Future[None]]:
    """Return what is not done yet.

    Raises:
        OutputError: Some of it failed.
    """
    left = []
    for future in work:
        if future.done():
            future.result()
        else:
            left.append(future)
    return left


class _Line:
    """A process, or without shared memory a thread, that does one thing after the other.

    Attributes:
        waiting: What it was given and has not done.
        load: What an image of each video takes that it has begun and not ended, together [s].
    """

    def __init__(self, shares: int | None, memory: NDArray[np.uint8]):
        self.waiting, self.load = 0, 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mimicgen.datagen encoder")
        self._here = Encoder(memory) if shares is None else None
        self._process: subprocess.Popen[bytes] | None = None
        if shares is None:
            return
        package = str(Path(__file__).resolve().parents[3])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
        self._process = subprocess.Popen(
            [sys.executable, "-m", process.__name__, str(shares)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            pass_fds=[shares],
            start_new_session=True,  # an interrupt is for the run, which ends its encoders when all is written
        )

    def submit(self, work: Images | Frames | End, took: Callable[[float], None] | None = None) -> Future[None]:
        """Have something done, and be told how long that took [s]."""
        self.waiting += 1
        future = self._thread.submit(self._do, work, took)
        future.add_done_callback(self._count)
        return future

    def stop(self) -> None:
        """Drop what waits, and let the process end when it has finished what it is doing."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        self._thread.shutdown()
        if self._here is not None:
            self._here.close()
        if self._process is not None:
            try:
                self._process.communicate(timeout=CLOSING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()

    def _do(self, work: Images | Frames | End, took: Callable[[float], None] | None) -> None:
        begin = time.perf_counter()
        if self._here is not None:
            self._here.do(work)
        else:
            self._tell(work)
        if took is not None:
            took(time.perf_counter() - begin)

    def _tell(self, work: Images | Frames | End) -> None:
        """Have the process do something, and wait for it."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(work, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
            error = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as gone:
            raise OutputError(
                "output 'frames': the process that encodes them has ended or is out of order; see its messages in the "
                "log, and run this again"
            ) from gone
        if error is not None:
            raise error

    def _count(self, future: Future[None]) -> None:
        self.waiting -= 1


def _batch(
    memory: NDArray[np.uint8],
    offset: int,
    count: int,
    sizes: Sequence[tuple[str, str, tuple[int, ...], np.dtype[Any]]],
) -> Batch:
    """Return a batch that begins somewhere in the memory."""
    found = Batch({}, {})
    for view, modality, shape, kind in sizes:
        where = Pixels(offset, (count, *shape), kind.str)
        found.frames.setdefault(view, {})[modality] = where.of(memory)
        found.pixels.setdefault(view, {})[modality] = where
        offset += _rounded(count * math.prod(shape) * kind.itemsize)
    return found


def _rounded(size: int) -> int:
    """Return a size in whole pages."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
