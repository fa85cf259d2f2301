"""openpi's server as a policy: `openpi://HOST:PORT`, over its websocket.

https://github.com/Physical-Intelligence/openpi, `docs/remote_inference.md`. The server first says what its metadata is,
and then answers an observation with a chunk of actions, one after the other. It does not say which observations it
takes: that depends on the transforms it was configured with. So it is said in its metadata, or in a file,
`openpi://HOST:PORT?observations=FILE.json`, either of which has the tables and keys of `exported.described`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies.clients.addresses import Address, address_of
from mimicgen.datagen.policies.clients.exported import Made, described, read_table
from mimicgen.datagen.policies.clients.messages import BrokenMessageError, decoded, encoded, openpis
from mimicgen.datagen.policies.clients.packages import check_installed
from mimicgen.datagen.policies.clients.process import as_array
from mimicgen.datagen.policies.policy import Contract, Observed
from mimicgen.datagen.text import as_json

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

SCHEME, PORT = "openpi://", 8000

_FILE = "observations"
_TOLD = ("observations", "actions", "action_steps", "rate", "task")
"""What of a server's metadata is about evaluating it here."""

_PATIENCE = 10.0
"""Seconds in which a server has to answer a connection."""

_GOODBYE = 1.0
"""Seconds in which it has to answer that the connection is closed; while it thinks it does not."""

_MOST = 2**28
"""Bytes of an answer at most."""


def is_meant(what: str) -> bool:
    """Whether the name of a policy means openpi's server."""
    return what.startswith(SCHEME)


async def opened(what: str, *, device: str, num_envs: int) -> OpenPiPolicy:
    """Return the policy of a server, once it has answered.

    Args:
        what: Its address.
        device: Not used: the server thinks where it is.
        num_envs: How many environments it may be asked about.

    Raises:
        ConfigError: It is no address, nobody answers there, or nothing says what the server takes.
        SetupError: What it takes to connect is not installed.
    """
    check_installed("openpi's server", "websockets")
    return await asyncio.to_thread(_opened, what)


class OpenPiPolicy:
    """Implements `mimicgen.datagen.policies.policy.LearnedPolicy`.

    What is random in its actions the server draws, from one stream for all: episodes cannot be had again.

    Args:
        connection: To the server, which has said its metadata.
        address: Where it is.
        made: What its features are made of.
        metadata: What it said.
    """

    def __init__(self, connection: ClientConnection, address: Address, made: Made, metadata: Any):
        self._connection = connection
        self._address = address
        self._made = made
        self._instructions: dict[int, str] = {}
        self._lock = threading.Lock()
        names = dict.fromkeys(name for names in made.observed.values() for name in names)
        self.contract = Contract(
            observed=tuple(Observed(name=name) for name in names),
            actions=made.actions,
            rate=made.rate,
            instructed=True,
            alone=True,
            made_of={
                "kind": "openpi",
                "server": str(address),
                "metadata": as_json(metadata),
                "features": {feature: [*names] for feature, names in made.observed.items()},
                "task": made.task,
                "seeded": False,
            },
        )

    def begin(self, envs: Sequence[int], seeds: Sequence[int], instruction: str) -> None:
        """See `LearnedPolicy.begin`."""
        self._instructions |= dict.fromkeys(envs, instruction)

    async def act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """See `LearnedPolicy.act`."""
        return await asyncio.to_thread(self._act, envs, observations)

    async def close(self) -> None:
        """See `LearnedPolicy.close`."""
        await asyncio.to_thread(self._connection.close)

    def _act(self, envs: Sequence[int], observations: Mapping[str, torch.Tensor]) -> torch.Tensor:
        seen = {feature: self._feature(names, observations) for feature, names in self._made.observed.items()}
        chunks = []
        for row, env in enumerate(envs):
            asked: dict[str, Any] = {feature: values[row] for feature, values in seen.items()}
            chunks.append(self._ask(asked | {"prompt": self._instructions[env]}))
        if len({chunk.shape for chunk in chunks}) != 1:
            raise PolicyError(f"the server at {self._address} gave chunks of different lengths")
        return torch.from_numpy(np.stack(chunks)[:, : self._made.action_steps])

    def _feature(self, names: Sequence[str], observations: Mapping[str, torch.Tensor]) -> NDArray[Any]:
        """Return a feature, shape (environments, ...): an image, or numbers one after the other."""
        own = [observations[name][:, -1] for name in names]
        return as_array(own[0] if own[0].dtype == torch.uint8 else torch.cat([one.flatten(1) for one in own], dim=1))

    def _ask(self, observation: Mapping[str, Any]) -> NDArray[np.float32]:
        from websockets.exceptions import ConnectionClosed

        try:
            with self._lock:
                self._connection.send(encoded(observation, openpis))
                answer = self._connection.recv()
            if isinstance(answer, str):  # the traceback of what went wrong there
                raise PolicyError(f"the server at {self._address} could not act", *answer.strip().splitlines()[-3:])
            actions = np.asarray(decoded(answer)["actions"], dtype=np.float32)
        except ConnectionClosed as error:
            raise PolicyError(f"the server at {self._address} cannot be reached any more: {error}") from error
        except (BrokenMessageError, KeyError, TypeError, ValueError) as error:
            raise PolicyError(f"the server at {self._address} gave no actions: {error}") from error
        if actions.ndim != 2 or not len(actions):
            raise PolicyError(
                f"the server at {self._address} gave actions of shape {actions.shape}, expected (steps, numbers)"
            )
        return actions


def _opened(what: str) -> OpenPiPolicy:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    address = address_of(what, port=PORT, keys=(_FILE,))
    told = read_table(Path(address.said[_FILE]).expanduser()) if _FILE in address.said else None
    settings = {"compression": None, "max_size": _MOST, "proxy": None, "ping_interval": None}
    patience = {"open_timeout": _PATIENCE, "close_timeout": _GOODBYE}
    try:
        connection = connect(f"ws://{address}", **settings, **patience, legacy=True)  # no context manager
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise ConfigError(f"policy = '{what}': no server of openpi answers at {address}: {error}") from error
    try:
        metadata = decoded(connection.recv(timeout=_PATIENCE))
        own = metadata if isinstance(metadata, dict) else {}
        made = described(told or {key: own[key] for key in _TOLD if key in own}, f"policy = '{what}'")
        return OpenPiPolicy(connection, address, made, metadata)
    except (BrokenMessageError, ConnectionClosed, TimeoutError, TypeError) as error:
        connection.close()
        raise ConfigError(f"policy = '{what}': what answers at {address} is no server of openpi: {error}") from error
    except BaseException:
        connection.close()
        raise
