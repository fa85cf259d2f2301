"""A checkpoint of robomimic's behavioral cloning, loaded by robomimic itself, in this process.

https://robomimic.github.io/docs/tutorials/using_pretrained_models.html. What the network says is what robomimic's
`RolloutPolicy` acts on in one environment. Here it acts in many: the recurrent state of each is its own, and what
robomimic would draw from the process's random generator is drawn from a stream of each environment.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.clients.drawing import Randoms, drawn
from mimicgen.datagen.policies.clients.exported import image_of, rate_of
from mimicgen.datagen.policies.clients.packages import check_installed
from mimicgen.datagen.policies.policy import Contract, Observed

NETWORKS = ("BC", "BC_GMM", "BC_RNN", "BC_RNN_GMM", "BC_Transformer", "BC_Transformer_GMM")
"""What is taken, as robomimic's classes are called."""

_IMAGE = "_image"
"""What the names of images end with in an export to robomimic."""


def is_meant(what: str) -> bool:
    """Whether the name of a policy means a checkpoint of robomimic."""
    return what.endswith(".pth")


async def opened(what: str, *, device: str, num_envs: int) -> RobomimicPolicy:
    """Return the policy of a checkpoint.

    Args:
        what: The file.
        device: Where it is to think.
        num_envs: How many environments it may be asked about.

    Raises:
        ConfigError: It is no checkpoint, or of a network that is not taken.
        SetupError: What robomimic needs is not installed.
    """
    check_installed("a checkpoint of robomimic", "robomimic", "torchvision", "sympy")
    return await asyncio.to_thread(_opened, what, device, num_envs)


class RobomimicPolicy:
    """Implements `mimicgen.datagen.policies.policy.LearnedPolicy`.

    Args:
        rollout: robomimic's `RolloutPolicy`.
        contract: What it takes and gives.
        names: What is observed, by what robomimic calls it.
        num_envs: How many environments it may be asked about.
    """

    def __init__(self, rollout: Any, contract: Contract, names: Mapping[str, str], num_envs: int):
        self.contract = contract
        self._names = dict(names)
        algorithm = rollout.policy
        self._device = algorithm.device
        self._statistics = {
            name: tuple(torch.tensor(own[key], dtype=torch.float64, device=self._device) for key in ("mean", "std"))
            for name, own in (rollout.obs_normalization_stats or {}).items()
        }
        self._network = algorithm.nets["policy"]
        self._recurrent = getattr(algorithm, "_rnn_horizon", None) is not None
        self._horizon = algorithm._rnn_horizon if self._recurrent else 1
        self._open_loop = self._recurrent and algorithm._rnn_is_open_loop
        self._randoms = Randoms(num_envs)
        self._steps = torch.zeros(num_envs, dtype=torch.int64)
        self._first: dict[str, torch.Tensor] = {}
        state = self._network.get_rnn_init_state(num_envs, self._device) if self._recurrent else ()
        self._is_lstm = isinstance(state, tuple)
        self._state: tuple[torch.Tensor, ...] = state if isinstance(state, tuple) else (state,)

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""
        self._randoms.begin(envs, seeds)
        self._steps[list(envs)] = 0

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`; one action."""
        return await asyncio.to_thread(self._act, envs, observations)

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""

    def _act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():  # which is this thread's own
            return self._actions(envs, observations)

    def _actions(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        seen = self._prepared(observations)
        told = self._step(list(envs), seen) if self._recurrent else self._think(seen)
        if isinstance(told, torch.Tensor):
            actions = told[:, -1] if told.ndim == 3 else told
        else:
            actions = drawn(told, self._randoms, envs)
        return actions[:, None].float()

    def _prepared(self, observations: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return what is observed as the network takes it, with a dimension of time where it has a memory."""
        from robomimic.utils import obs_utils

        seen = {}
        for name, own in self._names.items():
            values = observations[own].to(self._device)
            values = obs_utils.process_obs(values, obs_key=name)
            if self._statistics:
                mean, deviation = self._statistics[name]
                values = (values - mean) / deviation
            values = values.float()
            seen[name] = values if self.contract.history > 1 or self._recurrent else values[:, -1]
        return seen

    def _think(self, seen: Mapping[str, torch.Tensor], **memory: Any) -> Any:
        """Return actions, or what they are drawn from."""
        return getattr(self._network, "forward_train", self._network)(obs_dict=seen, goal_dict=None, **memory)

    def _step(self, envs: list[int], seen: dict[str, torch.Tensor]) -> Any:
        """Think with the recurrent state of each environment, which begins anew every `horizon` steps."""
        anew = torch.tensor([env for env in envs if self._steps[env] % self._horizon == 0], dtype=torch.int64)
        for state in self._state:
            state[:, anew] = 0
        if self._open_loop:
            rows = torch.tensor([row for row, env in enumerate(envs) if self._steps[env] % self._horizon == 0])
            for name, values in seen.items():
                first = self._first.setdefault(name, values.new_zeros(len(self._steps), *values.shape[1:]))
                first[anew] = values[rows.long()]
                seen[name] = first[envs]
        own = tuple(state[:, envs].contiguous() for state in self._state)
        told, after = self._think(seen, rnn_init_state=own if self._is_lstm else own[0], return_state=True)
        for state, new in zip(self._state, after if self._is_lstm else (after,), strict=True):
            state[:, envs] = new
        self._steps[envs] += 1
        return told


def _opened(what: str, device: str, num_envs: int) -> RobomimicPolicy:
    import robomimic
    from robomimic.utils import file_utils

    path, version = Path(what).expanduser(), robomimic.__version__
    try:
        # Of what a file may hold only numbers, texts and tables are taken: nothing in it is run.
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise ConfigError(f"policy = '{path}' cannot be read: {error.strerror or error}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"policy = '{path}' is no checkpoint of robomimic {version}: {reason}") from error
    if not isinstance(checkpoint, dict) or checkpoint.get("algo_name") != "bc":
        raise ConfigError(f"policy = '{path}' is no checkpoint of robomimic's 'bc'; taken are {', '.join(NETWORKS)}")
    try:
        _check_names(json.loads(checkpoint["config"]))
        rollout, _ = file_utils.policy_from_checkpoint(device=torch.device(device), ckpt_dict=checkpoint)
        config = json.loads(checkpoint["config"])
        goals = [name for names in config["observation"]["modalities"]["goal"].values() for name in names]
        contract, names = _contract(path, rollout, checkpoint, config)
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError, AssertionError) as error:
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        message = f"policy = '{path}' cannot be loaded by robomimic {version}: {reason}"
        raise ConfigError(f"{message}; train it with that version") from error
    network = type(rollout.policy).__name__
    if network not in NETWORKS:
        raise ConfigError(f"policy = '{path}' is robomimic's {network}; taken are {', '.join(NETWORKS)}")
    if goals:
        raise ConfigError(f"policy = '{path}' wants a goal ({', '.join(goals)}), and an evaluation gives none")
    return RobomimicPolicy(rollout, contract, names, num_envs)


def _check_names(told: Any) -> None:
    """Check what a configuration calls classes, which robomimic looks up by running it as code.

    Raises:
        ValueError: It is no name.
    """
    for key, value in told.items() if isinstance(told, dict) else ():
        if key.endswith("_class") and isinstance(value, str) and not value.isidentifier():
            raise ValueError(f"{key} = {value!r} is no name of a class")
        _check_names(value)


def _contract(path: Path, rollout: Any, checkpoint: Any, config: Any) -> tuple[Contract, dict[str, str]]:
    """Return what a policy takes and gives, and what it observes by what robomimic calls it."""
    kinds = config["observation"]["modalities"]["obs"]
    shapes = checkpoint["shape_metadata"]["all_shapes"]
    observed, names = [], {}
    for name in rollout.policy.obs_shapes:
        shape = tuple(int(size) for size in shapes[name])
        is_image = name in kinds.get("rgb", ())
        names[name] = image_of(name.removesuffix(_IMAGE)) if is_image else name
        observed.append(Observed(name=names[name], shape=(*shape[1:], shape[0]) if is_image else shape))
    environment = checkpoint["env_metadata"] or {}
    made_of = {
        "kind": "robomimic",
        "file": path.name,
        "sha256": file_hash(path),
        "network": type(rollout.policy).__name__,
        "task": environment.get("env_name"),
        "dataset": Path(str(config["train"]["data"])).name,
        "seed": config["train"]["seed"],
        "versions": {name: importlib.metadata.version(name) for name in ("robomimic", "torch")},
    }
    contract = Contract(
        observed=tuple(observed),
        history=int(config["train"]["frame_stack"]) if "Transformer" in type(rollout.policy).__name__ else 1,
        action_dim=int(checkpoint["shape_metadata"]["ac_dim"]),
        rate=rate_of(environment),
        made_of=made_of,
    )
    return contract, names
