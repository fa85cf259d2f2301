"""The process that trains: reads a preset and a dataset, writes checkpoints, and says in JSON what happens.

    python -m mimicgen.datagen.policies.training.trainer --preset FILE.toml --dataset FILE.hdf5 --output FOLDER

It imports neither Kit nor Isaac Lab: torch, NumPy, h5py, msgspec, tomli_w, and the library whose policy is trained. A
line says `event`: 'begin', 'step', 'checkpoint', 'note', 'end' (`why`: 'done' or 'stopped') or 'error' (`message`,
`code`). SIGTERM and SIGINT end it after the step that it takes, with a checkpoint, and so does the end of whoever reads
the lines; the same command goes on from there. Exit codes: 0 done, 1 failed, 2 bad input, 130 stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.errors import DatagenError, OutputError, PolicyError, SetupError
from mimicgen.datagen.policies.training.checkpoints import read_state, write_checkpoint, write_state
from mimicgen.datagen.policies.training.data import Demonstrations, load
from mimicgen.datagen.policies.training.learner import Learner
from mimicgen.datagen.policies.training.optimising import Optimisation
from mimicgen.datagen.policies.training.presets import Preset, read_preset

Tell = Callable[[dict[str, Any]], None]

TELLING = 1.0
"""Seconds between two lines about the loss, at least."""


def train(
    preset: Preset, dataset: Path, output: Path, device: torch.device, seed: int, tell: Tell, stop: Callable[[], bool]
) -> bool:
    """Train a policy, or go on with it.

    Args:
        preset: What is trained.
        dataset: HDF5 file of demonstrations.
        output: Folder of the training.
        device: Where.
        seed: Of the weights at the beginning, the batches and the noise.
        tell: Told what happens.
        stop: Asked after every step whether to end.

    Returns:
        Whether all steps were taken.

    Raises:
        DatagenError: Something that was passed does not serve, or the loss is no number any more.
    """
    torch.manual_seed(seed)
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    started = time.monotonic()
    data = load(dataset, preset.observations, device)
    learner = learner_of(preset, data, device)
    writable_folder(output)
    optimisation = Optimisation(
        learner, preset.training, device, lambda words: tell({"event": "note", "message": words})
    )
    state = read_state(output)
    if state is not None:
        try:
            optimisation.restore(state)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise OutputError(
                f"output '{output}' has the state of another training ({type(error).__name__}); move it away, or "
                "choose another --output"
            ) from error
    tell(
        {
            "event": "begin",
            "step": optimisation.step,
            "steps": preset.training.steps,
            "demonstrations": len(data.names),
            "samples": int(data.lengths.sum()),
            "parameters": sum(own.numel() for own in learner.module.parameters()),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "torch": torch.__version__,
            "seconds": time.monotonic() - started,
        }
    )
    for words in learner.notes:
        tell({"event": "note", "message": words})
    return _Loop(preset, output, learner, optimisation, tell, stop).run()


def learner_of(preset: Preset, data: Demonstrations, device: torch.device) -> Learner:
    """Return what learns.

    Raises:
        ConfigError: The preset says what the library does not take.
        SetupError: The library is not installed.
    """
    try:
        if preset.library == "robomimic":
            from mimicgen.datagen.policies.training.robomimic import RobomimicLearner

            return RobomimicLearner(preset, data, device)
        from mimicgen.datagen.policies.training.lerobot import LeRobotLearner

        return LeRobotLearner(preset, data, device)
    except ModuleNotFoundError as error:
        raise SetupError(f"{preset.library} needs {error.name}; run: ./scripts/setup.sh --with train") from error


class _Loop:
    def __init__(
        self,
        preset: Preset,
        output: Path,
        learner: Learner,
        optimisation: Optimisation,
        tell: Tell,
        stop: Callable[[], bool],
    ):
        self._training = preset.training
        self._output = output
        self._learner = learner
        self._optimisation = optimisation
        self._tell = tell
        self._stop = stop
        self._told = (optimisation.step, time.monotonic())

    def run(self) -> bool:
        training, optimisation = self._training, self._optimisation
        while optimisation.step < training.steps and not self._stop():
            optimisation.take()
            if optimisation.step % training.save_every == 0 and optimisation.step < training.steps:
                self._save()
            elif time.monotonic() - self._told[1] >= TELLING:
                self._tell_step()
        self._save()
        return optimisation.step >= training.steps

    def _save(self) -> None:
        self._tell_step()  # a loss that is no number is no checkpoint
        step = self._optimisation.step
        path = write_checkpoint(self._output, step, self._learner, self._optimisation.average)
        write_state(self._output, step, self._optimisation.state())
        self._tell({"event": "checkpoint", "step": step, "path": str(path)})

    def _tell_step(self) -> None:
        """Tell the loss since the last time.

        Raises:
            PolicyError: It is no number any more.
        """
        optimisation = self._optimisation
        loss = optimisation.loss()
        if loss is None:
            return
        step, now = optimisation.step, time.monotonic()
        if not math.isfinite(loss):
            raise PolicyError(
                f"the loss is {loss} at step {step}; train with a smaller training.learning_rate than "
                f"{self._training.learning_rate:g}, or with training.gradient_clip = 1.0"
            )
        rate = (step - self._told[0]) / max(now - self._told[1], 1e-9)
        self._told = (step, now)
        left = (self._training.steps - step) / rate
        self._tell({"event": "step", "step": step, "loss": loss, "steps_per_second": rate, "eta": left})


def device_of(name: str) -> torch.device:
    """Return a device by name, for 'auto' a GPU where there is one.

    Raises:
        SetupError: It is not there.
    """
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise SetupError("device = 'cuda': torch sees no GPU here; pass --device cpu, or leave it out")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process; see above."""
    parser = argparse.ArgumentParser(prog="trainer", description=__doc__, allow_abbrev=False)
    for name in ("preset", "dataset", "output"):
        parser.add_argument(f"--{name}", type=argument_path, required=True, metavar="PATH")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    stopped: list[int] = []
    tell = _telling(lambda: stopped.append(signal.SIGPIPE))

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        preset = read_preset(options.preset, options.set)
        done = train(
            preset,
            options.dataset.expanduser().absolute(),
            options.output.expanduser().absolute(),
            device_of(options.device),
            options.seed,
            tell,
            lambda: bool(stopped),
        )
    except DatagenError as error:
        tell({"event": "error", "message": str(error), "code": error.exit_code})
        return error.exit_code
    except torch.OutOfMemoryError as error:
        short = f"the device has not enough memory: {error}; train with a smaller training.batch_size"
        tell({"event": "error", "message": short, "code": 2})
        return 2
    tell({"event": "end", "why": "done" if done else "stopped"})
    return 0 if done else 130


def _telling(unheard: Callable[[], None]) -> Tell:
    """Return what writes lines to the standard output, which libraries that print get no more.

    Args:
        unheard: Called when nobody reads them any more.
    """
    out = os.dup(1)
    os.dup2(2, 1)

    def tell(values: dict[str, Any]) -> None:
        try:
            os.write(out, json.dumps(values).encode() + b"\n")
        except BrokenPipeError:
            unheard()

    return tell


if __name__ == "__main__":
    sys.exit(main())
