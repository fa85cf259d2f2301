"""Observations that give away what is to be learned."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


def repeats_action(array: h5py.Dataset, actions: NDArray[Any]) -> bool:
    """Return whether an observation is the action, of this step or of the one before.

    Args:
        array: The observation, shape (steps, ...).
        actions: Shape (steps, action_dim).
    """
    if array.shape != actions.shape:
        return False
    values = array[:]
    return bool(np.array_equal(values, actions) or np.array_equal(values[1:], actions[:-1]))
