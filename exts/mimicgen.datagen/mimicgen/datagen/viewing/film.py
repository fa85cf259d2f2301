"""Encodes frames for the viewer: AV1, which its native window decodes without another program, and browsers do, too."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from mimicgen.datagen.dataset.formats.processors import shared_processors
from mimicgen.datagen.dataset.images.pixels import Image
from mimicgen.datagen.dataset.sources.guard import alive

OPTIONS = {"crf": "30", "preset": "8", "g": "15", "svtav1-params": "lp=2"}
"""Of SVT-AV1. Every 15th frame can be decoded without another, so that scrubbing is quick."""

SMALLEST = 16
"""Height and width that the encoder takes at least [pixels]."""

RATE = 100
"""Frames a second of the video alone: which step each frame shows is said elsewhere."""


def filmed(images: Iterable[Image]) -> tuple[bytes, int]:
    """Return images as a video, MP4, in which frame k is at k / `RATE` seconds, and how many they are.

    Args:
        images: Shape (height, width, 3) uint8 each; an odd last row or column is left out.
    """
    os.environ.setdefault("SVT_LOG", "1")  # errors alone; the encoder has no other way to be told in time
    import av

    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as container:
        stream: Any = None
        count = 0
        for count, image in enumerate(images, 1):
            alive()
            height, width = (edge // 2 * 2 for edge in image.shape[:2])
            if stream is None:
                stream = container.add_stream("libsvtav1", rate=RATE)
                stream.height, stream.width, stream.pix_fmt, stream.options = height, width, "yuv420p", OPTIONS
            pixels = np.ascontiguousarray(image[:height, :width])
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = count - 1, Fraction(1, RATE)
            with shared_processors():
                packets = stream.encode(frame)
            container.mux(packets)
        if stream is not None:
            container.mux(stream.encode())
    return film.getvalue(), count
