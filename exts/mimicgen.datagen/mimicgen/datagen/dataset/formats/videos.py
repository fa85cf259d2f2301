"""Videos of what cameras show, a step a frame, as policies are trained from: encoded once, then joined as they are."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from mimicgen.datagen.dataset.folders import explained
from mimicgen.datagen.dataset.formats.images import Images
from mimicgen.datagen.dataset.formats.processors import shared_processors
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.ours import VIDEO
from mimicgen.datagen.dataset.sources.guard import alive
from mimicgen.datagen.errors import ConfigError, SourceError

Encoding = Literal["av1", "h264", "copy"]
ENCODINGS: dict[Encoding, str] = {
    "av1": "as lerobot writes them",
    "h264": "larger, read by every decoder",
    "copy": "the lossless videos of a rendering (render.format = video) as they are, without encoding anything again",
}
"""How images are encoded; depth always without loss, as lerobot does it."""

_DEPTH = "depth"

_CODECS: dict[str, tuple[str, str, dict[str, str]]] = {
    "av1": ("libsvtav1", "yuv420p", {"g": "2", "crf": "30", "preset": "12", "svtav1-params": "fast-decode=0:lp=1"}),
    "h264": ("libx264", "yuv420p", {"g": "2", "crf": "23", "preset": "veryfast", "x264-params": "mbtree=0"}),
    _DEPTH: (
        "libx265",
        "gray12le",
        {"g": "2", "preset": "ultrafast", "x265-params": "lossless=1:pools=none:frame-threads=1:log-level=error"},
    ),
}
"""Encoder, pixels and options. Every second frame can be decoded without another. Each has one thread: more would make
other bytes, and other episodes are encoded beside. So would x264's macroblock tree: with it one encoding in four had
other bytes than the same one before."""

_TOLD: dict[str, dict[str, Any]] = {
    "av1": {"codec": "av1", "pix_fmt": "yuv420p", "g": 2, "crf": 30, "preset": 12},
    "h264": {"codec": "h264", "pix_fmt": "yuv420p", "g": 2, "crf": 23, "preset": "veryfast"},
    "copy": {"codec": "h264", "pix_fmt": "gbrp", "g": 30, "crf": 0, "preset": "ultrafast"},
    _DEPTH: {"codec": "hevc", "pix_fmt": "gray12le", "g": 2, "crf": 0, "preset": "ultrafast"},
}
"""What `meta/info.json` says of each."""

NEAREST, FARTHEST, SHIFT = 0.01, 10.0, 3.5
"""Depths of the first and the last of 4096 steps, and what is added before the logarithm is taken [m]: lerobot's."""

_STEPS = 4095


def check_images(images: Sequence[Images], encoding: Encoding) -> None:
    """Check that videos can be made of some images.

    Raises:
        ConfigError: They cannot; the message names the images.
    """
    for image in images:
        if image.height % 2 or image.width % 2:
            raise ConfigError(
                f"images of {image.name} have {image.width} x {image.height} pixels; a video needs even numbers: "
                "render them with others (--width, --height)"
            )
        if encoding == "copy" and image.modality != _DEPTH and _lossless(image) is None:
            raise ConfigError(
                f"images '{image.folder or image.array}' are no video that could be copied; render them with --set "
                "render.format=video, or pass --video av1"
            )


def info_of(image: Images, encoding: Encoding, fps: int) -> dict[str, Any]:
    """Return what `meta/info.json` says of the videos of some images."""
    depth = image.modality == _DEPTH
    told: dict[str, Any] = {
        "video.height": image.height,
        "video.width": image.width,
        "video.fps": fps,
        "video.channels": 1 if depth else 3,
        "has_audio": False,
        "video.fast_decode": 0,
        "video.video_backend": "pyav",
        "video.extra_options": {"x265-params": "lossless=1"} if depth else {},
        **{f"video.{name}": value for name, value in _TOLD[_DEPTH if depth else encoding].items()},
    }
    if depth:
        told |= {"video.depth_min": NEAREST, "video.depth_max": FARTHEST, "video.shift": SHIFT, "video.use_log": True}
        told["depth_unit"] = "mm"
    return told | {"is_depth_map": depth}


def write_video(
    path: Path, image: Images, demo: h5py.Group, encoding: Encoding, fps: int, look: Callable[[int, Image], None]
) -> int:
    """Write the video of an episode.

    Args:
        path: File to write.
        image: Its images.
        demo: The demonstration.
        encoding: How they are encoded.
        fps: Frames a second.
        look: What is done with every image besides.

    Returns:
        How many images there were.

    Raises:
        SourceError: An image is missing.
        OutputError: The file cannot be written.
    """
    images = image.frames(demo)
    if image.modality == _DEPTH or encoding != "copy":
        return _encode(path, images, *_CODECS[_DEPTH if image.modality == _DEPTH else encoding], fps, look)
    source = _lossless(image)
    assert source is not None
    _copy(path, source, fps)
    count = 0
    for count, pixels in enumerate(images, 1):
        look(count - 1, pixels)
    return count


def _lossless(image: Images) -> Path | None:
    """Return the video that images are in, None where each is a file of its own, or they are in a dataset."""
    video = image.folder / VIDEO if image.folder is not None else None
    return video if video is not None and video.is_file() else None


def _encode(
    path: Path,
    images: Iterable[Image],
    codec: str,
    pixels: str,
    options: dict[str, str],
    fps: int,
    look: Callable[[int, Image], None],
) -> int:
    """Encode images, all of one size, and return how many there were."""
    os.environ.setdefault("SVT_LOG", "1")  # errors alone
    import av

    count = 0
    with explained(path), _explained(path, av.FFmpegError), av.open(str(path), "w") as container:
        stream: Any = None
        for count, image in enumerate(images, 1):
            if stream is None:
                stream = container.add_stream(codec, rate=fps, options=options)
                stream.height, stream.width, stream.pix_fmt = *image.shape[:2], pixels
                stream.thread_count = 1
            if image.ndim == 2:
                frame = av.VideoFrame.from_ndarray(quantised(image), format="gray12le")
            else:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = count - 1, Fraction(1, fps)
            with shared_processors():
                packets = stream.encode(frame)
            container.mux(packets)
            look(count - 1, image)
        if stream is not None:
            alive(10**9)
            container.mux(stream.encode())
    return count


def _copy(path: Path, source: Path, fps: int) -> None:
    """Write the packets of a video without frames between others, with another number of them a second."""
    import av

    with (
        explained(path),
        _explained(path, av.FFmpegError),
        av.open(str(path), "w") as out,
        av.open(str(source)) as container,
    ):
        (own,) = container.streams.video
        stream = out.add_stream_from_template(own, opaque=True)
        stream.time_base = Fraction(1, fps)
        count = 0
        for packet in container.demux(own):
            if packet.dts is not None:
                packet.pts = packet.dts = count
                packet.duration, packet.time_base = 1, Fraction(1, fps)
                packet.stream = stream
                out.mux(packet)
                count += 1


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
