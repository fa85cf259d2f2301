"""Disturbed attempts in the simulation: what is done to them, and what is recorded. Without a Kit application."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.generation.running import result

CODE = """
settings = {"task": "stack", "source": "datasets/stack_demos.hdf5", "num_envs": 4, "seed": 3}

async def recorded(count, **values):
    found = {}
    async with opened(**settings, **values) as generator:
        while len(found) < count:
            ended = await generator.ended()
            for attempt, episode in zip(ended, generator.episodes(ended) if ended else (), strict=True):
                found[attempt.number] = json.loads(attempt.to_json()), dict(episode)
            generator.step(await generator.actions(count))
    return found

def flat(values, path=""):
    for key, value in values.items():
        yield from flat(value, path + key + "/") if hasattr(value, "items") else ((path + key, value),)

async def main():
    plain = await recorded(4)
    disturbed = await recorded(4, mimic__perturb=0.5)
    told = []
    for number in sorted(plain):
        (before, one), (after, other) = plain[number], disturbed[number]
        one, other = dict(flat(one)), dict(flat(other))
        for record in (before, after):
            del record["seconds"], record["env"]
        alike = before == after and all(np.array_equal(one[key], other[key], equal_nan=True) for key in one)
        told.append({"alike": alike, **after})
        if after.get("perturbed"):
            step = after["perturbed"]["step"]
            executed, said = other["processed_actions"][:, :6], other["actions"][:, :6]
            led = np.abs(executed - said * np.median(executed[0] / said[0])).max(axis=1)
            cube = other["states/rigid_object/red_cube/root_pose"][:, :3]
            jumps = np.linalg.norm(np.diff(cube[:100], axis=0), axis=1)
            hand = other["obs/datagen_info/eef_pose/robot"][:, :3, 3]
            told[-1] |= {
                "led": np.nonzero(led > 1e-4)[0].tolist(),
                "jumps": np.nonzero(jumps[: step + 5] > 0.01)[0].tolist(),
                "moved": (cube[step] - cube[step - 1]).tolist(),
                "observed": other["obs/object"][step : step + 2, :2].tolist(),
                "away": float(np.linalg.norm(hand[step] - cube[step - 1])),
                "last": np.abs(other["obs/actions"][1:] - other["actions"][:-1]).max().item(),
            }
    print("RESULT", json.dumps(told))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Four attempts, each made without disturbances and with them in half of the attempts."""
    assert (PROJECT / "datasets" / "stack_demos.hdf5").is_file()
    found: list[dict[str, Any]] = result(CODE, tmp_path_factory.mktemp("perturbed"))
    return found


def kind(told: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in told if one.get("perturbed", {}).get("kind") == name]


def test_attempts_that_are_not_disturbed_are_as_they_are_without(told: list[dict[str, Any]]) -> None:
    assert [one["alike"] for one in told] == ["perturbed" not in one for one in told]
    assert kind(told, "push")
    assert kind(told, "move")
    assert len(kind(told, "push")) + len(kind(told, "move")) < len(told)


def test_a_pushed_hand_is_led_off_its_way_while_the_actions_are_recorded_that_it_was_told(
    told: list[dict[str, Any]],
) -> None:
    for one in kind(told, "push"):
        own = one["perturbed"]
        assert one["led"] == list(range(own["step"], own["step"] + own["steps"]))
        assert one["jumps"] == [], "nothing else is moved"


def test_an_object_is_moved_once_while_the_hand_is_away_within_its_range(told: list[dict[str, Any]]) -> None:
    for one in kind(told, "move"):
        own = one["perturbed"]
        assert one["led"] == []
        assert one["jumps"] == [own["step"] - 1]
        assert one["moved"][:2] == pytest.approx(own["by"][:2], abs=2e-3)
        assert abs(one["moved"][2]) < 1e-3, "it stays on the table"
        assert one["away"] > 0.08
        before, after = one["observed"]
        assert after[0] - before[0] == pytest.approx(own["by"][0], abs=2e-3), "the next observation shows it"
        x, y, _ = one["starts"]["red_cube"]
        assert 0.42 <= x + own["by"][0] <= 0.58
        assert -0.08 <= y + own["by"][1] <= 0.08


def test_the_rest_of_the_subtask_is_planned_anew_and_leads_to_success(told: list[dict[str, Any]]) -> None:
    for one in (*kind(told, "push"), *kind(told, "move")):
        own = one["perturbed"]
        first, second, *_ = one["segments"]
        assert (first["subtask"], second["subtask"], own["subtask"]) == (0, 0, 0)
        assert first["over"] == second["begun"] == own["step"] + own["steps"]
        assert one["last"] < 1e-6, "the last action, as it is observed, is the one that was recorded"
    assert sum(one["outcome"] == "success" for one in told) >= 3
