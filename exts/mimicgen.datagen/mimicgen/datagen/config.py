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
from mimicgen.datagen.sections import (
    CameraConfig,
    MimicConfig,
    RandomizationConfig,
    RenderConfig,
    SubtaskConfig,
    setting,
)
from mimicgen.datagen.tasks import task_defaults

Flat = dict[str, Any]
"""Configuration values by dotted key."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run. Relative paths are relative to the current folder."""

    mode: str = setting(
        "generate",
        "What the run does: generate with Mimic, record the scripted expert, annotate raw demonstrations, "
        "render a dataset, or only replay demonstrations",
        choices=("generate", "record", "annotate", "render", "replay"),
    )
    task: str = setting("Isaac-Stack-Cube-Franka-IK-Rel-Mimic-v0", "Registered Isaac Lab Mimic task")
    source: Path | None = setting(
        None, "Source demonstrations (HDF5): annotated ones to generate from, raw ones to annotate, any to render"
    )
    output_dataset: Path = setting(Path("datasets/generated_dataset.hdf5"), "Where kept demonstrations are written")
    output_dir: Path = setting(Path("output"), "Folder of the run's records")
    num_trials: int = setting(
        10, "Demonstrations to keep, or attempts to make without 'guarantee'", low=1, high=10_000_000
    )
    num_envs: int = setting(1, "Environments simulated side by side", low=1, high=65536)
    seed: int = setting(1, "Seed of the run, from which every attempt's seed is derived", low=0, high=2**32 - 1)
    device: str = setting("cpu", "Device of physics and tensors: cpu, cuda or cuda:N")
    guarantee: bool = setting(True, "Try until num_trials demonstrations are kept, instead of num_trials times")
    give_up_below: float = setting(
        0.02,
        "Success rate below which a run with 'guarantee' gives up, when the whole 95% interval lies below it, after at "
        "least 50 attempts; 0: never",
        low=0,
        high=1,
    )
    max_failures: int | None = setting(
        None,
        "Failed attempts after which a run with 'guarantee' gives up, however many succeed",
        low=1,
        high=10_000_000,
    )
    settle_steps: int = setting(
        10, "Steps that success has to hold after the last waypoint", unit="steps", low=0, high=10_000
    )
    early_abort: bool = setting(True, "End an attempt when a subtask is over and its signal has not come")
    report: bool = setting(True, "Write report.html when a run has ended by itself: replay, funnel, plots, table")
    live_port: int | None = setting(
        None, "Port of 127.0.0.1 at which the report is shown during the run; 0 takes a free one", low=0, high=65535
    )
    keep_failed: bool = setting(False, "Also write failed attempts, to <output_dataset>_failed.hdf5")
    replay_states: bool = setting(
        False, "Replay by restoring every recorded state, instead of by the actions from the initial state"
    )
    plots: bool = setting(False, "Draw how near an unannotated demonstration came, into <output_dir>/plots")
    fresh: bool = setting(False, "Move an existing output aside, under a dated name, instead of continuing it")
    mimic: MimicConfig = field(default_factory=MimicConfig)
    randomization: RandomizationConfig = field(default_factory=RandomizationConfig)
    render: RenderConfig = field(default_factory=RenderConfig)

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
        for key in ("cube_x", "cube_y", "cube_yaw"):
            pair = getattr(self.randomization, key)
            if pair is not None and not pair[0] <= pair[1]:
                raise ConfigError(f"randomization.{key} = {list(pair)}: expected the smaller number first")
        _check_render(self.render)
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

    The fields of single subtasks stand under '<signal>', for any signal, those of cameras under '<camera>'.
    """
    found: dict[str, dataclasses.Field[Any]] = {}
    for prefix, owner in _SECTIONS.items():
        found |= {f"{prefix}{f.name}": f for f in dataclasses.fields(owner) if f.metadata}
    return found


def field_of(key: str) -> dataclasses.Field[Any]:
    """Return the field of a dotted key.

    Raises:
        ConfigError: There is none.
    """
    known = fields()
    general = re.sub(r"^mimic\.subtasks\.[^.]+\.", "mimic.subtasks.<signal>.", key)
    general = re.sub(r"^render\.cameras\.[^.]+\.", "render.cameras.<camera>.", general)
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
    tree = _nest({key: parse(key, value) for key, value in merged.items()})
    mimic = tree.pop("mimic", {})
    subtasks = {name: SubtaskConfig(**own) for name, own in mimic.pop("subtasks", {}).items()}
    randomization = RandomizationConfig(**tree.pop("randomization", {}))
    render = tree.pop("render", {})
    cameras = {name: CameraConfig(**own) for name, own in render.pop("cameras", {}).items()}
    return RunConfig(
        **tree,
        mimic=MimicConfig(**mimic, subtasks=subtasks),
        randomization=randomization,
        render=RenderConfig(**render, cameras=cameras),
    )


def parse(key: str, value: Any) -> Any:
    """Return a value in its key's type, from what a text field, TOML, a variable or the command line says.

    Raises:
        ConfigError: The key is unknown, or the value has the wrong type or is out of range.
    """
    setting = field_of(key)
    parsed = _convert(key, value, setting)
    _check_value(key, parsed, setting)
    return parsed


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


_SECTIONS: dict[str, type[Any]] = {
    "": RunConfig,
    "mimic.": MimicConfig,
    "mimic.subtasks.<signal>.": SubtaskConfig,
    "randomization.": RandomizationConfig,
    "render.": RenderConfig,
    "render.cameras.<camera>.": CameraConfig,
}
"""The dataclass that holds the keys after a prefix."""


def _type_of(setting: dataclasses.Field[Any]) -> type:
    """The plain type of a field, without its `| None`, or `tuple[item, ...]`."""
    owner = next(owner for owner in _SECTIONS.values() if setting in dataclasses.fields(owner))
    hint = typing.get_type_hints(owner)[setting.name]
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    return typing.cast(type, hint)


_EXPECTED: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    Path: "a path",
    tuple[str, ...]: "a list of texts",
    tuple[float, ...]: "a list of numbers",
}


def _convert(key: str, value: Any, setting: dataclasses.Field[Any]) -> Any:
    """Turn what TOML, a variable or the command line says into the field's type."""
    wanted = _type_of(setting)
    error = ConfigError(f"{key} = {value!r}: expected {_EXPECTED[wanted]}")
    if value is None and setting.default is None:
        return None
    if typing.get_origin(wanted) is tuple:
        # A variable, a setting or the command line has one text for all items.
        items = [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise error
        (item_type, _) = typing.get_args(wanted)
        try:
            return tuple(item_type(item) for item in items)
        except (TypeError, ValueError):
            raise error from None
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
    if limits["length"] is not None and len(value) != limits["length"]:
        raise ConfigError(f"{key} = {list(value)}: expected {limits['length']} numbers")
    for item in value if isinstance(value, tuple) else (value,):
        if (low is not None and not item >= low) or (high is not None and not item <= high):
            raise ConfigError(f"{key} = {value!r}: expected {_EXPECTED[_type_of(setting)]} from {low} to {high}")
        if choices and item not in choices:
            raise ConfigError(f"{key} = {item!r}: expected one of {', '.join(choices)}")


def _check_render(render: RenderConfig) -> None:
    unknown = [name for name in render.views if name not in render.cameras]
    if unknown:
        known = ", ".join(render.cameras) or "none"
        raise ConfigError(f"render.views = '{unknown[0]}': there is no such camera; cameras: {known}")
    if render.in_dataset and render.every != 1:
        raise ConfigError(
            f"render.every = {render.every} with render.in_dataset: a dataset has an image a step; set render.every = 1"
        )
    for name, camera in render.cameras.items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ConfigError(f"render.cameras.{name}: a camera's name has letters, digits, - and _ only")
        if abs(sum(x * x for x in camera.orientation) - 1.0) > 1e-2:
            raise ConfigError(
                f"render.cameras.{name}.orientation = {list(camera.orientation)}: "
                "expected a unit quaternion (x, y, z, w)"
            )
        if camera.near >= camera.far:
            raise ConfigError(f"render.cameras.{name}: near = {camera.near} is not below far = {camera.far}")
