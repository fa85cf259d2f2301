from __future__ import annotations

import pytest

from mimicgen.datagen.progress import State
from mimicgen.datagen.ui.controls import controls

ENABLED = {
    State.IDLE: {"start", "edit"},
    State.STARTING: {"stop"},
    State.RUNNING: {"pause", "stop"},
    State.PAUSED: {"resume", "stop"},
    State.STOPPING: set(),
    State.DONE: {"start", "edit"},
    State.FAILED: {"start", "edit"},
}


@pytest.mark.parametrize("state", State)
def test_a_state_enables_what_the_session_allows(state: State) -> None:
    assert {name for name, enabled in vars(controls(state, valid=True)).items() if enabled} == ENABLED[state]
    assert not controls(state, valid=False).start
