"""The command `datagen.sh train`: starts a training in the environment that has the libraries, and follows it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from mimicgen.datagen.config.values import argument_path
from mimicgen.datagen.dataset.files import check_regular
from mimicgen.datagen.dataset.folders import writable_folder
from mimicgen.datagen.dataset.locks import Lock, refuse_unfinished
from mimicgen.datagen.dataset.sources.guard import guarded
from mimicgen.datagen.errors import ConfigError, SetupError
from mimicgen.datagen.policies.training import page
from mimicgen.datagen.policies.training.checking import Facts, check
from mimicgen.datagen.policies.training.choosing import Evaluated
from mimicgen.datagen.policies.training.folder import PAGE, Folder
from mimicgen.datagen.policies.training.following import TRAINER, Follower, Outcome, evaluation_command
from mimicgen.datagen.policies.training.presets import Preset, read_preset
from mimicgen.datagen.text import counted, shown

PROJECT = Path(__file__).resolve().parents[6]

PRESETS = PROJECT / "config" / "train"

PYTHON = PROJECT / ".cache" / "train" / "bin" / "python"
"""Made by `setup.sh --with train`."""

SILENCE = 10.0
"""Seconds between two lines about the loss, and between two versions of the page."""


def train(options: argparse.Namespace) -> int:
    """Train a policy on a dataset, with LeRobot's or robomimic's own network and loss.

    A command that was ended is continued by the same command. Ctrl-C ends it after the step that it takes, with a
    checkpoint.
    """
    dataset, output = (path.expanduser().absolute() for path in (options.dataset, options.output))
    assignments = [*options.set, *_assigned(options)]
    path = preset_file(options.preset)
    preset = read_preset(path, assignments)
    check_regular(dataset)
    (facts,) = guarded(check, (dataset, preset.observations))
    task = options.task or facts.task
    if preset.evaluation.every and not task:
        raise ConfigError(
            f"source '{dataset}' does not say which task it is of, so checkpoints cannot be evaluated; pass --task, or "
            "--evaluate-every 0"
        )
    if not PYTHON.is_file():
        raise SetupError(f"{preset.library} is not installed for training; run: ./scripts/setup.sh --with train")
    refuse_unfinished(output)
    writable_folder(output.parent)
    lock = Lock(output.with_name(f"{output.name}.lock"), output)
    try:
        folder = Folder(output, preset, dataset, options.seed, options.device)
        folder.open(fresh=options.fresh, stamp=time.strftime("%Y%m%d-%H%M%S"))
        given = ["--dataset", dataset, "--output", output, "--device", options.device, "--seed", options.seed]
        words = [*given, *(word for one in assignments for word in ("--set", one))]
        command = [str(PYTHON), "-m", TRAINER, "--preset", str(path.absolute()), *map(str, words)]
        console = _Console(folder, preset, facts, dataset, task, as_json=options.json)
        follower = Follower(
            command,
            folder,
            preset.training.steps,
            preset.evaluation,
            evaluation_command(task, facts.settings),
            console.tell,
        )
        return console.ended(follower.run())
    finally:
        lock.close()


def preset_file(name: str) -> Path:
    """Return the file of a preset: one that comes with the project by its name, any other by its path.

    Raises:
        ConfigError: There is none of that name.
    """
    if name.endswith(".toml"):
        return argument_path(name).expanduser()
    path = PRESETS / f"{name}.toml"
    known = sorted(own.stem for own in PRESETS.glob("*.toml"))
    if name not in known:
        raise ConfigError(f"preset = '{shown(name)}': known: {', '.join(known)}; or pass a file that ends with .toml")
    return path


def add_train(commands: Any) -> None:
    """Add the command."""
    help_line = (train.__doc__ or "").partition("\n")[0]
    command = commands.add_parser("train", help=help_line, description=train.__doc__, allow_abbrev=False)
    command.set_defaults(command=train)
    known = ", ".join(sorted(own.stem for own in PRESETS.glob("*.toml")))
    command.add_argument("--preset", default="diffusion", metavar="NAME|FILE", help=f"{known} (default: diffusion)")
    about = "HDF5 file of demonstrations"
    command.add_argument("--dataset", type=argument_path, required=True, metavar="FILE", help=about)
    about = "folder of the training (default: output/policy)"
    command.add_argument(
        "--output", type=argument_path, default=PROJECT / "output" / "policy", metavar="FOLDER", help=about
    )
    about = "where it trains (default: a GPU where there is one)"
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=about)
    command.add_argument("--seed", type=int, default=1, help="of the weights, the batches and the noise (default 1)")
    command.add_argument("--steps", type=int, metavar="N", help="gradient steps, training.steps")
    about = "steps between two evaluated checkpoints, evaluation.every; 0: none is"
    command.add_argument("--evaluate-every", type=int, metavar="N", help=about)
    command.add_argument("--task", help="in which checkpoints are evaluated (default: the dataset's)")
    command.add_argument("--fresh", action="store_true", help="move an older training aside, and begin anew")
    about = "any key of the preset, for instance training.batch_size=64; repeatable"
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=about)
    command.add_argument("--json", action="store_true", help="print a line of JSON for what happens")


def _assigned(options: argparse.Namespace) -> list[str]:
    own = {"training.steps": options.steps, "evaluation.every": options.evaluate_every}
    return [f"{key}={value}" for key, value in own.items() if value is not None]


class _Console:
    """Tells what happens: on the terminal, and in the page."""

    def __init__(self, folder: Folder, preset: Preset, facts: Facts, dataset: Path, task: str, *, as_json: bool):
        self._folder, self._preset, self._task, self._json = folder, preset, task, as_json
        many = counted(facts.demonstrations, "demonstration")
        observations = preset.observations
        self._facts: dict[str, object] = {
            "policy": f"{preset.policy}, of {preset.library}",
            "dataset": f"{dataset}: {many}",
            "task": task or "not named",
            "observations": ", ".join((*observations.numbers, *observations.images)),
        }
        self._said = 0.0
        self._paged = 0.0
        self._terminal = sys.stdout.isatty()
        self._say(
            f"training {preset.policy} of {preset.library} on {many} of {dataset}; log in {folder.path}/train.log"
        )

    def tell(self, told: dict[str, Any]) -> None:
        """Tell what the process has said, or what came of an evaluation."""
        if self._json:
            print(json.dumps(told), flush=True)
        else:
            self._tell_words(told)
        if told["event"] == "begin":
            self._folder.write({name: told[name] for name in ("parameters", "samples", "device", "torch")})
        if told["event"] != "step" or time.monotonic() - self._paged >= SILENCE:
            self._write_page(over=False)

    def ended(self, outcome: Outcome) -> int:
        """Tell how it ended, and return the exit code."""
        policy = None if outcome.best is None else self._folder.lead_to(outcome.best)
        whys = {"done": "done: all steps were taken", "stopped": "stopped; the same command goes on"}
        whys["still"] = f"done: success did not rise over {counted(self._preset.evaluation.patience, 'evaluation')}"
        self._folder.write(
            {
                "why": outcome.why,
                "evaluated": [
                    {"step": one.step, "attempts": one.attempts, "successes": one.successes}
                    for one in outcome.evaluated
                ],
                "policy": None if outcome.best is None else str(outcome.best.relative_to(self._folder.path)),
            }
        )
        self._facts["ended"] = whys[outcome.why]
        self._write_page(over=True)
        told = {"event": "end", "why": outcome.why, "policy": None if policy is None else str(policy)}
        told["task"] = self._task
        if self._json:
            print(json.dumps(told), flush=True)
        self._say(whys[outcome.why])
        if policy is not None and outcome.best is not None:
            self._say(f"  wrote {policy}, which leads to {outcome.best.relative_to(self._folder.path)}")
        self._say(f"  wrote {self._folder.path / PAGE}")
        return 130 if outcome.why == "stopped" else 0

    def _write_page(self, *, over: bool) -> None:
        page.write(self._folder.path / PAGE, self._facts, self._folder.lines(), over=over)
        self._paged = time.monotonic()

    def _tell_words(self, told: dict[str, Any]) -> None:
        event = told["event"]
        if event == "begin":
            begun = f"from step {told['step']}" if told["step"] else "from the beginning"
            self._say(f"  {told['parameters']:,} parameters, {told['samples']:,} samples, on {told['device']}; {begun}")
        elif event == "step":
            self._tell_step(told)
        elif event == "checkpoint":
            self._say(f"  checkpoint {told['step']}: {told['path']}")
        elif event == "note":
            self._say(f"  {told['message']}")
        elif event == "evaluation":
            one = Evaluated(step=told["step"], attempts=told["attempts"], successes=told["successes"])
            low, high = (f"{100 * end:.0f}" for end in one.interval)
            best = ", the best so far" if told["best"] else ""
            rate = f"{100 * one.rate:.1f}% ({low} to {high})"
            self._say(f"  step {one.step}: {one.successes} of {one.attempts} episodes succeeded, {rate}{best}")

    def _tell_step(self, told: dict[str, Any]) -> None:
        pace = f"{told['steps_per_second']:.3g} steps/s, {_span(told['eta'])} to go"
        words = f"  step {told['step']} of {self._preset.training.steps}, loss {told['loss']:.4g}, {pace}"
        if self._terminal:
            print(f"\r{shown(words):<78}", end="", flush=True)
        elif time.monotonic() - self._said >= SILENCE:
            self._say(words)
            self._said = time.monotonic()

    def _say(self, words: str) -> None:
        if not self._json:
            print(f"\r{shown(words):<78}" if self._terminal else shown(words), flush=True)


def _span(seconds: float) -> str:
    """Return a time as people say it: '40 s', '12 min', '3.5 h'."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
