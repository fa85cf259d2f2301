"""A pretrained folder of LeRobot's, run by LeRobot itself in a Python of its own.

https://huggingface.co/docs/lerobot. The folder is what `PreTrainedPolicy.save_pretrained` and the processors write:
config.json, model.safetensors, policy_preprocessor.json and policy_postprocessor.json with their numbers.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from mimicgen.datagen.dataset.formats.lerobot.layout import ACTION, IMAGES
from mimicgen.datagen.dataset.sources.raw import file_hash
from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies.clients import lerobot_process
from mimicgen.datagen.policies.clients.exported import made_of, observed_by, read_table
from mimicgen.datagen.policies.clients.lerobot_process import TAKEN
from mimicgen.datagen.policies.clients.process import Process, as_array, interpreter
from mimicgen.datagen.policies.policy import Contract, Observed

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_FILES = (CONFIG, WEIGHTS, "policy_preprocessor.json", "policy_postprocessor.json")

_INSIDE = "pretrained_model"
"""Folder of the policy in a checkpoint of lerobot's training script."""


def is_meant(what: str) -> bool:
    """Whether the name of a policy means a folder of LeRobot's."""
    folder = Path(what).expanduser()
    return any((place / CONFIG).is_file() for place in (folder, folder / _INSIDE))


async def opened(what: str, *, device: str, num_envs: int, python: Path | None = None) -> LeRobotPolicy:
    """Return the policy of a folder, once its process has loaded it.

    Args:
        what: The folder.
        device: Where it is to think.
        num_envs: How many environments it may be asked about.
        python: The Python that has LeRobot; None for the one that set-up makes.

    Raises:
        ConfigError: It is no such folder, or of a policy that is not taken.
        SetupError: LeRobot is not installed.
        PolicyError: LeRobot's process ended.
    """
    folder, contract, features, process = await asyncio.to_thread(_started, what, python)
    try:
        told, _ = await asyncio.to_thread(process.ask, {"do": "open", "folder": str(folder), "device": device})
        if "error" in told:
            raise ConfigError(f"policy = '{folder}' cannot be opened by LeRobot: {told['error']}")
    except BaseException:
        await asyncio.to_thread(process.end)
        raise
    made_of = {**contract.made_of, "versions": told["versions"]}
    return LeRobotPolicy(process, dataclasses.replace(contract, made_of=made_of), features)


def _started(what: str, python: Path | None) -> tuple[Path, Contract, list[Feature], Process]:
    """Return a policy's folder, what it says of itself, and a process that is to open it."""
    folder = Path(what).expanduser().absolute()
    if not (folder / CONFIG).is_file():
        folder /= _INSIDE
    contract, features = _described(folder)
    return folder, contract, features, Process(python or interpreter(), Path(lerobot_process.__file__))


class LeRobotPolicy:
    """Implements `mimicgen.datagen.policies.policy.LearnedPolicy`.

    Args:
        process: LeRobot's, with the policy open.
        contract: What it takes and gives.
        features: What its features are made of.
    """

    def __init__(self, process: Process, contract: Contract, features: Sequence[Feature]):
        self.contract = contract
        self._process = process
        self._features = tuple(features)
        self._begun: dict[int, int] = {}
        self._instruction = ""

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`; its process is told when it is asked next."""
        self._begun |= dict(zip(envs, seeds, strict=True))
        self._instruction = instruction

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`."""
        begun, self._begun = self._begun, {}
        told = {"do": "act", "begun": [*begun.items()], "envs": [*envs], "instruction": self._instruction}
        return await asyncio.to_thread(self._ask, told, observations)

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""
        await asyncio.to_thread(self._process.end)

    def _ask(self, told: Mapping[str, Any], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        answer, arrays = self._process.ask(told, {one.name: one.of(observations) for one in self._features})
        if "error" in answer:
            raise PolicyError(f"LeRobot could not act: {answer['error']}")
        return torch.from_numpy(arrays["action"].copy())


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A feature of LeRobot's.

    Attributes:
        name: What it is called.
        shape: As LeRobot says: of an image (channels, height, width).
        observed: The observations that it is made of, one after the other.
    """

    name: str
    shape: tuple[int, ...]
    observed: tuple[str, ...]

    @property
    def is_image(self) -> bool:
        """Whether it is an image."""
        return self.name.startswith(IMAGES)

    def observations(self) -> Iterator[Observed]:
        """Yield what is observed for it; of several together only the sum of their lengths is known."""
        shape = (*self.shape[1:], self.shape[0]) if self.is_image else self.shape
        for name in self.observed:
            yield Observed(name=name, shape=shape if len(self.observed) == 1 else None)

    def of(self, observations: Mapping[str, torch.Tensor]) -> NDArray[Any]:
        """Return it, shape (environments, history, ...).

        Raises:
            PolicyError: What it is made of has another length.
        """
        own = [observations[name] for name in self.observed]
        joined = own[0] if self.is_image else torch.cat([values.flatten(2).float() for values in own], dim=-1)
        if not self.is_image and joined.shape[2:] != self.shape:
            raise PolicyError(
                f"the policy's '{self.name}' has {self.shape[0]} numbers, and {', '.join(self.observed)} of the "
                f"environment {joined.shape[2]}; evaluate it in the task that it was trained for"
            )
        return as_array(joined)


def _described(folder: Path) -> tuple[Contract, list[Feature]]:
    """Return what a policy says of itself.

    Raises:
        ConfigError: The folder is not whole, or does not say it.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"policy = '{folder}' lacks {', '.join(missing)}; a folder of lerobot 0.6 has it")
    config = read_table(folder / CONFIG)
    try:
        kind = config["type"]
        shapes = {name: tuple(map(int, own["shape"])) for name, own in config["input_features"].items()}
        (action_dim,) = config["output_features"][ACTION]["shape"]
        history = int(config["n_obs_steps"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"'{folder / CONFIG}' does not say what the policy takes and gives: {error}") from error
    if kind not in TAKEN:
        raise ConfigError(f"policy = '{folder}' is LeRobot's '{kind}'; taken are {', '.join(TAKEN)}")
    made = made_of(folder)
    features = [Feature(name=name, shape=own, observed=observed_by(made, name)) for name, own in shapes.items()]
    unknown = [one.name for one in features if not one.observed or (one.is_image and len(one.shape) != 3)]
    if unknown:
        raise ConfigError(
            f"policy = '{folder}' takes {', '.join(unknown)}; what that is made of is said of "
            f"{', '.join(made.observed)} alone"
        )
    contract = Contract(
        observed=tuple(one for feature in features for one in feature.observations()),
        history=history,
        action_dim=int(action_dim),
        actions=made.actions,
        rate=made.rate,
        made_of={
            "kind": "lerobot",
            "folder": folder.name,
            "policy": kind,
            "sha256": file_hash(folder / WEIGHTS),
            "task": made.task,
        },
    )
    return contract, features
