from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies import function

COUNT = {"count": torch.tensor([[[1.0]], [[2.0]]])}


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Callable[..., function.FunctionPolicy]:
    """Makes a policy of a function, as one in a module."""

    def policy(own: Any, **about: Any) -> function.FunctionPolicy:
        module = ModuleType("of_the_tests")
        for key, value in about.items():
            setattr(own, key, value)
        vars(module)["act"] = own
        monkeypatch.setitem(__import__("sys").modules, "of_the_tests", module)
        assert function.is_meant("of_the_tests:act")
        return function.opened("of_the_tests:act", device="cpu", num_envs=2)

    return policy


def test_it_says_what_it_takes_by_attributes(named: Callable[..., function.FunctionPolicy]) -> None:
    brought: list[str] = []
    about = {"observed": ("count",), "history": 2, "actions": "eef_absolute", "rate": 10, "device": brought.append}
    told = named(lambda observations, episodes: None, **about).contract
    assert told.observed is not None
    assert [one.name for one in told.observed] == ["count"]
    assert (told.history, told.actions, told.rate, told.made_of["function"]) == (
        2,
        "eef_absolute",
        10,
        "of_the_tests:act",
    )
    assert brought == ["cpu"]
    plain = named(lambda observations, episodes: None).contract
    assert (plain.observed, plain.history, plain.actions, plain.alone) == (None, 1, None, False)


def test_memory_is_an_episodes(named: Callable[..., function.FunctionPolicy]) -> None:
    def act(observations: dict[str, torch.Tensor], episodes: list[function.Episode]) -> torch.Tensor:
        for episode in episodes:
            episode.memory["calls"] = episode.memory.get("calls", 0) + 1
        return torch.tensor([[one.memory["calls"], one.seed] for one in episodes]) + observations["count"][:, 0]

    policy = named(act)
    policy.begin([0, 1], [10, 20], "do it")
    first = asyncio.run(policy.act([0, 1], COUNT))
    policy.begin([1], [30], "do it")
    second = asyncio.run(policy.act([0, 1], COUNT))
    assert first.tolist() == [[[2.0, 11.0]], [[3.0, 22.0]]]
    assert second.tolist() == [[[3.0, 11.0]], [[3.0, 32.0]]]


def test_what_is_no_tensor_of_actions_is_refused(named: Callable[..., function.FunctionPolicy]) -> None:
    policy = named(lambda observations, episodes: [1, 2])
    policy.begin([0, 1], [1, 2], "")
    with pytest.raises(PolicyError, match="'of_the_tests:act' returned list, expected a tensor of shape"):
        asyncio.run(policy.act([0, 1], COUNT))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no_such_module:act", "module 'no_such_module' cannot be imported .*PYTHONPATH"),
        ("json:act", "module 'json' has no function 'act'"),
        ("json:__doc__", "expected a function, and '__doc__' is str"),
    ],
)
def test_what_is_no_function_is_refused(what: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        function.opened(what, device="cpu", num_envs=1)


@pytest.mark.parametrize("what", ["zeros", "replay:demos.hdf5", "a/b.pth", "gr00t://host:5555", "a:b:c", "1:a", ":a"])
def test_what_is_called_otherwise_is_not_meant(what: str) -> None:
    assert not function.is_meant(what)
