"""The timelines of a recording: steps, and the seconds that they take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rerun as rr
from numpy.typing import NDArray

from mimicgen.datagen.viewing.demonstrations import Motion

STEP, TIME = "step", "time"


class Moments:
    """What says when something was.

    Args:
        step_seconds: Length of a step [s].
    """

    def __init__(self, step_seconds: float):
        self._step_seconds = step_seconds

    def of(self, motion: Motion) -> list[rr.TimeColumn]:
        """Return when a motion's rows were."""
        return self.at(np.arange(len(motion.values)) + motion.first)

    def at(self, steps: Sequence[int] | NDArray[np.int64]) -> list[rr.TimeColumn]:
        """Return when some steps were."""
        numbers = np.asarray(steps, dtype=np.int64)
        return [rr.TimeColumn(STEP, sequence=numbers), rr.TimeColumn(TIME, duration=numbers * self._step_seconds)]
