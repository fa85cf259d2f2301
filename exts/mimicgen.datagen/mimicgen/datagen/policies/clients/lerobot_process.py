"""What runs in LeRobot's own Python: a pretrained policy, asked over standard input and output.

This file alone is run there, so it imports nothing of the project, and of others only what LeRobot brings. A message is
a length (8 bytes, little-endian), so much JSON, and the bytes of the arrays that the JSON names under 'arrays', one
after the other. Nothing in a message or in the policy's folder is run: arrays are numbers, and processors are those
that LeRobot knows by name.

Messages, each of which is answered, with 'error' where it could not be done:
- {"do": "open", "folder", "device"}; the answer has "versions"
- {"do": "act", "begun": [[environment, seed], ...], "envs": [...], "instruction"} with an array a feature, shape
  (len(envs), history, ...), images uint8 (height, width, channels); the answer has 'action', shape (len(envs), steps,
  action_dim).
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import struct
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MOST_TOLD = 2**24
"""Bytes of a message's JSON at most."""

MOST = 2**33
"""Bytes of a message's arrays at most."""

TYPES = ("<f4", "|u1")

TAKEN = ("act", "diffusion")
"""LeRobot's policies whose results do not depend on what is asked for beside them, as they are asked here."""


class BrokenMessageError(Exception):
    """What was read is no message, or less than one."""


def write(stream: IO[bytes], told: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a message.

    Args:
        stream: Where to.
        told: What JSON can say.
        arrays: float32 or uint8, by name.
    """
    about = [{"name": name, "type": values.dtype.str, "shape": values.shape} for name, values in arrays.items()]
    head = json.dumps({**told, "arrays": about}).encode()
    stream.write(struct.pack("<Q", len(head)))
    stream.write(head)
    for values in arrays.values():
        stream.write(np.ascontiguousarray(values).data)
    stream.flush()


def read(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """Read a message; None where the stream ends before it.

    Raises:
        BrokenMessageError: What comes is no message.
    """
    first = stream.read(8)
    if not first:
        return None
    try:
        (length,) = struct.unpack("<Q", first)
        if length > MOST_TOLD:
            raise BrokenMessageError(f"a message of {length} bytes of JSON")
        told = json.loads(_exactly(stream, length))
        arrays = {str(one["name"]): _array(stream, one) for one in told.pop("arrays")}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenMessageError(f"{type(error).__name__}: {error}") from error
    return told, arrays


def _array(stream: IO[bytes], about: Mapping[str, Any]) -> Array:
    kind, shape = about["type"], [int(size) for size in about["shape"]]
    if kind not in TYPES or min(shape, default=1) < 0:
        raise BrokenMessageError(f"an array of type {kind} and shape {shape}")
    count = 1
    for size in shape:
        count *= size
    length = count * np.dtype(kind).itemsize
    if length > MOST:
        raise BrokenMessageError(f"an array of {length} bytes")
    return np.frombuffer(_exactly(stream, length), dtype=kind).reshape(shape)


def _exactly(stream: IO[bytes], length: int) -> bytearray:
    found = bytearray()
    while len(found) < length:
        part = stream.read(min(length - len(found), 2**24))
        if not part:
            raise BrokenMessageError("it ends in the middle")
        found += part
    return found


class RefusedError(Exception):
    """A policy that is not taken; the message says why."""


class Pretrained:
    """A policy of LeRobot's.

    Args:
        folder: Its folder.
        device: Where it thinks.
    """

    def __init__(self, folder: Path, device: str):
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        check_processors(folder)
        config = PreTrainedConfig.from_pretrained(folder)
        if config.type not in TAKEN:
            raise RefusedError(f"is LeRobot's '{config.type}'; taken are {', '.join(TAKEN)}")
        config.device = device
        config.pretrained_backbone_weights = None  # which would be downloaded, and then replaced by those in the folder
        self._config = config
        self._policy = get_policy_class(config.type).from_pretrained(folder, config=config, strict=True)
        self._before, self._after = make_pre_post_processors(
            config, pretrained_path=str(folder), preprocessor_overrides={"device_processor": {"device": device}}
        )
        self._generators: dict[int, Any] = {}
        self._ensembles: dict[int, Any] = {}

    def begin(self, env: int, seed: int) -> None:
        """Forget what happened in an environment, in which an episode begins."""
        import torch

        self._generators[env] = torch.Generator().manual_seed(seed)
        self._ensembles.pop(env, None)

    def act(self, envs: Sequence[int], observed: Mapping[str, Array], instruction: str) -> Array:
        """Return actions, shape (len(envs), steps, action_dim)."""
        import torch

        batch: dict[str, Any] = {"task": [instruction] * len(envs)}
        for name, values in observed.items():
            own = torch.from_numpy(values.copy())
            if values.dtype == np.uint8:
                own = own.movedim(-1, -3).float() / 255
            batch[name] = own if self._config.type == "diffusion" else own[:, -1]
        with torch.inference_mode():
            seen = self._before(batch)
            seen = {name: seen[name] for name in self._config.input_features}
            actions = self._diffused(envs, seen) if self._config.type == "diffusion" else self._chunk(envs, seen)
            found: Array = self._after(actions).float().cpu().numpy()
        return found

    def _chunk(self, envs: Sequence[int], seen: dict[str, Any]) -> Any:
        """Return what ACT says, which draws nothing; with its ensemble over time, of each environment its own."""
        import torch
        from lerobot.policies.act.modeling_act import ACTTemporalEnsembler

        chunk = self._policy.predict_action_chunk(seen)
        weight = self._config.temporal_ensemble_coeff
        if weight is None:
            return chunk[:, : self._config.n_action_steps]
        rows = []
        for env, own in zip(envs, chunk, strict=True):
            if env not in self._ensembles:
                self._ensembles[env] = ACTTemporalEnsembler(weight, self._config.chunk_size)
            rows.append(self._ensembles[env].update(own[None]))
        return torch.stack(rows)

    def _diffused(self, envs: Sequence[int], seen: dict[str, Any]) -> Any:
        """Return what Diffusion says; all that it draws, at the beginning and on the way, is drawn by environment."""
        import torch

        generators = [self._generators[env] for env in envs]
        shape = (self._config.horizon, self._config.action_feature.shape[0])
        noise = torch.stack([torch.randn(shape, generator=own) for own in generators]).to(self._config.device)
        model = self._policy.diffusion
        sample = type(model).conditional_sample

        def by_environment(size: int, **given: Any) -> Any:
            return sample(model, size, **{**given, "generator": generators})

        model.conditional_sample = by_environment
        self._policy.reset()
        return self._policy.predict_action_chunk(seen, noise=noise)


def versions() -> dict[str, str]:
    """Return the versions of what a policy is run by."""
    return {name: importlib.metadata.version(name) for name in ("lerobot", "torch")}


def check_processors(folder: Path) -> None:
    """Check that a policy's processors are named, and none is a class to be imported from anywhere.

    Raises:
        RefusedError: One is.
    """
    for name in ("policy_preprocessor.json", "policy_postprocessor.json"):
        steps = json.loads((folder / name).read_text(encoding="utf-8"))["steps"]
        for step in steps:
            if "registry_name" not in step:
                raise RefusedError(f"has in {name} a step that is code: {step.get('class')!r}; taken are LeRobot's own")


def serve(commands: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until nothing more comes."""
    policy: Pretrained | None = None
    while (message := read(commands)) is not None:
        told, arrays = message
        try:
            if told["do"] == "open":
                policy = Pretrained(Path(told["folder"]), told["device"])
                write(answers, {"versions": versions()}, {})
                continue
            assert policy is not None
            for env, seed in told["begun"]:
                policy.begin(env, seed)
            write(answers, {}, {"action": policy.act(told["envs"], arrays, told["instruction"])})
        except RefusedError as error:
            write(answers, {"error": str(error)}, {})
        except Exception as error:  # noqa: BLE001 -- whatever LeRobot raises is told to whoever asked
            traceback.print_exc()
            write(answers, {"error": f"{type(error).__name__}: {error}".strip().partition("\n")[0]}, {})


def main() -> None:
    """Serve over standard input and output; what is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
    os._exit(0)  # tearing down what LeRobot imports takes seconds, in which whoever asked would wait


if __name__ == "__main__":
    main()
