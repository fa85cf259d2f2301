"""GR00T's inference server as a policy: `gr00t://HOST:PORT`, over its ZeroMQ service.

https://github.com/NVIDIA/Isaac-GR00T: `gr00t/eval/service.py` (N1.5), which has observations in one table by
'video.NAME' and 'state.NAME', and `gr00t/policy/server_client.py` (N1.6), which has a table a modality. What it takes
and gives, the server is asked for; the names are those that `datagen.sh export gr00t` writes into modality.json.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimicgen.datagen.dataset.formats.representations import ACTIONS
from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies.clients.addresses import address_of
from mimicgen.datagen.policies.clients.exported import RECORDED, image_of
from mimicgen.datagen.policies.clients.packages import check_installed
from mimicgen.datagen.policies.clients.service import Service
from mimicgen.datagen.policies.parts import PART
from mimicgen.datagen.policies.policy import Contract, Observed

SCHEME, PORT = "gr00t://", 5555

_ACTIONS = "actions"
_NONE: Mapping[str, Any] = {"modality_keys": (), "delta_indices": (0,)}
"""Of a modality that a policy does without."""

_POSITION, _ROTATION, _ARM, _GRIPPER = "position", "rotation", "arm", "gripper"
_ORDER = (f"eef_{_POSITION}", f"eef_{_ROTATION}", _POSITION, _ROTATION, _ARM, _GRIPPER)
"""What the parts of an exported action end with, in the order that they have there for every hand."""


def is_meant(what: str) -> bool:
    """Whether the name of a policy means GR00T's server."""
    return what.startswith(SCHEME)


async def opened(what: str, *, device: str, num_envs: int) -> Gr00tPolicy:
    """Return the policy of a server, once it has said what it takes and gives.

    Args:
        what: Its address; `?actions=NAME` says which representation of actions it gives, where that is not told by
            their names: 'eef_absolute' and 'eef_relative' have the same.
        device: Not used: the server thinks where it is.
        num_envs: How many environments it may be asked about.

    Raises:
        ConfigError: It is no address, nobody answers there, or it does not say what it takes.
        SetupError: What it takes to connect is not installed.
    """
    check_installed("GR00T's server", "zmq")
    return await asyncio.to_thread(_opened, what)


@dataclass(frozen=True, kw_only=True)
class Modalities:
    """What a server says of what it takes and gives.

    Attributes:
        flat: Whether names have their modality before them, and lie in one table.
        video: Names of images.
        state: Names of parts of the state.
        language: Names of texts.
        action: Names of parts of an action, in the order in which they are one after the other.
        steps: At which steps images and states are seen, the last one 0, those before below it; by 'video' and 'state'.
    """

    flat: bool
    video: tuple[str, ...]
    state: tuple[str, ...]
    language: tuple[str, ...]
    action: tuple[str, ...]
    steps: Mapping[str, tuple[int, ...]]

    @property
    def history(self) -> int:
        """Of how many steps it observes at once."""
        return 1 - min(min(own) for own in self.steps.values())

    def key(self, modality: str, name: str) -> str:
        """Return what a name is in an observation or an action."""
        return f"{modality}.{name}" if self.flat else name


class Gr00tPolicy:
    """Implements `mimicgen.datagen.policies.policy.LearnedPolicy`.

    What is random in its actions the server draws, from one stream for all: episodes cannot be had again.

    Args:
        service: The server.
        modalities: What it takes and gives.
        actions: Representation of its actions, None for the environment's own.
    """

    def __init__(self, service: Service, modalities: Modalities, actions: str | None):
        self._service = service
        self._modalities = modalities
        self._instructions: dict[int, str] = {}
        images = tuple(Observed(name=image_of(name)) for name in modalities.video)
        told = {one: list(getattr(modalities, one)) for one in ("video", "state", "language", "action")}
        self.contract = Contract(
            observed=(*images, *(Observed(name=f"{PART}{name}") for name in modalities.state)),
            history=modalities.history,
            actions=actions,
            instructed=bool(modalities.language),
            alone=True,
            made_of={"kind": "gr00t", "server": str(service), "modalities": told, "seeded": False},
        )

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""
        self._instructions |= dict.fromkeys(envs, instruction)

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`."""
        return await asyncio.to_thread(self._act, envs, observations)

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""
        await asyncio.to_thread(self._service.close)

    def _act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        told = self._modalities
        values = {
            "video": {name: self._rows(observations[image_of(name)], "video") for name in told.video},
            "state": {name: self._rows(observations[f"{PART}{name}"], "state") for name in told.state},
        }
        chunks = []
        for row, env in enumerate(envs):
            seen = {one: {name: rows[row] for name, rows in own.items()} for one, own in values.items()}
            chunks.append(self._ask(seen, self._instructions[env]))
        if len({chunk.shape for chunk in chunks}) != 1:
            raise PolicyError(f"the server at {self._service} gave chunks of different lengths")
        return torch.from_numpy(np.stack(chunks))

    def _rows(self, values: torch.Tensor, modality: str) -> NDArray[Any]:
        """Return the steps that are seen, shape (environments, steps, ...)."""
        last = values.shape[1] - 1
        own: NDArray[Any] = values[:, [last + step for step in self._modalities.steps[modality]]].cpu().numpy()
        return own if own.dtype == np.uint8 else own.astype(np.float32)

    def _ask(self, seen: Mapping[str, Mapping[str, NDArray[Any]]], instruction: str) -> NDArray[np.float32]:
        told = self._modalities
        if told.flat:
            flat: dict[str, Any] = {told.key(one, name): own for one in seen for name, own in seen[one].items()}
            answer = self._service.ask("get_action", flat | {key: [instruction] for key in told.language})
        else:
            batch: dict[str, Any] = {one: {name: own[None] for name, own in seen[one].items()} for one in seen}
            batch["language"] = {key: [[instruction]] for key in told.language}
            answer = self._service.ask("get_action", {"observation": batch, "options": None})
            answer = answer[0] if isinstance(answer, list) and answer else None  # beside it, what else there is to say
        try:
            parts = [np.asarray(answer[told.key("action", name)], dtype=np.float32) for name in told.action]
            parts = [part if told.flat else part[0] for part in parts]
            return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            wanted = f"action of {', '.join(told.action)}"
            raise PolicyError(f"the server at {self._service} gave no {wanted}: {error!r}") from error


def _opened(what: str) -> Gr00tPolicy:
    address = address_of(what, port=PORT, keys=(_ACTIONS,))
    chosen = address.said.get(_ACTIONS)
    if chosen is not None and chosen not in ACTIONS:
        raise ConfigError(f"policy = '{what}': actions = '{chosen}'; known are {', '.join(ACTIONS)}")
    service = Service(address)
    try:
        modalities = _modalities(service.ask("get_modality_config", first=True))
        actions = chosen or _representation(modalities.action)
        return Gr00tPolicy(service, modalities, None if actions == RECORDED else actions)
    except PolicyError as error:
        service.close()
        raise ConfigError(f"policy = '{what}': {error.args[0]}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        service.close()
        raise ConfigError(
            f"policy = '{what}': the server at {address} does not say what it takes and gives as GR00T's does: "
            f"{type(error).__name__} {error}"
        ) from error
    except BaseException:
        service.close()
        raise


def _modalities(told: Any) -> Modalities:
    """Return what a server says; whatever error the attempt ends with where it says something else."""
    told = {"video": _NONE, "state": _NONE, **told}
    keys = {one: [str(key) for key in told[one]["modality_keys"]] for one in ("video", "state", "action")}
    flat = all(key.startswith(f"{one}.") for one, own in keys.items() for key in own)
    names = {one: [key.removeprefix(f"{one}.") if flat else key for key in own] for one, own in keys.items()}
    language = [str(key) for one in ("language", "annotation") for key in told.get(one, {}).get("modality_keys", ())]
    steps = {one: tuple(int(step) for step in told[one]["delta_indices"]) for one in ("video", "state")}
    if not names["action"] or any(not own or max(own) > 0 for own in steps.values()):
        raise ValueError(f"steps {steps} and actions {names['action']}")
    return Modalities(
        flat=flat,
        video=tuple(names["video"]),
        state=tuple(names["state"]),
        language=tuple(language),
        action=_ordered(names["action"]),
        steps=steps,
    )


def _split(name: str) -> tuple[str, int]:
    """Return which hand a part of an action is of, and its place there; -1 where it has none that is known."""
    for at, end in enumerate(_ORDER):
        if name == end or name.endswith(f"_{end}"):
            return name.removesuffix(end), at
    return name, -1


def _ordered(names: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of an action as they are in exported datasets: hand by hand, in whatever order a server has."""
    hands = list(dict.fromkeys(_split(name)[0] for name in names))
    return tuple(sorted(names, key=lambda name: (hands.index(_split(name)[0]), _split(name)[1])))


def _representation(names: Sequence[str]) -> str:
    """Return the representation of actions whose parts are called so."""
    kinds = {_ORDER[at] for _, at in map(_split, names) if at >= 0}
    if _ARM in kinds:
        return "joints"
    return "eef_absolute" if f"eef_{_POSITION}" in kinds else RECORDED
