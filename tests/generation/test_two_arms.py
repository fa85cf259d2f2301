"""Demonstrations by two arms, from the shipped sources. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import PROJECT
from tests.generation.running import result


def test_two_hands_lift_a_tray_together(tmp_path: Path) -> None:
    code = f"""
source = {str(PROJECT / "datasets" / "two_arm_lift_demos.hdf5")!r}
ours, _, facts = asyncio.run(run(2, task="two_arm_lift", source=source, num_envs=2, seed=5))
print("RESULT", json.dumps({{"ours": told(ours), "batched": facts["batched"]}}))
"""
    found = result(code, tmp_path)
    assert found["batched"]
    assert [attempt["outcome"] for attempt in found["ours"]] == ["success", "success"]
    for attempt in found["ours"]:
        both = [one for one in attempt["segments"] if one["subtask"] == 1]
        assert {one["eef"] for one in both} == {"left", "right"}
        assert len({one["demo"] for one in both}) == 1, "both follow one demonstration when they lift"


def test_a_hammer_goes_from_hand_to_hand(tmp_path: Path) -> None:
    """Who takes begins when the other holds out; who hands over lets go when the other has it."""
    code = f"""
source = {str(PROJECT / "datasets" / "handover_demos.hdf5")!r}
ours, _, _ = asyncio.run(run(2, task="handover", source=source, num_envs=2, seed=5))
print("RESULT", json.dumps(told(ours)))
"""
    for attempt in result(code, tmp_path):
        assert {"grasp_right", "held_out"} <= {name for name, step in attempt["signals"].items() if step is not None}
        taking = {
            one["eef"]: one for one in attempt["segments"] if one["subtask"] == {"right": 2, "left": 1}[one["eef"]]
        }
        assert taking["left"]["demo"] == taking["right"]["demo"], "as in one demonstration"
        assert abs(taking["left"]["begun"] - taking["right"]["begun"]) <= 1, "together"
