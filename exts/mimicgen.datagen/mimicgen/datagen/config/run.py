"""The configuration of a run: frozen, validated, out as TOML; `layers.py` brings it in.

Keys are dotted where they are nested (`mimic.action_noise`). Single values are converted and checked by `values.py`;
what holds between values is checked here.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from mimicgen.datagen.config.sections import (
    CameraConfig,
    MimicConfig,
    RandomizationConfig,
    RenderConfig,
    SubtaskConfig,
    setting,
)
from mimicgen.datagen.config.values import check, convert, quoted, type_of
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.tasks.families import task_defaults

Flat = dict[str, Any]
"""Configuration values by dotted key."""

NAME_BYTES = 200
"""Length of a dataset's name at most; older ones get a date, and a folder beside it an ending [bytes]."""


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
    variant: str = setting("d0", "How attempts of a task by file start: one of its variants")
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
    physics: str = setting(
        "mujoco",
        "Engine of the embedded runtime: MuJoCo (its own on a CPU, MuJoCo Warp on CUDA), or PhysX, which Isaac Sim has",
        choices=("mujoco", "physx"),
    )
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
            check(key, value, field_of(key), type_of_key(key))
        for name, subtask in self.mimic.subtasks.items():
            low, high = subtask.term_offset_low, subtask.term_offset_high
            if (low is None) != (high is None) or (low is not None and high is not None and low > high):
                raise ConfigError(
                    f"mimic.subtasks.{name}: term_offset_low = {low} and term_offset_high = {high}: "
                    "give both, the low one not above the high one"
                )
        _check_randomization(self.randomization)
        _check_render(self.render)
        kind, _, index = self.device.partition(":")
        if kind not in ("cpu", "cuda") or (
            ":" in self.device and not (kind == "cuda" and re.fullmatch("[0-9]{1,3}", index))
        ):
            raise ConfigError(f"device = {quoted(self.device)}: expected cpu, cuda or cuda:N")
        if self.output_dataset.suffix not in (".hdf5", ".h5"):
            raise ConfigError(f"output_dataset = {quoted(self.output_dataset)}: expected a name that ends with .hdf5")
        if len(os.fsencode(self.output_dataset.name)) > NAME_BYTES:
            raise ConfigError(
                f"output_dataset = {quoted(self.output_dataset)}: expected a name of at most {NAME_BYTES} bytes: "
                "files beside it are called after it"
            )

    def flat(self) -> Flat:
        """Return every value by its dotted key."""
        return flatten(dataclasses.asdict(self))

    def to_toml(self) -> str:
        """Return the configuration as TOML that `layers.read_toml` reads back; keys without a value are left out."""
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
    general = _general(key)
    if general not in known:
        raise ConfigError(_unknown(key, list(known)))
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
    wanted = type_of_key(key)
    parsed = convert(key, value, setting, wanted)
    check(key, parsed, setting, wanted)
    return parsed


def check_separation(randomization: Mapping[str, Any]) -> None:
    """Check that two cubes can be as far apart as they have to be, where that is known: a reset would try in vain.

    Args:
        randomization: Values of the keys of `randomization`, a run's or a task's.

    Raises:
        ConfigError: They cannot.
    """
    x, y, apart = (randomization.get(key) for key in ("cube_x", "cube_y", "min_separation"))
    if x is not None and y is not None and apart is not None and apart > math.hypot(x[1] - x[0], y[1] - y[0]):
        raise ConfigError(
            f"randomization.min_separation = {apart}: no two places in cube_x = {list(x)} and cube_y = {list(y)} are "
            "so far apart; make it smaller, or the ranges larger"
        )


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Flat:
    """Return the leaves of nested tables by dotted key."""
    flat: Flat = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _general(key: str) -> str:
    """Return a key with the names that users give, of subtasks and of cameras, taken out."""
    general = re.sub(r"^mimic\.subtasks\.[^.]+\.", "mimic.subtasks.<signal>.", key)
    return re.sub(r"^render\.cameras\.[^.]+\.", "render.cameras.<camera>.", general)


def _unknown(key: str, known: Sequence[str]) -> str:
    """Return what to say of an unknown key: the key that was meant, or else those of its section."""
    general = _general(key)
    meant = difflib.get_close_matches(general[:200], known, n=1, cutoff=0.75)
    if not meant:  # the right name in the wrong section
        meant = [other for other in known if other.rpartition(".")[2] == general.rpartition(".")[2]][:1]
    if meant:
        return f"unknown key {quoted(key)}; did you mean '{meant[0]}'?"
    sections = [prefix for prefix in _SECTIONS if prefix and general.startswith(prefix)]
    section = max(sections, key=len, default="")
    names = [other.removeprefix(section) for other in known if other.startswith(section)]
    where = f"keys of [{section[:-1]}]" if section else "keys outside of sections"
    others = "" if section else f"; sections: {', '.join(prefix[:-1] for prefix in _SECTIONS if prefix)}"
    return f"unknown key {quoted(key)}; {where}: {', '.join(name for name in names if '.' not in name)}{others}"


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


def type_of_key(key: str) -> type:
    """Return the plain type of a key's field; see `values.type_of`."""
    section, separator, name = _general(key).rpartition(".")
    return type_of(_SECTIONS[section + separator], name)


def _check_randomization(randomization: RandomizationConfig) -> None:
    for key in ("cube_x", "cube_y", "cube_yaw"):
        pair = getattr(randomization, key)
        if pair is not None and not pair[0] <= pair[1]:
            raise ConfigError(f"randomization.{key} = {list(pair)}: expected the smaller number first")
    check_separation(dataclasses.asdict(randomization))


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
            raise ConfigError(f"render.cameras: {quoted(name)}: a camera's name has letters, digits, - and _ only")
        if abs(sum(x * x for x in camera.orientation) - 1.0) > 1e-2:
            raise ConfigError(
                f"render.cameras.{name}.orientation = {list(camera.orientation)}: "
                "expected a unit quaternion (x, y, z, w)"
            )
        if camera.near >= camera.far:
            raise ConfigError(f"render.cameras.{name}: near = {camera.near} is not below far = {camera.far}")
