"""Policies of LeRobot, in LeRobot's own process, against LeRobot's own `select_action`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimicgen.datagen.errors import ConfigError, PolicyError, SetupError
from mimicgen.datagen.policies.clients import lerobot
from mimicgen.datagen.policies.clients.process import PLACES, Process, interpreter

LEROBOT = next((place for place in PLACES if list(place.glob("lib/*/site-packages/diffusers"))), PLACES[0])
pytestmark = pytest.mark.skipif(
    not list(LEROBOT.glob("lib/*/site-packages/diffusers")),
    reason="LeRobot and diffusers are missing; ./scripts/setup.sh --with train",
)

STEPS = {"act": 200, "ensemble": 2, "ddim": 2, "ddpm": 2}
OBSERVATIONS = {"observation.state": ["eef_pos", "joint_pos"], "observation.environment_state": ["object"]}
WIDTHS = {"eef_pos": 3, "joint_pos": 6, "object": 3}
IMAGES = "observation.images.front"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Policies that LeRobot trained, with what its own rollouts do, each in a folder of its kind."""
    folder = tmp_path_factory.mktemp("lerobot")
    script = Path(__file__).with_name("train_lerobot.py")
    command = [str(LEROBOT / "bin/python"), "-P", str(script), str(folder)]
    command += [f"{kind}={steps}" for kind, steps in STEPS.items()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=environment | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    arguments = {"env_name": "some-task-v0", "sim_args": {"dt": 0.01, "decimation": 5}}
    for kind in STEPS:
        about = {"observations": OBSERVATIONS, "env_args": arguments}
        (folder / kind / "policy/observations.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> Iterator[lerobot.LeRobotPolicy]:
    """ACT, opened as an evaluation does, from where lerobot's training script would have left it."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as in `train_lerobot.py`
    what = folder / "act"
    (what / "policy").rename(what / "pretrained_model")
    try:
        assert lerobot.is_meant(str(what))
        policy = asyncio.run(lerobot.opened(str(what), device="cpu", num_envs=2, python=LEROBOT / "bin/python"))
    finally:
        (what / "pretrained_model").rename(what / "policy")
        monkeypatch.undo()
    yield policy
    asyncio.run(policy.close())
    assert policy._process._process.returncode == 0


@pytest.fixture
def process(whole: lerobot.LeRobotPolicy) -> Process:
    """Its process, which opens others one after the other, because one takes seconds to start."""
    return whole._process


def opened(process: Process, folder: Path) -> lerobot.LeRobotPolicy:
    contract, features = lerobot._described(folder)
    told, _ = process.ask({"do": "open", "folder": str(folder), "device": "cpu"})
    assert "error" not in told
    return lerobot.LeRobotPolicy(process, contract, features)


def episodes(folder: Path) -> tuple[list[dict[str, torch.Tensor]], list[np.ndarray[Any, Any]]]:
    """Return what is observed in each episode, by what environments call it, and what LeRobot did."""
    with np.load(folder / "rolled.npz") as rolled:
        seen = []
        for episode in range(2):
            state = torch.from_numpy(rolled[f"observation.state {episode}"])
            own = {"eef_pos": state[:, :3], "joint_pos": state[:, 3:]}
            own["object"] = torch.from_numpy(rolled[f"observation.environment_state {episode}"])
            if f"{IMAGES} {episode}" in rolled:
                own["front_rgb"] = torch.from_numpy(rolled[f"{IMAGES} {episode}"])
            seen.append(own)
        return seen, [rolled[f"action {episode}"] for episode in range(2)]


def run(policy: lerobot.LeRobotPolicy, envs: list[int], seen: list[dict[str, torch.Tensor]], seeds: list[int]) -> Any:
    """Return the actions of episodes side by side, shape (len(envs), steps, action_dim), each chunk taken whole."""
    policy.begin(envs, seeds, "stack")
    steps, history = len(seen[0]["object"]), policy.contract.history
    taken: list[torch.Tensor] = []
    while sum(chunk.shape[1] for chunk in taken) < steps:
        step = sum(chunk.shape[1] for chunk in taken)
        last = [max(step - back, 0) for back in range(history)][::-1]
        rows = {name: torch.stack([one[name][last] for one in seen]) for name in seen[0]}
        taken.append(asyncio.run(policy.act(envs, rows)))
    return torch.cat(taken, dim=1)[:, :steps].numpy()


def test_an_act_that_lerobot_trained_loads_and_runs(folder: Path, whole: lerobot.LeRobotPolicy) -> None:
    with np.load(folder / "act/rolled.npz") as rolled:
        assert len(rolled["losses"]) == 200
        assert rolled["losses"][-20:].mean() < rolled["losses"][:20].mean() / 2
    contract = whole.contract
    observed = {one.name: one.shape for one in contract.observed or ()}
    assert observed == {"eef_pos": None, "joint_pos": None, "object": (3,)}
    assert (contract.history, contract.action_dim, contract.rate, contract.actions) == (1, 7, 20.0, None)
    made_of: Any = contract.made_of
    assert (made_of["policy"], made_of["task"], made_of["versions"]["lerobot"]) == ("act", "some-task-v0", "0.6.1")
    seen, wanted = episodes(folder / "act")
    np.testing.assert_allclose(run(whole, [1], seen[:1], [1])[0], wanted[0], atol=1e-5)
    wrong = {name: own[None, :1] for name, own in seen[0].items()} | {"joint_pos": torch.zeros(1, 1, 5)}
    with pytest.raises(PolicyError, match=r"'observation.state' has 9 numbers, and eef_pos, joint_pos of the env.* 8"):
        asyncio.run(whole.act([1], wrong))
    one = {name: own[None, :1] for name, own in seen[0].items()}

    async def beside() -> None:
        """The loop goes on while a policy thinks."""
        os.kill(whole._process._process.pid, signal.SIGSTOP)
        asked = asyncio.create_task(whole.act([1], one))
        await asyncio.sleep(0.2)
        assert not asked.done()
        os.kill(whole._process._process.pid, signal.SIGCONT)
        assert (await asked).shape == (1, 4, 7)

    asyncio.run(beside())


@pytest.mark.parametrize("kind", STEPS)
def test_agrees_with_lerobots_own_rollouts(folder: Path, process: Process, kind: str) -> None:
    """Alone, and beside others: what is random in an episode comes from its seed, also on the way (DDPM)."""
    policy = opened(process, folder / kind / "policy")
    seen, wanted = episodes(folder / kind)
    np.testing.assert_allclose(run(policy, [3], seen[:1], [100])[0], wanted[0], atol=1e-5)
    third = {name: own.flip(0) for name, own in seen[0].items()}
    together = run(policy, [0, 5, 2], [seen[1], third, seen[0]], [101, 7, 100])
    np.testing.assert_allclose(together[0], wanted[1], atol=1e-5)
    np.testing.assert_allclose(together[2], wanted[0], atol=1e-5)
    if kind.startswith("dd"):
        assert np.abs(run(policy, [3], seen[:1], [8])[0] - wanted[0]).max() > 1e-3


def test_it_can_be_closed_while_it_thinks(tmp_path: Path) -> None:
    script = tmp_path / "sleeps.py"
    script.write_text("import sys, time\nprint('thinking', file=sys.stderr, flush=True)\ntime.sleep(100)\n")

    async def closed() -> None:
        process = Process(LEROBOT / "bin/python", script)
        asked = asyncio.create_task(asyncio.to_thread(process.ask, {"do": "open"}))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(process.end)
        with pytest.raises(PolicyError, match="was killed by signal 9"):
            await asked

    asyncio.run(closed())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit('no room\\x1b[2J left')", r"ended with exit code 1\n.*no room\\x1b\[2J left"),
        ("sys.stdout.buffer.write(b'x' * 100)", "ended with exit code 0"),
        ("print('x' * 100, flush=True); time.sleep(9)", "gave an answer that is no message"),
    ],
)
def test_what_is_no_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str) -> None:
    monkeypatch.setattr("mimicgen.datagen.policies.clients.process._PATIENCE", 0.3)
    script = tmp_path / "some.py"
    script.write_text(f"import sys, time\n{code}\n")
    process = Process(LEROBOT / "bin/python", script)
    with pytest.raises(PolicyError, match=f"(?s)the policy's process {message}"):
        process.ask({"do": "open"})
    process.end()


def test_what_lerobot_cannot_open_is_refused(folder: Path, process: Process, tmp_path: Path) -> None:
    whole = folder / "act/policy"
    copy = tmp_path / "policy"
    shutil.copytree(whole, copy)

    def refused(message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            lerobot._described(copy)

    def changed(name: str, **values: Any) -> None:
        (copy / name).write_text(json.dumps(json.loads((whole / name).read_text()) | values))

    changed("config.json", type="vqbet")
    refused("is LeRobot's 'vqbet'; taken are act, diffusion")
    changed("config.json", output_features={})
    refused("does not say what the policy takes and gives")
    (copy / "config.json").write_text("[")
    refused("cannot be read as JSON")
    changed("config.json")
    (copy / "observations.json").write_text('{"observations": {"observation.state": ["eef_pos"]}}')
    refused("takes observation.environment_state; what that is made of is said of observation.state alone")
    (copy / "observations.json").unlink()
    refused(r"does not say what its features are made of; copy meta/mimicgen.datagen.json")
    shutil.copy(whole / "observations.json", copy)
    for state in copy.glob("policy_postprocessor*.safetensors"):
        state.write_bytes(b"\xff" * 100)
    told, _ = process.ask({"do": "open", "folder": str(copy), "device": "cpu"})
    assert "Error" in told["error"]
    step = {"class": "subprocess.Popen", "config": {"args": ["touch", str(tmp_path / "run")]}}
    changed("policy_preprocessor.json", steps=[step])
    told, _ = process.ask({"do": "open", "folder": str(copy), "device": "cpu"})
    assert "is code: 'subprocess.Popen'" in told["error"]
    assert not (tmp_path / "run").exists()
    (copy / "policy_preprocessor.json").unlink()
    refused(r"lacks policy_preprocessor\.json")


def test_where_lerobot_is(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"run \./scripts/setup\.sh --with train"):
        interpreter((tmp_path,))
    assert interpreter((tmp_path, LEROBOT)) == LEROBOT / "bin/python"
