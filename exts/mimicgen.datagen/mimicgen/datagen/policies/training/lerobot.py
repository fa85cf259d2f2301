"""LeRobot's policies: its networks, its losses, its processors and its format of checkpoints.

Only what a training needs of it is imported, and only in the process that trains.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors

from mimicgen.datagen.config.reading import meant
from mimicgen.datagen.errors import ConfigError, SetupError
from mimicgen.datagen.policies.training.data import Demonstrations
from mimicgen.datagen.policies.training.learner import OBSERVATIONS
from mimicgen.datagen.policies.training.presets import Preset
from mimicgen.datagen.policies.training.quickening import halve, pays, quicken
from mimicgen.datagen.policies.training.turning.demonstrations import ACTION, turning_of
from mimicgen.datagen.policies.training.turning.layout import TurningError
from mimicgen.datagen.policies.training.turning.scenes import Turning
from mimicgen.datagen.policies.training.windows import Windows, image_statistics, normalised, shifted

STATE, OBJECTS = "observation.state", "observation.environment_state"

_POLICIES: Mapping[str, tuple[Any, Any]] = {
    "diffusion": (DiffusionConfig, DiffusionPolicy),
    "act": (ACTConfig, ACTPolicy),
}

_TURNS = 4
"""How often each step is turned for the statistics of turned scenes."""

_STILL = 1e-6
"""Numbers that vary less than this are not blown up to a standard deviation of 1."""


def image_key(name: str) -> str:
    """Return the feature of an observed image, as it is called in exported datasets: of `<camera>_rgb` the camera's."""
    return f"observation.images.{name.removesuffix('_rgb')}"


class LeRobotLearner:
    """A policy of LeRobot that learns; see `mimicgen.datagen.policies.training.learner.Learner`.

    Args:
        preset: What is trained.
        data: The demonstrations.
        device: Where.

    Raises:
        ConfigError: The preset says what LeRobot's configuration does not take.
        SetupError: Weights to begin with cannot be brought.
    """

    suffix = ""

    def __init__(self, preset: Preset, data: Demonstrations, device: torch.device):
        self._preset, self._data = preset, data
        kind, policy = _POLICIES[preset.policy]
        self.notes: list[str] = []
        self._turning = self._turns()
        self._stats = _statistics(data, preset, self._turning)
        self._config = _config(kind, preset, data, self._stats, device)
        try:
            self.module = policy(self._config).to(device)
        except OSError as error:
            raise SetupError(
                f"network.pretrained_backbone_weights = '{self._config.pretrained_backbone_weights}': they cannot be "
                f"brought ({error}); begin without: --set network.pretrained_backbone_weights=none"
            ) from error
        except ValueError as error:  # a combination that the network refuses
            raise ConfigError(f"network: LeRobot says: {error}") from error
        self.module.train()
        long = pays(preset.training.steps, on_images=bool(preset.observations.images))
        if device.type == "cuda" and preset.policy == "diffusion" and long:
            quicken(self.module.diffusion, over_steps="unet", on_images="rgb_encoder")
        if device.type == "cpu" and preset.policy == "diffusion" and preset.training.precision == "bfloat16":
            halve(self.module.diffusion.unet)
        self.capturable = preset.policy != "act"  # ACT's loss waits for the device
        self._before, self._after = make_pre_post_processors(self._config, dataset_stats=self._stats)
        self._numbers = self._normalised(data, device)
        self._scales = self._scaled(device) if self._turning is not None else {}
        self._looks = {
            name: (self._stats[image_key(name)]["mean"].to(device), self._stats[image_key(name)]["std"].to(device))
            for name in data.images
        }
        self._history = self._config.observation_delta_indices
        dropped = getattr(self._config, "drop_n_last_frames", 0)
        self._windows = Windows(data.lengths, dropped, device)

    def loss(self) -> torch.Tensor:
        """Return the loss over a batch that is drawn for it."""
        training = self._preset.training
        offsets = (self._history or [0], self._config.action_delta_indices)
        (seen, _), (done, beyond) = self._windows.draw(training.batch_size, offsets)
        if self._turning is not None:
            batch = self._turned(self._turning, seen, done)
        else:
            batch = {key: values[seen] for key, values in self._numbers.items() if key != ACTION}
            batch[ACTION] = self._numbers[ACTION][done]
        for name, images in self._data.images.items():
            batch[image_key(name)] = normalised(shifted(images[seen], training.image_shift), *self._looks[name])
        if self._history is None:
            batch = {key: values if key == ACTION else values.squeeze(1) for key, values in batch.items()}
        batch["action_is_pad"] = beyond
        loss: torch.Tensor = self.module(batch)[0]
        return loss

    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters as LeRobot groups them, each group with its learning rate."""
        own = self.module.get_optim_params()
        groups = own if isinstance(own, list) else [{"params": own}]
        rate = self._preset.training.learning_rate
        made = [{"params": list(group["params"]), "lr": group.get("lr", rate)} for group in groups]
        return [group for group in made if group["params"]]

    def save(self, module: torch.nn.Module, folder: Path) -> None:
        """Write a checkpoint, which LeRobot's `from_pretrained` loads: configuration, weights, processors."""
        folder.mkdir()
        module.save_pretrained(folder)  # type: ignore[operator]
        self._before.save_pretrained(folder)
        self._after.save_pretrained(folder)
        observed = self._preset.observations
        told = {
            STATE: list(observed.state),
            **({OBJECTS: list(observed.environment_state)} if observed.environment_state else {}),
            **{image_key(name): [name] for name in observed.images},
        }
        about = {"observations": told, "env_args": dict(self._data.env_args)}
        (folder / OBSERVATIONS).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    def _turns(self) -> Turning | None:
        """Return what turns samples, None where none are to be or can be."""
        training, data = self._preset.training, self._data
        if not training.turn and not training.move:
            return None
        try:
            return turning_of(data, training.turn, training.move)
        except TurningError as error:
            self.notes.append(f"scenes are not turned: {error}")
            return None

    def _turned(self, turning: Turning, seen: torch.Tensor, done: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return numbers by feature of steps that are seen and done, turned with their scenes and normalised."""
        data = self._data
        samples = turning({name: rows[seen] for name, rows in data.numbers.items()} | {ACTION: data.actions[done]})
        found = {}
        for key, rows in _joined(samples, samples[ACTION], self._preset):
            slope, offset = self._scales[key]
            found[key] = rows * slope + offset
        return found

    def _scaled(self, device: torch.device) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Return slope and offset of what LeRobot's processor does with each number, by feature."""
        low = {key: self._stats[key]["min"] for key in self._numbers}
        high = {
            key: torch.where(own["max"] > own["min"], own["max"], own["min"] + 1) for key, own in self._stats.items()
        }
        ends = [self._before({key: own[key][None] for key in self._numbers}) for own in (low, high)]
        found = {}
        for key in self._numbers:
            first, last = (made[key][0].to(device) for made in ends)
            slope = (last - first) / (high[key] - low[key]).to(device)
            found[key] = slope, first - slope * low[key].to(device)
        return found

    def _normalised(self, data: Demonstrations, device: torch.device) -> dict[str, torch.Tensor]:
        """Return all numbers as LeRobot's own processor makes them, by feature."""
        values = dict(_features(data, self._preset))
        made = self._before(values)
        return {key: made[key].to(device) for key in values}


def _features(data: Demonstrations, preset: Preset) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the numbers of every step by LeRobot's feature, shape (steps, width)."""
    return _joined(data.numbers, data.actions, preset)


def _joined(
    numbers: Mapping[str, torch.Tensor], actions: torch.Tensor, preset: Preset
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield numbers by LeRobot's feature, of observations by name, shape (..., width)."""
    observed = preset.observations
    yield STATE, torch.cat([numbers[name] for name in observed.state], dim=-1)
    if observed.environment_state:
        yield OBJECTS, torch.cat([numbers[name] for name in observed.environment_state], dim=-1)
    yield ACTION, actions


def _statistics(data: Demonstrations, preset: Preset, turning: Turning | None) -> dict[str, dict[str, torch.Tensor]]:
    """Return what LeRobot normalises with, by feature; of turned scenes, where they are turned."""
    samples = {**data.numbers, ACTION: data.actions}
    if turning is not None:
        several = [turning({name: rows[:, None] for name, rows in samples.items()}) for _ in range(_TURNS)]
        samples = {name: torch.cat([own[name][:, 0] for own in several]) for name in samples}
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, values in _joined(samples, samples[ACTION], preset):
        std = values.double().std(dim=0, correction=0).float()
        found[key] = {
            "mean": values.double().mean(dim=0).float(),
            "std": torch.where(std < _STILL, torch.ones_like(std), std),
            "min": values.amin(dim=0),
            "max": values.amax(dim=0),
        }
    for name, images in data.images.items():
        mean, std = image_statistics(images)
        found[image_key(name)] = {"mean": mean, "std": std}
    return {key: {name: value.cpu() for name, value in own.items()} for key, own in found.items()}


def _config(kind: Any, preset: Preset, data: Demonstrations, stats: Mapping[str, Any], device: torch.device) -> Any:
    """Return LeRobot's configuration of the policy."""
    known = {one.name: one for one in dataclasses.fields(kind)}
    values = {name: _plain(value) for name, value in preset.network.items()}
    ours = ("input_features", "output_features", "device", "use_amp", "push_to_hub")
    for name in values:
        if name not in known or name in ours:
            raise ConfigError(f"unknown key 'network.{name}'; {meant(name, set(known) - set(ours))}")
    if "normalization_mapping" in values:
        values["normalization_mapping"] = _modes(values["normalization_mapping"])
    inputs = {STATE: PolicyFeature(FeatureType.STATE, tuple(stats[STATE]["mean"].shape))}
    if OBJECTS in stats:
        inputs[OBJECTS] = PolicyFeature(FeatureType.ENV, tuple(stats[OBJECTS]["mean"].shape))
    for name, images in data.images.items():
        inputs[image_key(name)] = PolicyFeature(FeatureType.VISUAL, (3, *images.shape[1:3]))
    output = PolicyFeature(FeatureType.ACTION, tuple(stats[ACTION]["mean"].shape))
    given = {"input_features": inputs, "output_features": {ACTION: output}, "device": device.type}
    try:
        return kind(**given, push_to_hub=False, **values)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"network: LeRobot says: {error}") from error


def _plain(value: Any) -> Any:
    """Return a value of TOML as LeRobot's configurations have it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_plain, value))
    return None if value == "none" else value


def _modes(told: Any) -> dict[str, NormalizationMode]:
    try:
        return {name: NormalizationMode(mode) for name, mode in told.items()}
    except (AttributeError, ValueError) as error:
        names = ", ".join(mode.value for mode in NormalizationMode)
        raise ConfigError(f"network.normalization_mapping: {error}; modes are {names}") from error
