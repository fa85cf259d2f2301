"""The configuration of a run: frozen, validated, in and out of TOML.

Precedence, lowest first: the defaults below, a TOML file, the environment (`NUM_TRIALS=5`), and the command line or
Kit's settings. Keys are dotted where they are nested (`mimic.action_noise`).
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks import task_defaults

Flat = dict[str, Any]
"""Configuration values by dotted key."""


def _setting(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A configuration field with what the panel shows and the validation needs."""
    return field(default=default, metadata={"doc": doc, "unit": unit, "low": low, "high": high, "choices": choices})


STRATEGIES = ("random", "nearest_neighbor_object", "nearest_neighbor_robot_distance")
"""Upstream's selection strategies."""


@dataclass(frozen=True, kw_only=True)
class SubtaskConfig:
    """What one subtask has different from the rest; a value left out is the one of all subtasks, or the task's own."""

    action_noise: float | None = _setting(
        None, "Standard deviation of the noise on the arm action", unit="of the action's range", low=0, high=1
    )
    num_interpolation_steps: int | None = _setting(
        None, "Steps from the segment before to this one", unit="steps", low=0, high=1000
    )
    num_fixed_steps: int | None = _setting(
        None, "Steps that wait at the start of the segment", unit="steps", low=0, high=1000
    )
    selection_strategy: str | None = _setting(None, "How the source segment is chosen", choices=STRATEGIES)
    nn_k: int | None = _setting(None, "Nearest neighbours among which one is drawn", low=1, high=1000)
    term_offset_low: int | None = _setting(
        None, "Smallest random delay of the segment's end after its signal", unit="steps", low=0, high=1000
    )
    term_offset_high: int | None = _setting(
        None, "Largest random delay of the segment's end after its signal", unit="steps", low=0, high=1000
    )


@dataclass(frozen=True, kw_only=True)
class MimicConfig:
    """How Mimic stitches source segments, for all subtasks and, under `subtasks`, for single ones."""

    action_noise: float = _setting(
        0.01, "Standard deviation of the Gaussian noise on the arm action", unit="of the action's range", low=0, high=1
    )
    num_interpolation_steps: int = _setting(
        20, "Steps from the end of one segment to the start of the next", unit="steps", low=0, high=1000
    )
    num_fixed_steps: int = _setting(
        10, "Steps that wait at the start of a segment for the arm to catch up", unit="steps", low=0, high=1000
    )
    select_source_per_subtask: bool = _setting(
        True, "Choose the source anew for every subtask, instead of one source for a whole attempt"
    )
    transform_first_robot_pose: bool = _setting(
        True,
        "Start every segment where the hand was in the source, not where it was told to go: "
        "people lead the hand by up to 20 cm, and a path to such a target cuts corners through the scene",
    )
    selection_strategy: str = _setting(
        "nearest_neighbor_object",
        "How the source segment of a subtask is chosen",
        choices=STRATEGIES,
    )
    nn_k: int = _setting(
        3, "Nearest neighbours among which one is drawn, for the two strategies that use them", low=1, high=1000
    )
    subtasks: Mapping[str, SubtaskConfig] = field(default_factory=dict)
    """Exceptions by the subtask's signal; the last subtask, which has none, is called 'final'."""

    def of(self, subtask: str, key: str) -> Any:
        """Return a value for one subtask: its own if it has one, else that of all subtasks."""
        own = getattr(self.subtasks.get(subtask), key, None)
        return own if own is not None else getattr(self, key, None)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run. Relative paths are relative to the current folder."""

    mode: str = _setting(
        "generate",
        "What the run does: generate with Mimic, record the scripted expert, annotate raw demonstrations, or only "
        "replay demonstrations",
        choices=("generate", "record", "annotate", "replay"),
    )
    task: str = _setting("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0", "Registered Isaac Lab Mimic task")
    source: Path | None = _setting(
        None, "Source demonstrations (HDF5): annotated ones to generate from, raw ones to annotate"
    )
    output_dataset: Path = _setting(Path("datasets/generated_dataset.hdf5"), "Where kept demonstrations are written")
    output_dir: Path = _setting(Path("output"), "Folder of the run's records")
    num_trials: int = _setting(
        10, "Demonstrations to keep, or attempts to make without 'guarantee'", low=1, high=10_000_000
    )
    num_envs: int = _setting(1, "Environments simulated side by side", low=1, high=65536)
    seed: int = _setting(1, "Seed of the run, from which every attempt's seed is derived", low=0, high=2**32 - 1)
    device: str = _setting("cpu", "Device of physics and tensors: cpu, cuda or cuda:N")
    guarantee: bool = _setting(True, "Try until num_trials demonstrations are kept, instead of num_trials times")
    max_failures: int = _setting(200, "Failed attempts after which the run gives up", low=1, high=10_000_000)
    settle_steps: int = _setting(
        10, "Steps that success has to hold after the last waypoint", unit="steps", low=0, high=10_000
    )
    keep_failed: bool = _setting(False, "Also write failed attempts, to <output_dataset>_failed.hdf5")
    replay_states: bool = _setting(
        False, "Replay by restoring every recorded state, instead of by the actions from the initial state"
    )
    plots: bool = _setting(False, "Draw how near an unannotated demonstration came, into <output_dir>/plots")
    fresh: bool = _setting(False, "Move an existing output aside, under a dated name, instead of refusing")
    mimic: MimicConfig = field(default_factory=MimicConfig)

    def __post_init__(self) -> None:
        for key, value in self.flat().items():
            _check_value(key, value, field_of(key))
        for name, subtask in self.mimic.subtasks.items():
            low, high = subtask.term_offset_low, subtask.term_offset_high
            if (low is None) != (high is None) or (low is not None and high is not None and low > high):
                raise ConfigError(
                    f"mimic.subtasks.{name}: term_offset_low = {low} and term_offset_high = {high}: "
                    "give both, the low one not above the high one"
                )
        kind, _, index = self.device.partition(":")
        if kind not in ("cpu", "cuda") or (":" in self.device and not (kind == "cuda" and index.isdigit())):
            raise ConfigError(f"device = {self.device!r}: expected cpu, cuda or cuda:N")
        if self.output_dataset.suffix not in (".hdf5", ".h5"):
            raise ConfigError(f"output_dataset = '{self.output_dataset}': expected a name that ends with .hdf5")

    def flat(self) -> Flat:
        """Return every value by its dotted key."""
        return flatten(dataclasses.asdict(self))

    def to_toml(self) -> str:
        """Return the configuration as TOML that `read_toml` reads back; keys without a value are left out."""
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in self.flat().items()}
        return tomli_w.dumps(_nest({key: value for key, value in plain.items() if value is not None}))


def fields() -> dict[str, dataclasses.Field[Any]]:
    """Return every configuration field by its dotted key, in order; `metadata` holds doc, unit and range.

    The fields of single subtasks stand under '<signal>', for any signal.
    """
    top = {f.name: f for f in dataclasses.fields(RunConfig) if f.name != "mimic"}
    mimic = {f"mimic.{f.name}": f for f in dataclasses.fields(MimicConfig) if f.name != "subtasks"}
    subtask = {f"mimic.subtasks.<signal>.{f.name}": f for f in dataclasses.fields(SubtaskConfig)}
    return top | mimic | subtask


def field_of(key: str) -> dataclasses.Field[Any]:
    """Return the field of a dotted key.

    Raises:
        ConfigError: There is none.
    """
    known = fields()
    general = re.sub(r"^mimic\.subtasks\.[^.]+\.", "mimic.subtasks.<signal>.", key)
    if general not in known:
        raise ConfigError(f"unknown key '{key}'; valid keys: {', '.join(known)}")
    return known[general]


def build(*layers: Flat) -> RunConfig:
    """Return the configuration that the layers give, later ones winning over earlier ones and over the task's own.

    Args:
        layers: Values by dotted key; a missing key leaves what the layers before said.

    Raises:
        ConfigError: A key is unknown, or a value has the wrong type or is out of range.
    """
    merged: Flat = {}
    for layer in layers:
        merged |= layer
    merged = task_defaults(str(merged.get("task", RunConfig.task))) | merged
    values = {key: _convert(key, value, field_of(key)) for key, value in merged.items()}
    for key, value in values.items():
        _check_value(key, value, field_of(key))
    tree = _nest(values)
    mimic = tree.pop("mimic", {})
    subtasks = {name: SubtaskConfig(**own) for name, own in mimic.pop("subtasks", {}).items()}
    return RunConfig(**tree, mimic=MimicConfig(**mimic, subtasks=subtasks))


def read_toml(path: Path) -> Flat:
    """Return the values of a TOML file by dotted key.

    Raises:
        ConfigError: The file is missing, not TOML, or names an unknown key.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"configuration file '{path}': {error.strerror}; pass an existing TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration file '{path}' is not valid TOML: {error}") from error
    flat = flatten(tree)
    for key in flat:
        try:
            field_of(key)
        except ConfigError as error:
            raise ConfigError(f"configuration file '{path}': {error}") from error
    return flat


def from_environment(environment: Mapping[str, str]) -> Flat:
    """Return the values given by environment variables: `NUM_TRIALS` for `num_trials`, and so on.

    Only top-level keys have a variable, and not `mode`, which the command says. An empty variable counts as not set.
    """
    keys = [key for key in fields() if "." not in key and key != "mode"]
    return {key: environment[key.upper()] for key in keys if environment.get(key.upper())}


def from_assignments(assignments: list[str]) -> Flat:
    """Return the values of `key=value` strings.

    Raises:
        ConfigError: A string has no `=`.
    """
    flat: Flat = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        if not separator:
            raise ConfigError(f"'{assignment}': expected key=value, for instance mimic.action_noise=0.02")
        flat[key.strip()] = value.strip()
    return flat


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Flat:
    """Return the leaves of nested tables by dotted key."""
    flat: Flat = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _nest(flat: Flat) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, name = key.split(".")
        table = tree
        for parent in parents:
            table = table.setdefault(parent, {})
        table[name] = value
    return tree


def _type_of(setting: dataclasses.Field[Any]) -> type:
    """The plain type of a field, without its `| None`."""
    owner = next(o for o in (RunConfig, MimicConfig, SubtaskConfig) if setting in dataclasses.fields(o))
    hint = typing.get_type_hints(owner)[setting.name]
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return typing.cast(type, hint)


_EXPECTED = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Path: "a path"}


def _convert(key: str, value: Any, setting: dataclasses.Field[Any]) -> Any:
    """Turn what TOML, a variable or the command line says into the field's type."""
    wanted = _type_of(setting)
    error = ConfigError(f"{key} = {value!r}: expected {_EXPECTED[wanted]}")
    if value is None and setting.default is None:
        return None
    if isinstance(value, bool) != (wanted is bool) and not isinstance(value, str):
        raise error
    if wanted is bool and isinstance(value, str):
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if value.lower() not in words:
            raise error
        return words[value.lower()]
    if wanted in (str, Path):
        if not isinstance(value, (str, Path)) or not str(value):
            raise error
        return wanted(value)
    if wanted is int and isinstance(value, float):
        raise error
    try:
        return wanted(value)
    except (TypeError, ValueError):
        raise error from None


def _check_value(key: str, value: Any, setting: dataclasses.Field[Any]) -> None:
    limits = setting.metadata
    low, high, choices = limits["low"], limits["high"], limits["choices"]
    if value is None:
        return
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise ConfigError(f"{key} = {value!r}: expected {_EXPECTED[_type_of(setting)]} from {low} to {high}")
    if choices and value not in choices:
        raise ConfigError(f"{key} = {value!r}: expected one of {', '.join(choices)}")
