"""openpi's server, its own code, asked over its websocket."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimicgen.datagen.errors import BadInputError, ConfigError, PolicyError
from mimicgen.datagen.policies.clients import openpi
from tests.policies.clients.serving import free_port

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("websockets") is None, reason="websockets is missing; ./scripts/setup.sh --with policies"
)

FEATURES = {"observation/image": ["front_rgb"], "observation/state": ["eef_pos", "gripper_pos"]}
HORIZON = 5


class Told:
    """A policy as openpi's server has it: it repeats the state and the image's first pixel, and counts the steps."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def infer(self, obs: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(obs)
        if obs["prompt"] == "fail":
            raise ValueError("no such task")
        if obs["prompt"] == "slow":
            time.sleep(2)  # longer than a goodbye takes
        if obs["prompt"] == "nothing":
            return {"actions": "none"}
        row = np.concatenate([obs["observation/state"], obs["observation/image"][0, 0].astype(np.float32)])
        return {"actions": np.stack([row + step for step in range(HORIZON)])}


Serve = Callable[..., tuple[str, Told]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts openpi's own server in a thread, and ends it with the test."""
    from openpi_server import WebsocketPolicyServer

    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None], threading.Thread]] = []

    def start(metadata: Mapping[str, Any]) -> tuple[str, Told]:
        policy, port = Told(), free_port()
        server = WebsocketPolicyServer(policy, host="127.0.0.1", port=port, metadata=dict(metadata))
        loop = asyncio.new_event_loop()
        task = loop.create_task(server.run())

        def run() -> None:
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:
                loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        started.append((loop, task, thread))
        for _ in range(100):
            with socket.socket() as tried:
                if not tried.connect_ex(("127.0.0.1", port)):
                    return f"openpi://127.0.0.1:{port}", policy
            time.sleep(0.05)
        raise TimeoutError(port)

    yield start
    for loop, task, thread in started:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


def seen(count: int) -> dict[str, torch.Tensor]:
    """Return what `count` environments observe in one step, different ones in each."""
    made = torch.Generator().manual_seed(3)
    return {
        "front_rgb": torch.randint(0, 256, (count, 1, 6, 8, 3), generator=made, dtype=torch.uint8),
        "eef_pos": torch.randn(count, 1, 3, generator=made),
        "gripper_pos": torch.randn(count, 1, 2, generator=made),
    }


def wanted(observed: Mapping[str, torch.Tensor], steps: int) -> torch.Tensor:
    rows = [observed["eef_pos"][:, 0], observed["gripper_pos"][:, 0], observed["front_rgb"][:, 0, 0, 0].float()]
    return torch.stack([torch.cat(rows, dim=1) + step for step in range(steps)], dim=1)


def opened(what: str) -> openpi.OpenPiPolicy:
    return asyncio.run(openpi.opened(what, device="cpu", num_envs=4))


def test_environments_are_asked_for_one_after_the_other(serve: Serve) -> None:
    metadata = {"observations": FEATURES, "actions": "eef_absolute", "rate": 20, "task": "some-v0", "reset_pose": [0.5]}
    what, policy = serve(metadata)
    asked = opened(what)
    contract = asked.contract
    assert [one.name for one in contract.observed or ()] == ["front_rgb", "eef_pos", "gripper_pos"]
    assert (contract.actions, contract.rate, contract.instructed, contract.alone) == ("eef_absolute", 20.0, True, True)
    made_of: Any = contract.made_of
    assert (made_of["task"], made_of["seeded"]) == ("some-v0", False)
    assert json.loads(made_of["metadata"]) == metadata
    asked.begin([0, 2], [1, 2], "stack")
    asked.begin([1], [3], "sort")
    observed = seen(3)
    found = asyncio.run(asked.act([0, 1, 2], observed))
    torch.testing.assert_close(found, wanted(observed, HORIZON))
    assert [one["prompt"] for one in policy.asked] == ["stack", "sort", "stack"]
    assert policy.asked[0]["observation/image"].shape == (6, 8, 3)
    assert {key: own.dtype for key, own in policy.asked[0].items() if key != "prompt"} == {
        "observation/image": np.uint8,
        "observation/state": np.float32,
    }
    asyncio.run(asked.close())


def test_a_file_says_what_a_server_takes(serve: Serve, tmp_path: Path) -> None:
    what, _ = serve({})
    with pytest.raises(ConfigError, match=r"does not say what the policy's features are made of; expected, in JSON, "):
        opened(what)
    path = tmp_path / "features.json"
    path.write_text(json.dumps({"observations": FEATURES, "action_steps": 2}))
    asked = opened(f"{what}?observations={path}")
    asked.begin([0], [1], "stack")
    observed = seen(1)
    torch.testing.assert_close(asyncio.run(asked.act([0], observed)), wanted(observed, 2))
    asyncio.run(asked.close())
    for changed, message in (
        ({"actions": "some"}, "actions = 'some'; known are recorded, joints"),
        ({"action_steps": 0}, "action_steps = 0; expected a whole number from 1 on"),
        ({"observations": {"state": "eef_pos"}}, "does not say what the policy's features are made of"),
    ):
        path.write_text(json.dumps({"observations": FEATURES} | changed))
        with pytest.raises(ConfigError, match=message):
            opened(f"{what}?observations={path}")


def test_what_the_server_says_when_it_fails_is_told(serve: Serve) -> None:
    what, _ = serve({"observations": FEATURES})
    asked = opened(what)
    asked.begin([0], [1], "nothing")
    with pytest.raises(PolicyError, match="gave no actions: could not convert string to float"):
        asyncio.run(asked.act([0], seen(1)))
    asked.begin([0], [1], "fail")
    with pytest.raises(PolicyError, match=r"(?s)the server at 127\.0\.0\.1:\d+ could not act.*no such task"):
        asyncio.run(asked.act([0], seen(1)))
    with pytest.raises(PolicyError, match="cannot be reached any more"):
        asyncio.run(asked.act([0], seen(1)))
    asyncio.run(asked.close())


def test_it_can_be_closed_while_it_thinks(serve: Serve) -> None:
    async def closed() -> None:
        policy = await openpi.opened(serve({"observations": FEATURES})[0], device="cpu", num_envs=1)
        policy.begin([0], [1], "slow")
        asked = asyncio.create_task(policy.act([0], seen(1)))
        await asyncio.sleep(0.2)
        await policy.close()
        with pytest.raises(PolicyError, match="cannot be reached any more"):
            await asked

    asyncio.run(closed())


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("openpi://", r"that is no address; expected openpi://HOST:PORT with \?observations="),
        ("openpi://some:port", "expected openpi://HOST:PORT"),
        ("openpi://localhost:8000?key=1", "'key' is not known"),
        ("openpi://localhost:8000/path", "that is no address"),
        ("openpi://localhost:8000?observations=/no/such.json", "cannot be read as JSON"),
    ],
)
def test_what_is_no_address_is_refused(what: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        opened(what)


def test_nobody_there_and_somebody_else() -> None:
    assert openpi.is_meant("openpi://some")
    with pytest.raises(ConfigError, match=r"no server of openpi answers at 127\.0\.0\.1:\d+"):
        opened(f"openpi://127.0.0.1:{free_port()}")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"SSH-2.0\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ConfigError, match="no server of openpi answers"):
            opened(f"openpi://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
