"""Checkpoints that robomimic trains for a moment, on a demonstration that the project ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

OBSERVED = {"eef_pos": 3, "eef_quat": 4, "gripper_pos": 2, "object": 39}
ACTIONS = 7


def trained(path: Path, demos: Path, *, steps: int = 3, images: int = 0, normalized: bool = False, **algo: Any) -> None:
    """Train a network by robomimic's own steps, and write its checkpoint.

    It is written as `train_utils.save_model` does it, for which imageio would be needed.

    Args:
        path: The checkpoint to write.
        demos: Demonstrations to train on.
        steps: How many gradient steps.
        images: Width and height of the images of one camera, 0 for none.
        normalized: Whether observations are normalized.
        algo: What is changed in robomimic's configuration of the algorithm; `rnn.horizon` as `rnn={"horizon": 5}`.
    """
    from robomimic.algo import algo_factory
    from robomimic.config import config_factory
    from robomimic.utils import obs_utils

    config = config_factory("bc")
    with config.values_unlocked():
        config.train.data = str(demos)
        config.train.seed = 3
        config.train.hdf5_normalize_obs = normalized
        config.observation.modalities.obs.low_dim = list(OBSERVED)
        config.observation.modalities.obs.rgb = ["front_image"] if images else []
        config.observation.encoder.rgb.core_kwargs.backbone_class = "ShallowConv"
        config.observation.encoder.rgb.core_kwargs.backbone_kwargs = {}
        config.algo.actor_layer_dims = (16,)
        config.algo.rnn.hidden_dim = 12
        config.algo.rnn.horizon = 5
        config.algo.transformer.embed_dim = 16
        config.algo.transformer.num_heads = 2
        config.algo.transformer.num_layers = 1
        config.algo.gmm.num_modes = 3
        for name, values in algo.items():
            for key, value in values.items():
                config.algo[name][key] = value
        config.train.seq_length = 5
        if config.algo.transformer.enabled:
            config.train.frame_stack = config.algo.transformer.context_length = 5
    obs_utils.initialize_obs_utils_with_config(config)
    shapes: dict[str, list[int]] = {name: [size] for name, size in sorted(OBSERVED.items())}
    if images:
        shapes["front_image"] = [3, images, images]
    torch.manual_seed(0)
    model = algo_factory("bc", config, obs_key_shapes=shapes, ac_dim=ACTIONS, device=torch.device("cpu"))
    model.set_train()
    with h5py.File(demos) as file:
        demo = file["data/demo_0"]
        rows = {name: np.stack([demo[f"obs/{name}"][at : at + 5] for at in range(8)]) for name in OBSERVED}
        actions = np.stack([demo["actions"][at : at + 5] for at in range(8)])
        env_args = file["data"].attrs["env_args"]
    if images:
        rows["front_image"] = np.random.default_rng(1).random((8, 5, 3, images, images), dtype=np.float32)
    statistics = None
    if normalized:
        pairs = {name: (own.mean((0, 1))[None], own.std((0, 1))[None] + 1e-3) for name, own in rows.items()}
        statistics = {name: {"mean": mean, "std": deviation} for name, (mean, deviation) in pairs.items()}
        rows = {name: (own - pairs[name][0]) / pairs[name][1] for name, own in rows.items()}
    batch = {"obs": {name: torch.tensor(own) for name, own in rows.items()}, "actions": torch.tensor(actions)}
    for epoch in range(steps):
        model.train_on_batch(model.process_batch_for_training(batch), epoch=epoch)
    meta = {"ac_dim": ACTIONS, "all_shapes": shapes, "all_obs_keys": [*shapes], "use_images": bool(images)}
    saved = {"model": model.serialize(), "config": config.dump(), "algo_name": config.algo_name}
    saved |= {"env_metadata": json.loads(env_args), "shape_metadata": meta}
    if statistics is not None:  # robomimic writes them as lists
        saved["obs_normalization_stats"] = {
            name: {key: values.tolist() for key, values in own.items()} for name, own in statistics.items()
        }
    torch.save(saved, path)
