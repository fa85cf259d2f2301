"""Run by LeRobot's Python: trains tiny policies for a moment, and writes what LeRobot does with them to compare with.

python train_lerobot.py FOLDER KIND=STEPS ...: FOLDER/KIND gets `policy`, a pretrained folder, and `rolled.npz`: what is
observed in two episodes, and the actions of `select_action` in each, with torch's generator seeded by 100 + episode.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors

STATE, OBJECTS, ACTION = "observation.state", "observation.environment_state", "action"
FRONT = "observation.images.front"
EPISODE = 14
SIZE = 32

ACT: dict[str, Any] = {
    "dim_model": 16,
    "n_heads": 2,
    "dim_feedforward": 16,
    "n_encoder_layers": 1,
    "n_vae_encoder_layers": 1,
    "latent_dim": 4,
    "chunk_size": 6,
    "n_action_steps": 4,
}
DIFFUSION: dict[str, Any] = {
    "down_dims": (16, 32),
    "n_groups": 4,
    "diffusion_step_embed_dim": 8,
    "horizon": 8,
    "n_action_steps": 4,
    "beta_schedule": "squaredcos_cap_v2",
    "num_train_timesteps": 10,
    "num_inference_steps": 4,
}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "act": ("act", ACT),
    "ensemble": ("act", ACT | {"temporal_ensemble_coeff": 0.01, "n_action_steps": 1}),
    "ddim": ("diffusion", DIFFUSION | {"noise_scheduler_type": "DDIM", "crop_shape": None, "use_group_norm": True}),
    "ddpm": ("diffusion", DIFFUSION | {"noise_scheduler_type": "DDPM"}),
}


def shapes_of(kind: str) -> dict[str, tuple[int, ...]]:
    """Return the features of a policy; one ACT and one Diffusion see images."""
    images = {FRONT: (3, SIZE, SIZE)} if kind in ("ensemble", "ddim") else {}
    return {STATE: (9,), OBJECTS: (3,), **images, ACTION: (7,)}


def trained(folder: Path, kind: str, steps: int) -> None:
    """Train one, and write it."""
    torch.manual_seed(0)
    shapes = shapes_of(kind)
    name, values = KINDS[kind]
    kinds = {STATE: FeatureType.STATE, OBJECTS: FeatureType.ENV, FRONT: FeatureType.VISUAL, ACTION: FeatureType.ACTION}
    features = {feature: PolicyFeature(kinds[feature], shape) for feature, shape in shapes.items()}
    config = make_policy_config(
        name,
        device="cpu",
        push_to_hub=False,
        pretrained_backbone_weights=None,
        output_features={ACTION: features.pop(ACTION)},
        input_features=features,
        normalization_mapping=dict.fromkeys(("STATE", "ENV", "ACTION", "VISUAL"), NormalizationMode.MEAN_STD),
        **values,
    )
    policy = get_policy_class(name)(config)
    sizes = {feature: (shape[0], *(1,) * (len(shape) - 1)) for feature, shape in shapes.items()}
    stats = {feature: {"mean": torch.full(own, 0.3), "std": torch.full(own, 0.7)} for feature, own in sizes.items()}
    before, after = make_pre_post_processors(config, dataset_stats=stats)
    made = torch.Generator().manual_seed(1)
    losses = learn(policy, before, shapes, steps, made)
    pretrained = folder / "policy"
    policy.save_pretrained(pretrained)
    before.save_pretrained(pretrained)
    after.save_pretrained(pretrained)
    policy = get_policy_class(name).from_pretrained(pretrained)
    rolled: dict[str, Any] = {}
    for episode in range(2):
        seen = {one: torch.rand((EPISODE, *shape), generator=made) for one, shape in shapes.items() if one != ACTION}
        rolled |= {f"{one} {episode}": own.numpy() for one, own in seen.items()}
        if FRONT in seen:
            images = (seen[FRONT] * 255).to(torch.uint8)
            rolled[f"{FRONT} {episode}"] = images.movedim(1, -1).numpy()
            seen[FRONT] = images.float() / 255
        policy.reset()
        torch.manual_seed(100 + episode)
        rows = [{one: own[step] for one, own in seen.items()} for step in range(EPISODE)]
        rolled[f"action {episode}"] = torch.cat([after(policy.select_action(before(row))) for row in rows]).numpy()
    np.savez(folder / "rolled.npz", **rolled, losses=losses)


def learn(policy: Any, before: Any, shapes: dict[str, tuple[int, ...]], steps: int, made: torch.Generator) -> Any:
    """Take gradient steps on random numbers, and return the losses."""
    config = policy.config
    diffuses = config.type == "diffusion"
    length = config.horizon if diffuses else config.chunk_size
    times = dict.fromkeys(shapes, (config.n_obs_steps,) if diffuses else ()) | {ACTION: (length,)}
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
    policy.train()
    losses = []
    for _ in range(steps):
        batch = {one: torch.rand((4, *times[one], *shape), generator=made) for one, shape in shapes.items()}
        loss, _ = policy.forward(before(batch) | {"action_is_pad": torch.zeros(4, length, dtype=torch.bool)})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def main() -> None:
    torch.set_num_threads(1)  # of tiny networks several take longer, most of all beside other tests
    folder = Path(sys.argv[1])
    for kind, steps in (argument.split("=") for argument in sys.argv[2:]):
        (folder / kind).mkdir()
        trained(folder / kind, kind, int(steps))
    print(json.dumps({"whole": True}))


if __name__ == "__main__":
    main()
