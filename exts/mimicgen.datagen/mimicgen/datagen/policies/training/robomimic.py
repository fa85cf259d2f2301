"""robomimic's policies: its networks, its losses and its checkpoints."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from robomimic.algo import algo_factory
from robomimic.config import config_factory
from robomimic.models.base_nets import RNN_Base
from robomimic.utils import obs_utils

from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.training.data import Demonstrations
from mimicgen.datagen.policies.training.presets import Preset
from mimicgen.datagen.policies.training.windows import Windows

_OURS = ("observation", "experiment")
"""Parts of robomimic's configuration that follow from the rest of a preset, or that nothing here does."""


class RobomimicLearner:
    """A policy of robomimic that learns; see `mimicgen.datagen.policies.training.learner.Learner`.

    Args:
        preset: What is trained.
        data: The demonstrations.
        device: Where.

    Raises:
        ConfigError: The preset says what robomimic's configuration does not take.
    """

    suffix = ".pth"
    notes: Sequence[str] = ()
    capturable = True

    def __init__(self, preset: Preset, data: Demonstrations, device: torch.device):
        if preset.observations.images:
            raise ConfigError(
                f"observations.images = {list(preset.observations.images)}: of robomimic, policies on states are "
                "trained here; take a preset of LeRobot's, or leave the images out"
            )
        self._preset, self._data = preset, data
        self._config = _config(preset)
        obs_utils.initialize_obs_utils_with_config(self._config)
        torch.distributions.Distribution.set_default_validate_args(False)  # which waits for the device
        names = sorted(preset.observations.numbers)
        self._statistics = _statistics(data.numbers) if self._config.train.hdf5_normalize_obs else None
        self._observed = _normalised(data.numbers, self._statistics)
        self._shapes = {
            "ac_dim": data.actions.shape[1],
            "all_shapes": OrderedDict((name, [data.numbers[name].shape[1]]) for name in names),
            "all_obs_keys": names,
            "use_images": False,
        }
        self._model = algo_factory(
            preset.policy,
            self._config,
            obs_key_shapes=self._shapes["all_shapes"],
            ac_dim=self._shapes["ac_dim"],
            device=device,
        )
        self._model.set_train()
        self.module: torch.nn.Module = self._model.nets
        _begin_on_the_device(self.module)
        self._windows = Windows(data.lengths, 0, device)

    def loss(self) -> torch.Tensor:
        """Return the loss over a batch that is drawn for it."""
        ahead = range(self._config.train.seq_length)
        ((indices, _),) = self._windows.draw(self._preset.training.batch_size, [ahead])
        observed = {name: values[indices] for name, values in self._observed.items()}
        model = self._model
        batch = model.process_batch_for_training({"obs": observed, "actions": self._data.actions[indices]})
        batch = model.postprocess_batch_for_training(batch, obs_normalization_stats=None)
        loss: torch.Tensor = model._compute_losses(model._forward_training(batch), batch)["action_loss"]
        return loss

    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters, with their learning rate."""
        return [{"params": list(self.module.parameters()), "lr": self._preset.training.learning_rate}]

    def save(self, module: torch.nn.Module, folder: Path) -> None:
        """Write a checkpoint, which robomimic's `policy_from_checkpoint` loads."""
        env = {"env_name": "", "type": 2, "env_kwargs": {}} | dict(self._data.env_args)
        told = {
            "model": module.state_dict(),
            "config": self._config.dump(),
            "algo_name": self._preset.policy,
            "env_metadata": env,
            "shape_metadata": self._shapes,
        }
        if self._statistics is not None:
            told["obs_normalization_stats"] = self._statistics
        torch.save(told, folder)


_Statistics = dict[str, dict[str, list[list[float]]]]


def _statistics(numbers: Mapping[str, torch.Tensor]) -> _Statistics:
    """Return mean and standard deviation of observations, each of shape (1, width), as robomimic's datasets have them.

    Source: `SequenceDataset.normalize_obs`, which adds 1e-3 to the latter, for what never changes.
    """
    return {
        name: {
            "mean": values.double().mean(0, keepdim=True).tolist(),
            "std": (values.double().std(0, correction=0, keepdim=True) + 1e-3).tolist(),
        }
        for name, values in numbers.items()
    }


def _normalised(numbers: Mapping[str, torch.Tensor], statistics: _Statistics | None) -> Mapping[str, torch.Tensor]:
    if statistics is None:
        return numbers
    return {
        name: (values - values.new_tensor(own["mean"])) / values.new_tensor(own["std"])
        for name, values in numbers.items()
        for own in (statistics[name],)
    }


def _begin_on_the_device(module: torch.nn.Module) -> None:
    """Let recurrent networks begin with zeros that are made on the device.

    robomimic makes them on the CPU and copies them (`RNN_Base.get_rnn_init_state`,
    https://github.com/ARISE-Initiative/robomimic/blob/v0.3.0/robomimic/models/base_nets.py), which a CUDA graph cannot
    hold: a step takes 19 ms instead of about 1.
    """
    for own in module.modules():
        if isinstance(own, RNN_Base):
            own.get_rnn_init_state = functools.partial(_zeros, own)


def _zeros(network: Any, batch_size: int, device: Any) -> Any:
    shape = (network._num_layers * network._num_directions, batch_size, network._hidden_dim)
    hidden = torch.zeros(shape, device=device)
    return (hidden, torch.zeros(shape, device=device)) if network._rnn_type == "LSTM" else hidden


def _config(preset: Preset) -> Any:
    """Return robomimic's configuration."""
    config = config_factory(preset.policy)
    training = preset.training
    for name in preset.network:
        if name in _OURS:
            raise ConfigError(f"network.{name}: follows from the preset's other tables; leave it out")
    try:
        with config.values_unlocked():  # and no key is: an unknown one is refused
            config.update(preset.network)
            config.observation.modalities.obs.low_dim = list(preset.observations.numbers)
            config.observation.modalities.obs.rgb = []
            config.train.batch_size = training.batch_size
            config.algo.optim_params.policy.learning_rate.initial = training.learning_rate
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ConfigError(f"network: robomimic's configuration says: {error}") from error
    config.lock()
    return config
