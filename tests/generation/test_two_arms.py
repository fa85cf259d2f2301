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
