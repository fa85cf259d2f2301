"""What of an action tells which hand where to be."""

from __future__ import annotations

import numpy as np
import pytest

from mimicgen.datagen.dataset.sources.commands import Command, quaternions, relative_columns, round_trip_error

TWO = (
    Command(eef="left", robot="one", begin=0, relative=True),
    Command(eef="right", robot="other", begin=7, relative=False),
)


def test_only_relative_poses_are_clamped() -> None:
    assert relative_columns(TWO, 15).tolist() == [True] * 6 + [False] * 9
    assert not relative_columns((), 7).any()


def test_a_quaternion_comes_back_as_a_unit_one_with_either_sign() -> None:
    action = np.zeros(15)
    assert quaternions(TWO) == {"right": 10}
    action[10:14] = [0.6, 0.0, 0.8, 0.0]
    assert round_trip_error(TWO, action) == pytest.approx(0.0, abs=1e-12)
    assert round_trip_error(TWO, -action) == pytest.approx(0.0, abs=1e-12)
    action[:6] = 5.0  # relative: added to where the hand is, and taken off again
    assert round_trip_error(TWO, action) == pytest.approx(0.0, abs=1e-12)
    assert round_trip_error(TWO, 2 * action) == pytest.approx(0.8)
    assert np.isnan(round_trip_error(TWO, np.zeros(15)))
