"""Observations once a step, against Isaac Lab's own. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result


def test_what_a_step_gives_is_computed_once_and_what_isaac_lab_computes(tmp_path: Path) -> None:
    code = """
import torch
from isaaclab.managers import ObservationManager
from mimicgen.datagen.isaaclab.managers import observing

def same(found, expected):
    if isinstance(found, dict):
        return found.keys() == expected.keys() and all(same(found[name], expected[name]) for name in found)
    return torch.equal(found, expected)

async def main():
    async with opened(num_envs=2, mode="replay", num_trials=10, guarantee=False) as generator:
        env = generator._env
        manager = env.observation_manager
        upstream = ObservationManager(env.cfg.observations, env)
        counts, compute_group = [], manager.compute_group
        def counted(*given, **named):
            counts[-1] += 1
            return compute_group(*given, **named)
        manager.compute_group = counted
        right = []
        with torch.inference_mode():
            for step in range(12):
                counts.append(0)
                found, *_ = env.step(torch.zeros(2, 7).uniform_(-0.3, 0.3))
                right.append(same(found, upstream.compute()))
                if step == 6:
                    counts.append(0)
                    found, _ = env.reset(env_ids=torch.tensor([1]))
                    right.append(same(found, upstream.compute()))
        groups = len(manager.active_terms)
    print("RESULT", json.dumps({"counts": counts, "groups": groups, "right": right,
        "ours": type(manager) is observing.ObservationsOnceAStep}))

asyncio.run(main())
"""
    found = result(code, tmp_path)
    assert found["ours"]
    assert found["groups"] >= 2
    assert set(found["counts"]) == {found["groups"]}
    assert found["right"] == [True] * 13
