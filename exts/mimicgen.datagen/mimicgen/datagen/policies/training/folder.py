"""The folder of a training: where things are, whose it is, and which training it has.

training.json   what is trained, on what, with which versions; and what came of it
preset.toml     the preset with all its values, which `train --preset` takes
training.jsonl  a line for what happened: losses, checkpoints, evaluations
train.log       what the libraries printed
checkpoints/    `step_006000`, a folder of LeRobot's, or `step_006000.pth`, a file of robomimic's
policy          leads to the best checkpoint, to the last one where none was evaluated; `policy.pth` of robomimic
evaluations/    a folder an evaluated checkpoint
state_006000.pt what the training goes on from
train.html      the page
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from mimicgen.datagen.dataset.folders import explained, writable_folder
from mimicgen.datagen.dataset.ours import JOB_MARK, is_ours, read_json
from mimicgen.datagen.dataset.replacing import lead, move_aside, new_file, rotate
from mimicgen.datagen.errors import OutputError
from mimicgen.datagen.policies.training.presets import Preset
from mimicgen.datagen.version import __version__

RECORD, PRESET, LINES, PAGE = "training.json", "preset.toml", "training.jsonl", "train.html"

LOGS = tuple(f"train{number}.log" for number in ("", ".1", ".2", ".3"))
"""Of the runs of the process, the last one's first."""

_STATE = re.compile(r"state_(\d{6,9})\.pt")
_CHECKPOINT = re.compile(r"step_(\d{6,9})(\.pth)?")


def checkpoints_in(output: Path) -> dict[int, Path]:
    """Return the checkpoints of a training by step, in order."""
    found = output.joinpath("checkpoints").glob("step_*")
    return dict(sorted((int(told[1]), path) for path in found if (told := _CHECKPOINT.fullmatch(path.name))))


def states_in(output: Path) -> dict[int, Path]:
    """Return what a training can go on from, by step, in order; after a kill there may be two."""
    found = output.glob("state_*.pt")
    return dict(sorted((int(told[1]), path) for path in found if (told := _STATE.fullmatch(path.name))))


class Folder:
    """The folder of a training.

    Args:
        path: The folder.
        preset: What is trained.
        dataset: On what.
        seed: With which seed.
        device: On which device.
    """

    def __init__(self, path: Path, preset: Preset, dataset: Path, seed: int, device: str):
        self.path = path
        self._preset = preset
        told = msgspec.to_builtins(preset)
        self._record: dict[str, Any] = {
            "mimicgen.datagen": __version__,
            "config": {name: own for name, own in told.items() if name != "evaluation"},
            "dataset": dataset.name,
            "bytes": dataset.stat().st_size,
            "seed": seed,
        }
        self._facts: dict[str, Any] = {"device": device, "evaluation": told["evaluation"]}

    def open(self, *, fresh: bool, stamp: str) -> None:
        """Make the folder, or go on with the training in it.

        Args:
            fresh: Whether what is there is moved aside.
            stamp: Which is put into its name then.

        Raises:
            OutputError: Something else is there, or another training, or the folder cannot be written.
        """
        if fresh:
            move_aside(self.path, stamp)
        with explained(self.path):
            if os.path.lexists(self.path) and (self.path.is_symlink() or not self.path.is_dir()):
                raise OutputError(f"output '{self.path}' exists, and is no folder; choose another --output")
            if self.path.is_dir() and any(self.path.iterdir()):
                self._check()
        writable_folder(self.path)
        self.write({})
        with explained(self.path), new_file(self.path / PRESET, replace=is_ours) as scratch:
            text = f"{JOB_MARK} {__version__}: what is trained here; datagen.sh train --preset takes it\n"
            scratch.write_text(text + tomli_w.dumps(msgspec.to_builtins(self._preset)), encoding="utf-8")

    def write(self, facts: dict[str, Any]) -> None:
        """Write the record, with what is known by now.

        Raises:
            OutputError: It cannot be written.
        """
        self._facts |= facts
        with explained(self.path), new_file(self.path / RECORD, replace=is_ours) as scratch:
            scratch.write_text(json.dumps(self._record | self._facts, indent=1, default=str) + "\n", encoding="utf-8")

    def fresh_log(self) -> Path:
        """Return where the log of the next process goes; those of earlier ones get other names.

        Raises:
            OutputError: They cannot be renamed.
        """
        rotate([self.path / name for name in LOGS])
        return self.path / LOGS[0]

    def add(self, line: dict[str, Any]) -> None:
        """Write a line about what happened.

        Raises:
            OutputError: It cannot be written.
        """
        with explained(self.path), (self.path / LINES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what happened so far; a line that a kill left unfinished is no line."""
        path = self.path / LINES
        for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                told = json.loads(text)
            except ValueError:
                continue
            if isinstance(told, dict):
                yield told

    def evaluation(self, step: int) -> Path:
        """Return the folder of the evaluation of a step's checkpoint."""
        return self.path / "evaluations" / f"step_{step:06d}"

    def lead_to(self, checkpoint: Path) -> Path:
        """Have `policy` lead to a checkpoint, and return it.

        Raises:
            OutputError: Something else is called so.
        """
        link = self.path / f"policy{checkpoint.suffix}"
        lead(link, checkpoint)
        return link

    def _check(self) -> None:
        """Raise `OutputError` unless the folder has this very training."""
        told = read_json(self.path / RECORD)
        if not is_ours(self.path / RECORD) or not self._record.keys() <= told.keys():
            raise OutputError(
                f"output '{self.path}' exists, and is no training; move it away, or choose another --output"
            )
        plain = json.loads(json.dumps(self._record))
        other = [name for name in _different(plain, told) if name != "mimicgen.datagen"]
        if other:
            names = ", ".join(other)
            raise OutputError(
                f"output '{self.path}' has another training, with other {names}; pass what it was begun with, --fresh "
                "to move it aside, or another --output"
            )


def _different(ours: dict[str, Any], theirs: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the keys of which two records say different things, those of the preset as a preset calls them."""
    for key, own in ours.items():
        other = theirs.get(key)
        if isinstance(own, dict) and isinstance(other, dict):
            below = f"{prefix}{key}." if key != "config" else prefix
            yield from _different(own | dict.fromkeys(other.keys() - own.keys()), other, below)
        elif own != other:
            yield f"{prefix}{key}"
