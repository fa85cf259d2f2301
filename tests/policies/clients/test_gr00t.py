"""GR00T's inference server, by exchanges as its sources have them.

The server's package is in no registry. So its exchanges are written here from its sources, with the libraries that it
uses itself (pyzmq, msgpack, numpy's own format): N1.5 from `gr00t/eval/service.py`, N1.6 from
`gr00t/policy/server_client.py` and the checks of `gr00t/policy/gr00t_policy.py`, of
https://github.com/NVIDIA/Isaac-GR00T.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from mimicgen.datagen.errors import ConfigError, PolicyError
from mimicgen.datagen.policies.clients import gr00t, service

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("zmq") is None, reason="pyzmq is missing; ./scripts/setup.sh --with policies"
)

TASK = "annotation.human.action.task_description"
PARTS = {"eef_position": 3, "eef_rotation": 4, "gripper": 1}
STEPS = 4


def config(keys: list[str], steps: list[int]) -> dict[str, Any]:
    return {"delta_indices": steps, "modality_keys": keys}


N15 = {
    "video": config(["video.front"], [-1, 0]),
    "state": config(["state.arm", "state.gripper"], [0]),
    "action": config(["action.gripper", "action.eef_rotation", "action.eef_position"], [*range(STEPS)]),
    "language": config([TASK], [0]),
}
N16 = {
    "video": config(["front"], [-1, 0]),
    "state": config(["arm", "gripper"], [0]),
    "action": config(["eef_position", "eef_rotation", "gripper"], [*range(STEPS)]) | {"sin_cos_embedding_keys": None},
    "language": config([TASK], [0]),
}


def packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        written = io.BytesIO()
        np.save(written, value, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": written.getvalue()}
    return value


def unpacked(value: Any) -> Any:
    return np.load(io.BytesIO(value["as_npy"])) if "__ndarray_class__" in value else value


def acted(state: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return an action, each part of shape (steps, width): the first number of the state, and which part and step."""
    values = {}
    for number, (name, width) in enumerate(PARTS.items()):
        values[name] = np.full((STEPS, width), state.ravel()[0] + 10 * number) + np.arange(STEPS)[:, None] / 10
    return values


def n15(request: dict[str, Any]) -> Any:
    if request["endpoint"] == "get_modality_config":
        return {one: {"__ModalityConfig_class__": True, "as_json": json.dumps(own)} for one, own in N15.items()}
    seen = request["data"]
    assert set(seen) == {"video.front", "state.arm", "state.gripper", TASK}
    assert (seen["video.front"].shape, seen["video.front"].dtype) == ((2, 6, 8, 3), np.uint8)
    assert (seen["state.arm"].shape, seen["state.gripper"].shape) == ((1, 7), (1, 2))
    assert seen[TASK] == ["stack"]
    return {f"action.{name}": own for name, own in acted(seen["state.arm"]).items()}


def n16(request: dict[str, Any]) -> Any:
    if request["endpoint"] == "get_modality_config":
        return {one: {"__ModalityConfig_class__": True, "as_json": own} for one, own in N16.items()}
    seen, options = request["data"]["observation"], request["data"]["options"]
    assert options is None
    wanted = {"video": ["front"], "state": ["arm", "gripper"], "language": [TASK]}
    assert {one: [*own] for one, own in seen.items()} == wanted
    assert (seen["video"]["front"].shape, seen["video"]["front"].dtype) == ((1, 2, 6, 8, 3), np.uint8)
    assert (seen["state"]["arm"].shape, seen["state"]["arm"].dtype) == ((1, 1, 7), np.float32)
    assert seen["language"][TASK] == [["stack"]]
    return [{name: own[None].astype(np.float32) for name, own in acted(seen["state"]["arm"]).items()}, {}]


Serve = Callable[[Callable[[dict[str, Any]], Any]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server of an exchange in a thread, and ends it with the test."""
    import msgpack
    import zmq

    started = []
    context = zmq.Context()

    def start(answer: Callable[[dict[str, Any]], Any]) -> str:
        server = context.socket(zmq.REP)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                if server.poll(20):
                    request = msgpack.unpackb(server.recv(), object_hook=unpacked)
                    try:
                        answered = answer(request)
                    except Exception as error:  # noqa: BLE001 -- as the server does
                        answered = {"error": repr(error)}
                    given = answered if isinstance(answered, bytes) else msgpack.packb(answered, default=packed)
                    server.send(given)
            server.close(0)

        thread = threading.Thread(target=run)
        thread.start()
        started.append((thread, ended))
        return f"gr00t://127.0.0.1:{port}"

    yield start
    for thread, ended in started:
        ended.set()
        thread.join()
    context.term()


def opened(what: str) -> gr00t.Gr00tPolicy:
    return asyncio.run(gr00t.opened(what, device="cpu", num_envs=4))


def seen(count: int) -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(3)
    return {
        "front_rgb": torch.randint(0, 256, (count, 2, 6, 8, 3), generator=made, dtype=torch.uint8),
        "state.arm": torch.randn(count, 2, 7, generator=made),
        "state.gripper": torch.randn(count, 2, 2, generator=made),
    }


@pytest.mark.parametrize("exchange", [n15, n16])
def test_environments_are_asked_for_one_after_the_other(serve: Serve, exchange: Callable[..., Any]) -> None:
    policy = opened(serve(exchange))
    contract = policy.contract
    assert [one.name for one in contract.observed or ()] == ["front_rgb", "state.arm", "state.gripper"]
    assert (contract.history, contract.actions, contract.instructed, contract.alone) == (2, "eef_absolute", True, True)
    assert contract.made_of["modalities"] == {
        "video": ["front"],
        "state": ["arm", "gripper"],
        "language": [TASK],
        "action": ["eef_position", "eef_rotation", "gripper"],
    }
    policy.begin([0, 1, 2], [1, 2, 3], "stack")
    observed = seen(3)
    found = asyncio.run(policy.act([0, 1, 2], observed))
    for row in range(3):
        parts = acted(observed["state.arm"][row, -1].numpy())
        np.testing.assert_allclose(found[row], np.concatenate([parts[name] for name in PARTS], axis=1), rtol=1e-6)
    asyncio.run(policy.close())


def test_which_actions_a_server_gives(serve: Serve) -> None:
    what = serve(n16)
    policy = opened(f"{what}?actions=eef_relative")
    assert policy.contract.actions == "eef_relative"
    asyncio.run(policy.close())
    with pytest.raises(ConfigError, match="actions = 'some'; known are recorded, joints, eef_absolute, eef_relative"):
        opened(f"{what}?actions=some")
    two = ["right_gripper", "right_rotation", "left_gripper", "right_position", "left_position", "left_rotation"]
    hands = [f"{hand}_{part}" for hand in ("right", "left") for part in ("position", "rotation", "gripper")]
    assert gr00t._ordered(two) == (*hands,)
    kinds = {name: gr00t._representation(names) for name, names in {"two": two, "arm": ["arm", "gripper"]}.items()}
    assert kinds == {"two": "recorded", "arm": "joints"}
    assert gr00t._ordered(["waist", "neck"]) == ("waist", "neck")


def test_what_is_no_answer_is_told(serve: Serve) -> None:
    def fails(request: dict[str, Any]) -> Any:
        if request["endpoint"] == "get_modality_config":
            return n16(request)
        said = request["data"]["observation"]["language"][TASK][0][0]
        if said == "error":
            raise ValueError("no memory left")
        return [{}, {}] if said == "nothing" else b"\xc1"

    policy = opened(serve(fails))
    for said, message in (
        ("error", r"could not answer 'get_action': ValueError\('no memory left'\)"),
        ("nothing", r"gave no action of eef_position, eef_rotation, gripper: KeyError\('eef_position'\)"),
        ("broken", "is no server of GR00T: DecodeError"),
    ):
        policy.begin([0], [1], said)
        with pytest.raises(PolicyError, match=message):
            asyncio.run(policy.act([0], seen(1)))
    asyncio.run(policy.close())


@pytest.mark.parametrize("said", [{}, [], {"action": config(["eef_position"], [0]), "state": config(["arm"], [1])}])
def test_what_does_not_say_what_it_takes_is_refused(serve: Serve, said: Any) -> None:
    with pytest.raises(ConfigError, match="does not say what it takes and gives as GR00T's does"):
        opened(serve(lambda request: said))


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_FIRST", 0.3)
    assert gr00t.is_meant("gr00t://some")
    with pytest.raises(ConfigError, match=r"no server of GR00T answers at 127\.0\.0\.1:1 within 0\.3 s"):
        opened("gr00t://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"'key' is not known; expected gr00t://HOST:PORT with \?actions="):
        opened("gr00t://127.0.0.1:1?key=1")


def test_it_can_be_closed_while_it_thinks(serve: Serve) -> None:
    def slow(request: dict[str, Any]) -> Any:
        if request["endpoint"] == "get_action":
            time.sleep(1)
        return n16(request)

    async def closed() -> None:
        policy = await gr00t.opened(serve(slow), device="cpu", num_envs=1)
        policy.begin([0], [1], "stack")
        asked = asyncio.create_task(policy.act([0], seen(1)))
        await asyncio.sleep(0.2)
        await policy.close()
        with pytest.raises(PolicyError, match="was closed"):
            await asked

    asyncio.run(closed())
