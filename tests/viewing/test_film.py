"""Films for the viewer."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from mimicgen.datagen.viewing.film import filmed

av = pytest.importorskip("av")


def test_frames_are_there_and_the_processors_stay_shared() -> None:
    before = os.sched_getscheduler(0)
    images = [np.full((33, 48, 3), 20 * step, np.uint8) for step in range(7)]
    film, count = filmed(images)
    with av.open(io.BytesIO(film)) as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert (count, len(seen), seen[0].shape) == (7, 7, (32, 48, 3)), "an odd row is left out"
    assert [round(float(frame.mean()) / 20) for frame in seen] == [*range(7)]
    assert os.sched_getscheduler(0) == before == os.SCHED_OTHER
