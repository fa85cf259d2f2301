"""What is recorded of a plan. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.generation.running import result

CODE = """
async def main():
    told = {}
    for noise in (0.0, 0.02):
        settings = {"task": "stack", "source": "datasets/stack_demos.hdf5", "num_envs": 2, "mimic__action_noise": noise}
        async with opened(**settings) as generator:
            while not (ended := await generator.ended()):
                generator.step(await generator.actions(1))
            episode = generator.episodes(ended)[0]["obs"]["datagen_info"]
        hand, asked, planned = (
            episode[name]["robot"][:, :3, 3] for name in ("eef_pose", "target_eef_pose", "planned_eef_pose")
        )
        apart = np.abs(asked - planned).max(axis=1)
        noisy = (asked - planned)[apart > 1e-4]  # a way to where a segment begins has none
        told[noise] = {
            "apart": float(apart.max()),
            "noise": float(noisy.std()) if len(noisy) else 0.0,
            "begins": planned[0].tolist(),
            "ahead": float(np.linalg.norm(planned - hand, axis=1).max()),
        }
    print("RESULT", json.dumps(told))

asyncio.run(main())
"""


def test_poses_of_the_plan_are_what_actions_ask_for_without_their_noise(tmp_path: Path) -> None:
    found = result(CODE, tmp_path)
    exact, noisy = found["0.0"], found["0.02"]
    assert exact["apart"] < 1e-5
    assert exact["noise"] == 0
    assert exact["ahead"] > 0.01
    assert noisy["noise"] == pytest.approx(0.02, rel=0.1)
    assert noisy["begins"] == pytest.approx(exact["begins"], abs=1e-6)
