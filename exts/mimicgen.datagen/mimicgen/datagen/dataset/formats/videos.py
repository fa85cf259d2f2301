"""Videos of what cameras show, a step a frame, as policies are trained from: encoded once, then joined as they are."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import ConfigError, SourceError

COLOUR = "libsvtav1"
"""What lerobot 0.6 encodes colour with."""

COMPATIBLE = "libx264"
"""What every decoder reads."""

_OPTIONS: dict[str, dict[str, str]] = {
    "libsvtav1": {"g": "2", "crf": "30", "preset": "12", "svtav1-params": "fast-decode=0:lp=1"},
    "libx264": {"g": "2", "crf": "23", "preset": "veryfast"},
    "libx265": {"g": "2", "x265-params": "lossless=1:pools=none:frame-threads=1:log-level=error"},
}
"""Every second frame can be decoded without another. One thread each: several would make other bytes, and other
episodes are encoded beside."""

_FORMATS = {"libsvtav1": "yuv420p", "libx264": "yuv420p", "libx265": "gray12le"}

NEAREST, FARTHEST, SHIFT = 0.01, 10.0, 3.5
"""Depths of the first and the last of 4096 steps, and what is added before the logarithm is taken [m]: lerobot's."""

_STEPS = 4095


def check_size(image: Images) -> None:
    """Check that a video can have the size of some images.

    Raises:
        ConfigError: It cannot.
    """
    if image.height % 2 or image.width % 2:
        raise ConfigError(
            f"images of {image.name} have {image.width} x {image.height} pixels; a video needs even numbers: render "
            "them with others (--width, --height)"
        )


def codec_of(image: Images, colour: str) -> str:
    """Return what images are encoded with: depth without loss, in 12 bits."""
    return "libx265" if image.modality == "depth" else colour


def info_of(image: Images, fps: int) -> dict[str, Any]:
    """Return what `meta/info.json` says of the videos of some images."""
    depth = image.modality == "depth"
    told: dict[str, Any] = {
        "video.height": image.height,
        "video.width": image.width,
        "video.codec": "hevc" if depth else "av1",
        "video.pix_fmt": "gray12le" if depth else "yuv420p",
        "video.fps": fps,
        "video.channels": 1 if depth else 3,
        "has_audio": False,
        "video.g": 2,
        "video.crf": 30,
        "video.preset": None if depth else 12,
        "video.fast_decode": 0,
        "video.video_backend": "pyav",
        "video.extra_options": {"x265-params": "lossless=1"} if depth else {},
    }
    if depth:
        told |= {"video.depth_min": NEAREST, "video.depth_max": FARTHEST, "video.shift": SHIFT, "video.use_log": True}
        told["depth_unit"] = "mm"
    return told | {"is_depth_map": depth}


def encode(path: Path, images: Iterable[Image], codec: str, fps: int, look: Callable[[int, Image], None]) -> int:
    """Encode images as a video.

    Args:
        path: File to write.
        images: The images, all of one size, which is even.
        codec: Name of the encoder.
        fps: Frames a second.
        look: What is done with every image besides.

    Returns:
        How many there were.

    Raises:
        SourceError: An image is missing.
        OutputError: The file cannot be written.
    """
    os.environ.setdefault("SVT_LOG", "1")  # errors alone
    import av

    count = 0
    with explained(path), _explained(path, av.FFmpegError), av.open(str(path), "w") as container:
        stream: Any = None
        for count, image in enumerate(images, 1):
            if stream is None:
                stream = container.add_stream(codec, rate=fps, options=_OPTIONS[codec])
                stream.height, stream.width, stream.pix_fmt = *image.shape[:2], _FORMATS[codec]
                stream.thread_count = 1
            if image.ndim == 2:
                frame = av.VideoFrame.from_ndarray(quantised(image), format="gray12le")
            else:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = count - 1, Fraction(1, fps)
            container.mux(stream.encode(frame))
            look(count - 1, image)
        if stream is not None:
            alive(10**9)
            container.mux(stream.encode())
    return count


def join(path: Path, videos: Sequence[tuple[Path, int]], fps: int) -> None:
    """Join videos of one encoder, one after the other, packet by packet.

    Args:
        path: File to write.
        videos: The videos, and how many frames each has.
        fps: Their frames a second.

    Raises:
        OutputError: The file cannot be written.
    """
    import av

    begin = 0
    with (
        explained(path),
        _explained(path, av.FFmpegError),
        av.open(str(path), "w", options={"movflags": "faststart"}) as out,
    ):
        stream: Any = None
        for video, frames in videos:
            alive(video.stat().st_size)
            with av.open(str(video)) as container:
                (own,) = container.streams.video
                if stream is None:
                    stream = out.add_stream_from_template(own, opaque=True)
                    stream.time_base = own.time_base
                offset = int(Fraction(begin, fps) / own.time_base)
                for packet in container.demux(own):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                        packet.stream = stream
                        out.mux(packet)
            begin += frames


def quantised(depth: NDArray[Any]) -> NDArray[np.uint16]:
    """Return depth [mm], (height, width) uint16, in 4096 steps of its logarithm, as lerobot's 12 bits say it."""
    global _table
    if _table is None:
        shift, near, far = np.float32(SHIFT * 1000), np.float32(NEAREST * 1000), np.float32(FARTHEST * 1000)
        low, high = math.log(float(near + shift)), math.log(float(far + shift))
        every = (np.log(np.arange(2**16, dtype=np.float32) + shift) - low) / (high - low)
        _table = np.rint(every * _STEPS).clip(0, _STEPS).astype(np.uint16)
    return np.asarray(_table[depth])


_table: NDArray[np.uint16] | None = None
"""The step of every depth in whole millimetres."""


@contextlib.contextmanager
def _explained(path: Path, kind: type[Exception]) -> Iterator[None]:
    """Say which video could not be made.

    Raises:
        SourceError: The codec refused.
    """
    try:
        yield
    except kind as error:
        if isinstance(error, OSError) and error.errno:  # of the disk, which is told elsewhere
            raise OSError(error.errno, error.strerror) from error
        raise SourceError(f"the video '{path}' cannot be made: {error}; render the images again") from error
