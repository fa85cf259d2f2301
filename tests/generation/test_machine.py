"""All environments in one state machine, against Isaac Lab's own generator. Without a Kit application."""

from __future__ import annotations

import re
from pathlib import Path

from tests.generation.running import result


def test_actions_are_those_of_isaac_labs_generator(tmp_path: Path) -> None:
    """Same seed and sources, one environment: the same attempts, action by action."""
    code = """
ours, taken, facts = asyncio.run(run(1, mimic__keep_clear=False))
memory = list(notes)
reference, expected, other = asyncio.run(run(1, mimic__reference=True))
steps = ours[0].steps
print("RESULT", json.dumps({"ours": told(ours), "reference": told(reference), "steps": steps, "notes": list(notes),
    "memory": memory,
    "difference": float(np.abs(taken[:steps] - expected[:steps]).max()),
    "batched": [facts["batched"], other["batched"]]}))
"""
    found = result(code, tmp_path)
    ours, reference = found["ours"][0], found["reference"][0]
    for attempt in (ours, reference):
        del attempt["seconds"]
    assert ours == reference
    assert found["steps"] > 100
    assert set(ours["starts"]) == {"cube_1", "cube_2", "cube_3"}
    assert all(0.3 < x < 0.7 and -0.2 < y < 0.2 for x, y, _ in ours["starts"].values())
    assert found["difference"] <= 1e-5
    assert found["batched"] == [True, False]
    assert any(re.fullmatch(r"records take \d+\.\d MB of memory: \d+ steps", note) for note in found["memory"])
    assert any("Isaac Lab's own generator" in note and "mimic.reference is set" in note for note in found["notes"])
    assert any("mimic.keep_clear does not apply" in note for note in found["notes"])
    assert not any("keep_clear" in note for note in found["memory"])


def test_isaac_labs_own_settings_give_its_own_actions(tmp_path: Path) -> None:
    """`config/upstream.toml` against Isaac Lab's generator: one source an attempt, its noise, its interpolation."""
    code = """
from pathlib import Path
from mimicgen.datagen.config.layers import read_toml
upstream = {key.replace(".", "__"): value for key, value in read_toml(Path("config/upstream.toml")).items()}
ours, taken, _ = asyncio.run(run(2, seed=3, early_abort=False, **upstream))
reference, expected, _ = asyncio.run(run(2, seed=3, early_abort=False, **upstream | {"mimic__reference": True}))
steps = sum(attempt.steps for attempt in ours)
print("RESULT", json.dumps({"ours": told(ours), "reference": told(reference),
    "difference": float(np.abs(taken[:steps] - expected[:steps]).max())}))
"""
    found = result(code, tmp_path)
    for attempt in (*found["ours"], *found["reference"]):
        del attempt["seconds"]
    assert found["ours"] == found["reference"]
    assert {len({segment["demo"] for segment in attempt["segments"]}) for attempt in found["ours"]} == {1}
    assert found["difference"] <= 1e-5


def test_a_hopeless_attempt_is_ended_early_by_either_generator_or_watched(tmp_path: Path) -> None:
    """With noise that no grasp survives: ended at the first subtask, or played to its end and marked."""
    code = """
noisy = {"mimic__action_noise": 0.4, "num_envs": 4}
early, _, _ = asyncio.run(run(4, **noisy))
noisy["num_envs"] = 2
watched, _, _ = asyncio.run(run(2, early_abort=False, **noisy))
reference, _, _ = asyncio.run(run(2, mimic__reference=True, **noisy))
print("RESULT", json.dumps([told(early), told(watched), told(reference)]))
"""
    early, watched, reference = result(code, tmp_path)
    for attempt in (*early, *reference):
        assert attempt["outcome"] == "failure"
        assert attempt["overdue"] == "grasp_1"
        why, lacking = attempt["reason"].split(": nearest at step ")
        assert (
            why == f"ended early: its subtask was over after {attempt['steps']} steps and signal 'grasp_1' had not come"
        )
        assert int(lacking.split(":")[0]) <= attempt["steps"]
        assert "robot" in lacking, "its tool is too far away, or its fingers are open"
        assert "wanted" in lacking or "allowed" in lacking
        assert len(attempt["segments"]) == 1
    for attempt in watched:
        assert attempt["overdue"] == "grasp_1"
        assert attempt["steps"] > 1.5 * max(one["steps"] for one in early)
        assert "ended early" not in attempt["reason"]
        # Later it may come: a hand that flails can pass a cube with its fingers half closed, which counts as a grasp.
        assert re.match(r"signal '(grasp|stack)_1' never came", attempt["reason"])
        assert "nearest at step" in attempt["reason"]


def test_an_attempt_is_the_same_when_environments_wait_to_be_reset_together(tmp_path: Path) -> None:
    code = """
noisy = {"mimic__action_noise": 0.4, "num_envs": 4}
alone, _, _ = asyncio.run(run(7, **noisy))
from mimicgen.datagen.generation import machine
machine.GROUPS = 2
together, taken, _ = asyncio.run(run(7, **noisy))
print("RESULT", json.dumps([told(alone), told(together)]))
"""
    alone, together = ({attempt["number"]: attempt for attempt in told} for told in result(code, tmp_path))
    alike = sorted(alone.keys() & together.keys())
    assert len(alike) >= 5
    for number in alike:
        for told in (alone[number], together[number]):
            del told["seconds"], told["env"]
        assert alone[number] == together[number]


def test_buffers_hold_what_isaac_labs_recorder_does(tmp_path: Path) -> None:
    """Both record the same steps, with a reset of one environment on the way, past the buffers' first size."""
    code = """
import torch
from isaaclab.managers import RecorderManager
from mimicgen.datagen.isaaclab.managers import recording

class Both:
    def __init__(self, *managers):
        self.managers = managers
    def __getattr__(self, name):
        values = [getattr(manager, name) for manager in self.managers]
        def call(*given, **named):
            return [value(*given, **named) for value in values][0]
        return call if callable(values[0]) else values[0]

async def main():
    async with opened(num_envs=2, mode="replay", num_trials=10, guarantee=False) as generator:
        env = generator._env
        buffers = env.recorder_manager
        assert isinstance(buffers, recording.EpisodeBuffers)
        env.recorder_manager = Both(buffers, RecorderManager(env.cfg.recorders, env))
        actions = torch.zeros(2, 7)
        with torch.inference_mode():
            env.recorder_manager.reset([0, 1])
            env.reset()
            for step in range(90):
                if step == 20:
                    env.recorder_manager.reset([1])
                    env.reset(env_ids=torch.tensor([1]))
                env.step(actions.uniform_(-0.1, 0.1))
        lengths, differences, names = [], [], []
        for env_id, ours in enumerate(buffers.episodes([0, 1])):
            upstream = env.recorder_manager.managers[1].get_episode(env_id)
            upstream.pre_export()
            def compare(one, other, path):
                assert one.keys() == other.keys(), (path, one.keys(), other.keys())
                for name in one:
                    if isinstance(one[name], dict):
                        compare(one[name], other[name], path + "/" + name)
                        continue
                    assert one[name].dtype == other[name].numpy().dtype, name
                    assert one[name].shape == tuple(other[name].shape), (name, one[name].shape, other[name].shape)
                    same = np.array_equal(one[name], other[name].numpy(), equal_nan=one[name].dtype.kind == "f")
                    names.append(path + "/" + name)
                    if not same:
                        differences.append(path + "/" + name)
            compare(ours, upstream.data, "")
            lengths.append(len(ours["actions"]))
        env.recorder_manager = buffers
        print("RESULT", json.dumps([lengths, differences, len(names)]))

asyncio.run(main())
"""
    lengths, differences, compared = result(code, tmp_path)
    assert lengths == [90, 70]
    assert differences == []
    assert compared > 50


def test_an_action_that_is_no_number_ends_its_attempt_alone(tmp_path: Path) -> None:
    code = """
async def main(**values):
    ended, steps = [], 0
    async with opened(num_envs=2, **values) as generator:
        while len(ended) < 2:
            ended += await generator.ended()
            actions = (await generator.actions(2)).clone()
            steps += 1
            if steps == 30:
                actions[1, 3] = float("nan")
            generator.step(actions)
        reach = generator._env.scene["robot"].data.joint_pos.torch
        ended.sort(key=lambda attempt: -attempt.env)
        return [told([one])[0] for one in ended], bool(np.isfinite(reach.numpy()).all())

print("RESULT", json.dumps([asyncio.run(main()), asyncio.run(main(mimic__reference=True))]))
"""
    ours, reference = result(code, tmp_path)
    assert ours[0][0]["steps"] == 30, "it ends there, where Isaac Lab's generator goes on to the end"
    for (spoilt, whole), finite in (ours, reference):
        assert (spoilt["env"], spoilt["outcome"]) == (1, "failure")
        assert spoilt["reason"] == "the action of step 30 was not finite, and was not taken"
        assert (whole["env"], whole["outcome"]) == (0, "success")
        assert finite


def test_sources_whose_poses_are_rounded_give_numbers(tmp_path: Path) -> None:
    """With this seed upstream's interpolation between two of the shipped poses was NaN, for twenty steps."""
    code = """
shipped = {"task": "stack_three", "source": "datasets/stack_three_demos.hdf5", "mimic__action_noise": 0.0}
ended, taken, _ = asyncio.run(run(1, num_envs=1, seed=25005, **shipped))
print("RESULT", json.dumps([told(ended), bool(np.isfinite(taken).all()), len(taken)]))
"""
    (attempt,), finite, steps = result(code, tmp_path)
    assert finite
    assert attempt["outcome"] == "success"
    assert steps >= attempt["steps"] > 300
