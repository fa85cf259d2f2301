"""Terminations of tasks that have none, against Isaac Lab's manager. Without a Kit application."""

from __future__ import annotations

from pathlib import Path

from tests.generation.running import result


def test_nobody_ends_as_with_isaac_labs_manager_and_terms_are_refused(tmp_path: Path) -> None:
    code = """
import torch
from isaaclab.managers import TerminationManager, TerminationTermCfg
from mimicgen.datagen.isaaclab.managers.terminations import NoTerminations

async def main():
    async with opened(num_envs=2) as generator:
        env = generator._env
        ours, upstream = env.termination_manager, TerminationManager({}, env)
        env.termination_manager = upstream
        expected = [one.tolist() for one in env.step(torch.zeros(2, 7))[2:4]]
        env.termination_manager = ours
        ours._terminated_buf[1] = True  # as a reset asked for in a window leaves it
        env.step(torch.zeros(2, 7))
        found = [one.tolist() for one in env.step(torch.zeros(2, 7))[2:4]]
        try:
            NoTerminations({"ended": TerminationTermCfg(func=lambda env: env.reset_buf)}, env)
            refused = ""
        except AssertionError as error:
            refused = str(error)
        print("RESULT", json.dumps({"ours": type(ours).__name__, "expected": expected, "found": found,
                                    "lengths": env.episode_length_buf.tolist(), "refused": refused}))

with torch.inference_mode():
    asyncio.run(main())
"""
    found = result(code, tmp_path)
    assert found["ours"] == "NoTerminations"
    assert found["found"] == found["expected"] == [[False, False], [False, False]]
    assert len(set(found["lengths"])) == 1
    assert found["lengths"][0] >= 3, "no environment was reset"
    assert found["refused"] == "there are terms; they have to be asked"
