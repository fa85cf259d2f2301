"""Resets with every attempt's own random numbers; what they do is compared with Isaac Lab's in test_machine.py."""

from __future__ import annotations

import json
from pathlib import Path

from tests.generation.running import OPEN, python


def test_events_that_are_not_known_draw_from_the_devices_own_generator(tmp_path: Path) -> None:
    """On CUDA a host's stream would leave them to the generator that all attempts share."""
    code = (
        OPEN
        + """
import types
from mimicgen.datagen.isaaclab.resets import Resets
known = Resets(env)
manager = env.event_manager
terms = [manager.get_term_cfg(name) for name in manager.active_terms["reset"]]
fog = types.SimpleNamespace(func=print)
strange = types.SimpleNamespace(active_terms={"reset": ["fog"]}, get_term_cfg=lambda _: fog)
elsewhere = types.SimpleNamespace(device="cuda:0", event_manager=strange)
print("RESULT", json.dumps([known.draws_on, Resets(elsewhere).draws_on, len(terms)]))
"""
    )
    line = next(line for line in python(code, tmp_path).splitlines() if line.startswith("RESULT "))
    known, unknown, terms = json.loads(line.removeprefix("RESULT "))
    assert known == "cpu"
    assert unknown == "cuda:0"
    assert terms > 0
