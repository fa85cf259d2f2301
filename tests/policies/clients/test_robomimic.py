"""Checkpoints of robomimic, against robomimic's own rollouts."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.clients import robomimic as own
from mimicgen.datagen.policies.clients.drawing import Randoms, drawn
from tests.conftest import SHIPPED_DEMOS
from tests.policies.clients.robomimics import ACTIONS, OBSERVED, trained

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="torchvision is missing; ./scripts/setup.sh --with policies"
)

ON = {"enabled": True}
NETWORKS: dict[str, dict[str, Any]] = {
    "BC": {},
    "BC_RNN": {"rnn": ON},
    "BC_RNN open loop": {"rnn": {**ON, "open_loop": True, "rnn_type": "GRU"}},
    "BC_Transformer": {"transformer": ON},
}
MIXTURES: dict[str, dict[str, Any]] = {
    "BC_GMM": {"gmm": ON},
    "BC_RNN_GMM": {"rnn": ON, "gmm": {**ON, "low_noise_eval": False}},
    "BC_Transformer_GMM": {"transformer": ON, "gmm": ON},
}
EPISODE = 12
"""Steps: more than two horizons of the recurrent networks."""

Observations = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


def checkpoint(folder: Path, name: str, **values: Any) -> Path:
    """Return a checkpoint of a network, trained once."""
    path = folder / f"{name} {' '.join(values)}.pth"
    if not path.exists():
        trained(path, SHIPPED_DEMOS, **(NETWORKS | MIXTURES)[name], **values)
    return path


def opened(path: Path, num_envs: int) -> own.RobomimicPolicy:
    return asyncio.run(own.opened(str(path), device="cpu", num_envs=num_envs))


def episodes(count: int) -> list[Observations]:
    """Return what is observed in episodes, each by name of shape (EPISODE, ...)."""
    made = torch.Generator().manual_seed(7)
    return [{name: torch.randn(EPISODE, size, generator=made) for name, size in OBSERVED.items()} for _ in range(count)]


def run(policy: own.RobomimicPolicy, envs: list[int], seen: list[Observations], seeds: list[int]) -> torch.Tensor:
    """Return the actions of episodes that run side by side, shape (len(envs), EPISODE, action_dim)."""
    policy.begin(envs, seeds, "")
    taken = []
    for step in range(EPISODE):
        last = [max(step - back, 0) for back in range(policy.contract.history)][::-1]
        rows = {name: torch.stack([one[name][last] for one in seen]) for name in OBSERVED}
        taken.append(asyncio.run(policy.act(envs, rows)))
    assert all(action.shape == (len(envs), 1, ACTIONS) for action in taken)
    return torch.cat(taken, dim=1)


def robomimics(path: Path) -> Any:
    from robomimic.utils import file_utils

    policy, _ = file_utils.policy_from_checkpoint(device=torch.device("cpu"), ckpt_path=str(path))
    return policy


def rolled_out(path: Path, seen: Observations, history: int) -> Iterator[Any]:
    """Yield robomimic's own action of every step; frames are stacked as its environments' wrapper does."""
    policy = robomimics(path)
    policy.start_episode()
    for step in range(EPISODE):
        last = [max(step - back, 0) for back in range(history)][::-1]
        with torch.no_grad():
            action = policy({name: own[last if history > 1 else step].numpy() for name, own in seen.items()})
        yield action


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_robomimic_action_by_action(folder: Path, name: str) -> None:
    path = checkpoint(folder, name)
    first, second = episodes(2)
    policy = opened(path, 3)
    alone = run(policy, [1], [first], [5])
    wanted = np.stack([*rolled_out(path, first, policy.contract.history)])
    np.testing.assert_array_equal(alone[0].numpy(), wanted)
    together = run(policy, [2, 0], [second, first], [1, 2])
    np.testing.assert_allclose(together[1].numpy(), wanted, atol=1e-6)


def test_episodes_that_began_at_different_times_keep_their_own_memory(folder: Path) -> None:
    path = checkpoint(folder, "BC_RNN")
    first, second = episodes(2)
    policy = opened(path, 2)
    policy.begin([0], [1], "")
    head = []
    for step in range(3):
        seen = {name: values[step][None, None] for name, values in first.items()}
        head.append(asyncio.run(policy.act([0], seen)))
    policy.begin([1], [1], "")
    tail = []
    for step in range(3, EPISODE):
        pair = {name: torch.stack([first[name][step], second[name][step - 3]])[:, None] for name in OBSERVED}
        tail.append(asyncio.run(policy.act([0, 1], pair)))
    wanted = np.stack([*rolled_out(path, first, 1)])
    np.testing.assert_allclose(torch.cat(head + [own[:1] for own in tail], dim=1)[0], wanted, atol=1e-6)
    late = np.stack([*rolled_out(path, second, 1)])[: EPISODE - 3]
    np.testing.assert_allclose(torch.cat([own[1:] for own in tail], dim=1)[0], late, atol=1e-6)


@pytest.mark.parametrize("name", MIXTURES)
def test_draws_from_robomimics_distribution(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every step the same mixture as robomimic's, whose own draws do not matter, and not the process's generator."""
    path = checkpoint(folder, name)
    (seen,) = episodes(1)
    mixtures: list[Any] = []
    sample = torch.distributions.MixtureSameFamily.sample

    def noted(mixture: Any, *given: Any) -> Any:
        mixtures.append(mixture)
        return sample(mixture, *given)

    monkeypatch.setattr(torch.distributions.MixtureSameFamily, "sample", noted)
    own_mixtures: list[Any] = []

    def drawn_from(mixture: Any, *given: Any) -> Any:
        own_mixtures.append(mixture)
        return drawn(mixture, *given)

    monkeypatch.setattr(own, "drawn", drawn_from)
    policy = opened(path, 1)
    list(rolled_out(path, seen, policy.contract.history))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    taken = run(policy, [0], [seen], [11])[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert len(mixtures) == len(own_mixtures) == EPISODE
    for action, mixture, ours in zip(taken, mixtures, own_mixtures, strict=True):
        normal, same = (one.component_distribution.base_dist for one in (mixture, ours))
        torch.testing.assert_close(same.loc, normal.loc)
        torch.testing.assert_close(same.scale, normal.scale)
        torch.testing.assert_close(ours.mixture_distribution.probs, mixture.mixture_distribution.probs)
        means, deviations = (one.reshape(-1, *one.shape[-2:])[-1] for one in (normal.loc, normal.scale))
        assert ((action - means) / deviations).abs().max(dim=-1).values.min() < 5


def test_what_is_drawn_follows_the_mixture() -> None:
    weights, means = torch.tensor([0.1, 0.6, 0.3]), torch.tensor([[-5.0, 1.0], [0.0, 2.0], [5.0, 3.0]])
    deviations = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    count = 4000
    normal = torch.distributions.Normal(means.expand(count, 3, 2), deviations.expand(count, 3, 2))
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(probs=weights.expand(count, 3)), torch.distributions.Independent(normal, 1)
    )
    randoms = Randoms(count)
    randoms.begin(range(count), range(count))
    found = drawn(mixture, randoms, range(count))
    near = (found[:, :1] - means[:, 0]).abs().argmin(dim=1)
    for component in range(3):
        rows = found[near == component]
        assert len(rows) / count == pytest.approx(float(weights[component]), abs=0.03)
        np.testing.assert_allclose(rows.mean(0), means[component], atol=0.1)
        np.testing.assert_allclose(rows.std(0), deviations[component], rtol=0.15)


def test_an_episode_depends_on_its_seed_alone(folder: Path) -> None:
    path = checkpoint(folder, "BC_RNN_GMM")
    first, second, third = episodes(3)
    policy = opened(path, 5)
    alone = run(policy, [0], [first], [11])
    beside = run(policy, [4, 2, 1], [second, first, third], [3, 11, 8])
    np.testing.assert_allclose(beside[1], alone[0], atol=1e-5)
    assert not torch.allclose(run(policy, [0], [first], [12]), alone, atol=1e-3)


def test_normalized_images_and_numbers(folder: Path) -> None:
    path = checkpoint(folder, "BC", images=32)
    policy = opened(path, 1)
    observed = {one.name: one.shape for one in policy.contract.observed or ()}
    assert observed == {"front_rgb": (32, 32, 3)} | {name: (size,) for name, size in OBSERVED.items()}
    picture = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8)
    numbers = {name: torch.randn(size) for name, size in OBSERVED.items()}
    policy.begin([0], [1], "")
    seen = {name: own[None, None] for name, own in (numbers | {"front_rgb": picture}).items()}
    found = asyncio.run(policy.act([0], seen))[0, 0]
    theirs = robomimics(path)
    theirs.start_episode()
    as_observed = {name: own.numpy() for name, own in numbers.items()}
    as_observed["front_image"] = picture.permute(2, 0, 1).numpy() / np.float32(255)
    np.testing.assert_allclose(found, theirs(as_observed), atol=1e-6)

    path = checkpoint(folder, "BC", normalized=True)
    policy = opened(path, 1)
    (seen,) = episodes(1)
    wanted = np.stack([*rolled_out(path, seen, 1)])
    np.testing.assert_allclose(run(policy, [0], [seen], [1])[0], wanted, atol=1e-6)


def test_the_contract_says_what_the_checkpoint_says(folder: Path) -> None:
    contract = opened(checkpoint(folder, "BC_Transformer"), 1).contract
    assert {one.name: one.shape for one in contract.observed or ()} == {
        name: (size,) for name, size in OBSERVED.items()
    }
    assert (contract.history, contract.action_dim, contract.rate, contract.alone) == (5, ACTIONS, 20.0, False)
    made_of: Mapping[str, Any] = contract.made_of
    assert made_of["network"] == "BC_Transformer"
    assert made_of["task"] == "Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0"
    assert made_of["versions"]["robomimic"] == "0.3.0"
    assert (made_of["dataset"], made_of["seed"], len(made_of["sha256"])) == (SHIPPED_DEMOS.name, 3, 64)


class Evil:
    def __reduce__(self) -> Any:
        return print, ("run",)


def test_what_is_no_checkpoint_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.pth"
    with pytest.raises(ConfigError, match=r"policy = '.*some\.pth' cannot be read: No such file"):
        opened(path, 1)
    for content in (b"", b"nothing", checkpoint(folder, "BC").read_bytes()[:3000]):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="is no checkpoint of robomimic"):
            opened(path, 1)
    torch.save({"model": Evil()}, path)
    with pytest.raises(ConfigError, match="is no checkpoint of robomimic"):
        opened(path, 1)
    assert "run" not in capsys.readouterr().out
    whole = torch.load(checkpoint(folder, "BC"))
    changes: list[dict[str, Any]] = [{"config": "{}"}, {"shape_metadata": {}}, {"model": {}}]
    for change in changes:
        torch.save(whole | change, path)
        with pytest.raises(ConfigError, match=r"cannot be loaded by robomimic 0\.3\.0"):
            opened(path, 1)
    config = json.loads(whole["config"])
    config["observation"]["encoder"]["rgb"]["core_kwargs"]["backbone_class"] = "print('run')"
    torch.save(whole | {"config": json.dumps(config)}, path)
    with pytest.raises(ConfigError, match=r"backbone_class = .* is no name of a class"):
        opened(path, 1)
    assert "run" not in capsys.readouterr().out
    torch.save(whole | {"algo_name": "bcq"}, path)
    with pytest.raises(ConfigError, match="is no checkpoint of robomimic's 'bc'"):
        opened(path, 1)
    trained(path, SHIPPED_DEMOS, gaussian=ON)
    with pytest.raises(ConfigError, match="is robomimic's BC_Gaussian; taken are BC, BC_GMM"):
        opened(path, 1)
