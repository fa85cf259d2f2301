"""A policy acts in the tests' Kit application, as in a user's: beside the loop, paused and stopped with the run."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from mimicgen.datagen.progress import State
from tests.conftest import Kit
from tests.kit.runs import MakeConfig, frames, records, run_record, until
from tests.policies import networks

NETWORK = "tests.policies.networks:act"


def fetched(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def test_an_evaluation_is_paused_goes_on_and_is_stopped(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config("evaluate", policy=NETWORK, num_trials=4, num_envs=2, max_steps=25, live_port=0)
    kit.session.start(config)
    live: list[dict[str, Any]] = []

    async def person() -> None:
        await until(kit, lambda progress: progress.steps >= 5)
        kit.session.pause()
        steps = kit.session.progress.steps
        await frames(kit, 10)
        assert kit.session.progress.steps == steps
        assert kit.session.state is State.PAUSED
        kit.session.resume()
        await until(kit, lambda progress: progress.attempts == 2)
        live.append(await asyncio.to_thread(fetched, f"{kit.session.progress.live}records"))
        kit.session.stop("seen enough")
        await kit.session.finished()

    kit.run(person())
    attempts = records(config)
    assert [one["number"] for one in live[0]["attempts"]] == [1, 2]
    assert live[0]["run"]["config"]["policy"] == NETWORK
    assert [one["outcome"] for one in attempts][:2] == ["failure"] * 2
    assert {one["outcome"] for one in attempts[2:]} <= {"abandoned"}
    record = run_record(config)
    assert record["end"] == {"reason": "seen enough", "exit_code": 130}
    assert (record["counts"]["attempts"], record["policy"]["made_of"]["function"]) == (2, NETWORK)


def test_what_an_image_shows_is_observed(kit: Kit, make_config: MakeConfig) -> None:
    config = make_config(
        "evaluate",
        policy="tests.policies.networks:seeing",
        num_trials=2,
        num_envs=2,
        max_steps=3,
        **{"observe.cameras": "table_cam", "observe.width": 48, "observe.height": 32},
    )
    kit.session.start(config)
    end = kit.run(kit.session.finished())
    assert (end.reason, end.exit_code) == ("target reached", 0)
    assert run_record(config)["policy"]["observed"] == ["table_cam_rgb"]


def test_everything_is_seen_in_another_look(kit: Kit, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the network is shown, and how; the episodes are the same."""
    shown = []
    for look in (0, 1, 1, 2):
        seen: list[Any] = []
        monkeypatch.setattr(networks, "SEEN", seen)
        config = make_config(
            "evaluate",
            policy="tests.policies.networks:seeing",
            num_trials=1,
            max_steps=1,
            **{"observe.cameras": "table_cam", "observe.width": 48, "observe.height": 32, "vary.look": look},
        )
        kit.session.start(config)
        assert kit.run(kit.session.finished()).exit_code == 0
        shown.append(seen[0])
    plain, one, again, two = shown
    assert (one == again).all()
    assert (one != plain).float().mean() > 0.3
    assert (one != two).float().mean() > 0.3
