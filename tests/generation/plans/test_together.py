"""Plans that are made together, as for CUDA devices, against those made one by one. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result

CODE = """
from mimicgen.datagen.generation.plans.together import Together

async def planned(together):
    settings = {"task": "stack", "source": "datasets/stack_demos.hdf5", "num_envs": 5, "seed": 3}
    rows, ends = [], []
    async with opened(**settings, **sys_settings) as generator:
        policy = generator._policy
        fits = Together.fits(policy._planner, generator._env)
        if together:
            policy._together = Together(policy._planner, policy._noise.stop - policy._noise.start, 5)
        while True:  # nobody steps, so objects and hands stay where they are
            await generator.actions(1000)
            rows.append([own[:count].copy() for own, count in zip(policy._rows, policy._until)])
            policy._at[:] = policy._until - 1
            if any(one.last for one in policy.over()):
                break
        segments = [[own.demo, own.start, own.end, own.over]
                    for env in range(5) for own in policy._progress[env].attempt.segments]
    return rows, segments, fits

async def main():
    told = []
    for sys_settings in ({}, {"mimic__nn_k": 1, "mimic__num_interpolation_steps": 0, "mimic__num_fixed_steps": 4},
                         {"mimic__interpolate_from_last_target_pose": False, "mimic__select_source_per_subtask": False,
                          "mimic__transform_first_robot_pose": False, "mimic__num_fixed_steps": 0}):
        globals()["sys_settings"] = sys_settings
        (one, segments, fits), (other, again, _) = await planned(False), await planned(True)
        told.append({"same": segments == again, "fits": fits, "plans": len(one), "segments": len(segments),
            "steps": [len(own) for own in one[0]], "also": [len(own) for own in other[0]],
            "apart": max(float(np.abs(a - b).max()) for x, y in zip(one, other, strict=True)
                         for a, b in zip(x, y, strict=True))})
    print("RESULT", json.dumps(told))

asyncio.run(main())
"""


def test_plans_made_together_are_those_made_one_by_one(tmp_path: Path) -> None:
    for told in result(CODE, tmp_path):
        assert told["same"]
        assert told["steps"] == told["also"]
        assert (told["plans"], told["segments"]) == (2, 10)
        assert told["apart"] < 1e-5
        assert not told["fits"], "on a CPU an attempt is the same to the last bit beside others"
