from __future__ import annotations

import asyncio

import pytest
import torch

from mimicgen.datagen.attempts.randomness import Streams
from mimicgen.datagen.attempts.underway import UnderWay
from mimicgen.datagen.errors import ConfigError, SourceError
from mimicgen.datagen.policies import choosing
from mimicgen.datagen.policies.agreeing import Offered
from mimicgen.datagen.policies.builtin import Replayed
from mimicgen.datagen.policies.policy import LearnedPolicy
from mimicgen.datagen.tasks.defaults import TASK
from tests.conftest import SHIPPED_DEMOS

OFFERED = Offered(task=TASK, observed={}, action_dims={"recorded": 7}, rate=20.0)


def opened(what: str) -> LearnedPolicy:
    return asyncio.run(choosing.opened(what, OFFERED, None, device="cpu", num_envs=4))


def test_nobody_acts_and_chance_does_by_episode() -> None:
    zeros, chance = opened("zeros"), opened("random")
    for policy in (zeros, chance):
        policy.begin([0, 1, 2], [5, 6, 5], "")
    assert not asyncio.run(zeros.act([0, 1], {})).any()
    first, second, third = asyncio.run(chance.act([0, 1, 2], {}))
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
    assert first.shape == (1, 7)
    assert first.abs().max() <= 1


def test_a_demonstration_is_replayed_and_then_nothing_moves() -> None:
    policy = opened(f"replay:{SHIPPED_DEMOS}")
    assert isinstance(policy, Replayed)
    assert (policy.count, policy.contract.action_dim) == (10, 7)
    attempt = UnderWay(number=3, env=1, seed=1, streams=Streams(1, "cpu"), signals={})
    demo, steps, state = policy.start(attempt)
    assert demo == "demo_2"
    assert state["articulation"]["robot"]["joint_position"].shape[0] == 1
    taken = torch.stack([asyncio.run(policy.act([1], {}))[0, 0] for _ in range(steps + 2)])
    assert taken[:steps, :6].abs().amax(dim=1).gt(0).any()
    assert not taken[steps:, :6].any()
    assert torch.equal(taken[steps:, 6], taken[steps - 1 : steps + 1, 6]), "the gripper stays as it was told"


def test_what_is_nothing_is_refused_with_what_there_is() -> None:
    with pytest.raises(
        ConfigError, match=r"policy = 'best': expected .*module:function, replay:DATASET, zeros or random"
    ):
        opened("best")
    with pytest.raises(SourceError, match=r"nothing\.hdf5"):
        opened("replay:nothing.hdf5")
