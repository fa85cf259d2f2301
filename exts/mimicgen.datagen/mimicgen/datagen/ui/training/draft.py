"""What a training is started with while it is edited: what was typed, what is wrong with it, and the options."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mimicgen.datagen.cli.policies.training import PRESETS, PYTHON, preset_file
from mimicgen.datagen.config.values import as_path
from mimicgen.datagen.errors import BadInputError, ConfigError
from mimicgen.datagen.policies.training.presets import read_preset
from mimicgen.datagen.ui.draft import shown


@dataclass(frozen=True, kw_only=True)
class Option:
    """What an option of `datagen.sh train` takes; see `ui.fields.About`."""

    doc: str
    default: Any = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


OPTIONS = {
    "preset": Option(
        doc="What is trained: network, loss, and what is observed",
        default="diffusion",
        choices=tuple(sorted(path.stem for path in PRESETS.glob("*.toml"))),
    ),
    "dataset": Option(doc="HDF5 file of demonstrations"),
    "output": Option(doc="Folder of the training", default="output/policy"),
    "device": Option(
        doc="Where it trains; auto: on a GPU where there is one", default="auto", choices=("auto", "cpu", "cuda")
    ),
    "seed": Option(doc="Of the weights, the batches and the noise", default=1, low=0),
    "steps": Option(doc="Gradient steps", low=1),
    "evaluate_every": Option(doc="Gradient steps between two evaluated checkpoints; 0: none is", low=0),
    "task": Option(doc="Task in which checkpoints are evaluated"),
    "set": Option(doc="Keys of the preset, as --set takes them: KEY=VALUE, several with blanks between them"),
    "fresh": Option(doc="Move an older training in the same folder aside, and begin anew", default=False),
}
"""The options by name, with what they are where nothing is typed; None: what the preset or the dataset says."""

NUMBERS = ("seed", "steps", "evaluate_every")


class TrainingDraft:
    """Values by option, as they were typed.

    Args:
        dataset: Says which dataset it is while none is typed.

    Attributes:
        version: Grows with every change.
        problems: What is wrong, by option, in words.
    """

    def __init__(self, dataset: Callable[[], object]):
        self.version = 0
        self.problems: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._dataset = dataset
        self.check()

    def value(self, key: str) -> Any:
        """Return what was typed for an option, else its default; None when it has neither."""
        own = self._dataset() if key == "dataset" else OPTIONS[key].default
        return self._values.get(key, own)

    def put(self, key: str, value: Any) -> None:
        """Put in what was typed; an empty text takes the option's own value back."""
        if value in ("", None) and OPTIONS[key].default is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        self.check()

    def about(self, key: str) -> Option:
        """Return what an option takes."""
        return OPTIONS[key]

    def named(self, key: str) -> str:
        """Return what an option is called on the command line."""
        return f"Option: --{key.replace('_', '-')}"

    def look(self) -> None:
        """See whether a dataset that was not there has come meanwhile: it may be generated while this is open."""
        if "dataset" in self.problems and not self._missing():
            self.check()

    def check(self) -> None:
        """Look anew at what is wrong."""
        self.version += 1
        self.problems = {}
        for key in NUMBERS:
            self._check_number(key)
        if missing := self._missing():
            self.problems["dataset"] = missing
        if not str(self.value("output")).strip():
            self.problems["output"] = "Choose a folder"
        try:
            read_preset(preset_file(self.value("preset")), self._assignments())
        except BadInputError as error:
            self.problems["set"] = shown(error)
        if not PYTHON.is_file():
            self.problems["preset"] = "No library is installed for training; run: ./scripts/setup.sh --with train"

    def options(self) -> list[str]:
        """Return the options of `datagen.sh train`; without problems it takes them."""
        paths = {key: str(as_path(key, self.value(key)).expanduser().absolute()) for key in ("dataset", "output")}
        told = {key: self.value(key) for key in OPTIONS if key not in ("set", "fresh")} | paths
        words = [
            word
            for key, value in told.items()
            if value is not None
            for word in (f"--{key.replace('_', '-')}", str(value))
        ]
        words += [word for assignment in self._assignments() for word in ("--set", assignment)]
        return [*words, "--fresh"] if self.value("fresh") is True else words

    def _missing(self) -> str:
        """Return what is wrong with the dataset; nothing where it is there."""
        dataset = self.value("dataset")
        try:
            there = as_path("dataset", dataset).expanduser().is_file()
        except ConfigError as error:
            return shown(error)
        return "" if there else f"'{dataset}' does not exist; generate one, or choose another"

    def _assignments(self) -> list[str]:
        try:
            return shlex.split(str(self.value("set") or ""))
        except ValueError as error:  # a quotation that does not end
            raise ConfigError(f"set: {error}; expected KEY=VALUE, with blanks between several") from error

    def _check_number(self, key: str) -> None:
        value, low = self.value(key), OPTIONS[key].low or 0
        if value is not None and not (str(value).isascii() and str(value).isdecimal() and int(value) >= low):
            self.problems[key] = f"Expected a whole number from {low:g}"
