"""Trains with the libraries, in the environment that has them, and prints what was found as JSON.

python tests/policies/training/learning.py DATASET IMAGES FOLDER

DATASET has demonstrations on states, IMAGES one with a camera, too. Everything is tiny, and in one process: importing
LeRobot takes longer than all of it.
"""

from __future__ import annotations

import copy
import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import h5py
import torch
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
from lerobot.policies.factory import make_pre_post_processors
from robomimic.models.base_nets import RNN_Base
from robomimic.utils.file_utils import policy_from_checkpoint
from torch.utils._python_dispatch import TorchDispatchMode

from mimicgen.datagen.errors import ConfigError, OutputError, PolicyError, SourceError
from mimicgen.datagen.policies.training import trainer
from mimicgen.datagen.policies.training.data import load
from mimicgen.datagen.policies.training.lerobot import LeRobotLearner
from mimicgen.datagen.policies.training.presets import Preset, read_preset
from mimicgen.datagen.policies.training.quickening import Half, Product, as_products
from mimicgen.datagen.policies.training.trainer import learner_of, train
from mimicgen.datagen.policies.training.turning.demonstrations import turning_of

trainer.TELLING = 0.0  # every step, however fast it is

CPU = torch.device("cpu")
PRESETS = Path(__file__).resolve().parents[3] / "config" / "train"

SMALL = [
    *("training.batch_size=32", "training.save_every=1000"),
    *("network.down_dims=[16,32]", "network.diffusion_step_embed_dim=16", "network.kernel_size=3"),
]


def small(name: str, *assignments: str) -> Preset:
    return read_preset(PRESETS / f"{name}.toml", [*assignments])


def trained(preset: Preset, dataset: Path, output: Path, stop_after: int | None = None) -> list[dict[str, Any]]:
    """Train, until all steps are taken or so many are, and return what was told."""
    told: list[dict[str, Any]] = []
    asked = iter(range(1_000_000))
    train(preset, dataset, output, CPU, 3, told.append, lambda: next(asked) == stop_after)
    return told


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(DiffusionPolicy.from_pretrained(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def continuing(dataset: Path, folder: Path) -> dict[str, Any]:
    """Twelve steps in one go, and stopped after five and gone on with; with an average of the weights."""
    preset = small("diffusion", *SMALL, "training.steps=12", "training.ema=0.9", "training.turn=180")
    whole = trained(preset, dataset, folder / "whole")
    before = trained(preset, dataset, folder / "parts", stop_after=5)
    after = trained(preset, dataset, folder / "parts")
    last = "checkpoints/step_000012"
    return {
        "same": same(weights(folder / "whole" / last), weights(folder / "parts" / last)),
        "begins": [told["step"] for told in (whole[0], before[0], after[0])],
        "files": sorted(path.name for path in (folder / "parts").iterdir()),
        "checkpoints": sorted(path.name for path in (folder / "parts" / "checkpoints").iterdir()),
        "about": json.loads((folder / "parts" / last / "observations.json").read_text())["observations"],
    }


def overfitting(dataset: Path, folder: Path) -> dict[str, Any]:
    """Many steps on two demonstrations."""
    preset = small("diffusion", *SMALL, "training.steps=150", "training.ema=0", "training.learning_rate=5e-3")
    data = load(dataset, preset.observations, CPU)
    torch.manual_seed(0)
    fresh = LeRobotLearner(preset, data, CPU)
    trained(preset, dataset, folder / "overfit")
    module = DiffusionPolicy.from_pretrained(folder / "overfit/checkpoints/step_000150")
    return {"before": _mean_loss(fresh), "after": _mean_loss(fresh, module)}


def _mean_loss(learner: LeRobotLearner, module: Any = None) -> float:
    if module is not None:
        learner.module.load_state_dict(module.state_dict())
    torch.manual_seed(1)
    with torch.no_grad():
        return float(torch.stack([learner.loss() for _ in range(20)]).mean())


def reloading(dataset: Path, folder: Path) -> dict[str, Any]:
    """What LeRobot loads acts as what was trained, and sees what it was trained on."""
    preset = small("diffusion", *SMALL, "training.steps=2", "training.ema=0")
    data = load(dataset, preset.observations, CPU)
    learner = LeRobotLearner(preset, data, CPU)
    learner.save(learner.module, folder / "again")
    loaded = DiffusionPolicy.from_pretrained(folder / "again")
    before, after = make_pre_post_processors(loaded.config, pretrained_path=str(folder / "again"))
    raw = {
        "observation.state": torch.cat([data.numbers[name] for name in preset.observations.state], dim=1)[5:7],
        "observation.environment_state": data.numbers["object"][5:7],
    }
    seen = before(copy.deepcopy(raw))
    own = {key: learner._numbers[key][5:7] for key in raw}
    noise = torch.randn(1, 16, data.actions.shape[1])
    policy = copy.deepcopy(learner.module).eval()
    chunks = [
        one.diffusion.generate_actions({key: values[None] for key, values in given.items()}, noise=noise)
        for one, given in ((loaded, {key: seen[key] for key in raw}), (policy, own))
    ]
    back = after(learner._numbers["action"][:50].clone())
    return {
        "steps": loaded.config.num_inference_steps,
        "scheduler": type(loaded.diffusion.noise_scheduler).__name__,
        "seen": all(torch.equal(seen[key], own[key]) for key in raw),
        "acts": torch.equal(*chunks),
        "chunk": list(chunks[0].shape),
        "actions": [float(learner._numbers["action"].min()), float(learner._numbers["action"].max())],
        "error": float((back - data.actions[:50]).abs().max()),
        "mean": float(learner._numbers["observation.state"].mean(dim=0).abs().max()),
    }


def turning(dataset: Path, folder: Path) -> dict[str, Any]:
    """Scenes that are turned, and those that cannot be."""
    turned = ("training.turn=180", "training.move=0.05", "training.learning_rate=5e-3")
    preset = small("diffusion", *SMALL, *turned, "training.steps=60", "training.ema=0")
    told = trained(preset, dataset, folder / "turned")
    data = load(dataset, preset.observations, CPU)
    learner = LeRobotLearner(preset, data, CPU)
    at = torch.arange(40, 60)[:, None]
    still = turning_of(data, 0, 0)
    off = [
        float((rows - learner._numbers[key][at]).abs().max()) for key, rows in learner._turned(still, at, at).items()
    ]
    hidden = folder / "hidden.hdf5"
    shutil.copy(dataset, hidden)
    with h5py.File(hidden, "a") as file:
        del file["data/demo_0/obs/datagen_info/object_pose"]
    losses = [line["loss"] for line in told if line["event"] == "step"]
    return {
        "losses": [losses[0], losses[-1]],
        "off": max(off),
        "spread": float(learner._stats["action"]["std"][:2].max() / learner._stats["action"]["std"][:2].min()),
        "notes": [line["message"] for line in told if line["event"] == "note"],
        "hidden": list(LeRobotLearner(preset, load(hidden, preset.observations, CPU), CPU).notes),
    }


def looking(dataset: Path, folder: Path) -> dict[str, Any]:
    """Both presets on images, tiny."""
    images = ["observations.images=['table_cam_rgb']", "training.steps=1", "training.batch_size=2"]
    act = ["network.pretrained_backbone_weights=none", "network.chunk_size=4", "network.n_action_steps=2"]
    act += ["network.dim_model=16", "network.n_heads=2", "network.dim_feedforward=16", "network.n_encoder_layers=1"]
    told = trained(small("act_images", *images, *act, "network.n_vae_encoder_layers=1"), dataset, folder / "act")
    diffusion = ["network.crop_shape=[28,28]", "training.image_shift=2", "network.down_dims=[8,16]"]
    other = trained(small("diffusion_images", *images, *diffusion), dataset, folder / "diffusion")
    place = folder / "act/checkpoints/step_000001"
    policy = ACTPolicy.from_pretrained(place)
    before, after = make_pre_post_processors(policy.config, pretrained_path=str(place))
    observed = {"observation.state": torch.zeros(1, 9), "observation.images.table_cam": torch.zeros(1, 3, 32, 32)}
    return {
        "losses": [line["loss"] for line in (*told, *other) if line["event"] == "step"],
        "action": list(after(policy.select_action(before(observed))).shape),
        "inputs": sorted(policy.config.input_features),
    }


def cloning(dataset: Path, folder: Path) -> dict[str, Any]:
    """robomimic's, loaded by itself."""
    own = [
        "network.algo.rnn.hidden_dim=8",
        "training.steps=60",
        "training.batch_size=16",
        "training.ema=0",
        "training.schedule=constant",
    ]
    preset = small("bc_rnn_gmm", *own)
    trained(preset, dataset, folder / "bc")
    rollout, told = policy_from_checkpoint(ckpt_path=str(folder / "bc/checkpoints/step_000060.pth"))
    data = load(dataset, preset.observations, CPU)
    learner = learner_of(preset, data, CPU)
    fresh = _mean_loss(learner)  # type: ignore[arg-type]
    learner.module.load_state_dict(rollout.policy.nets.state_dict())
    rollout.start_episode()
    learner._model.set_eval()  # type: ignore[attr-defined]
    learner._model.reset()  # type: ignore[attr-defined]
    off = []
    for step in range(3):
        seen = {name: values[step].numpy() for name, values in data.numbers.items()}
        torch.manual_seed(step)
        theirs = torch.as_tensor(rollout(ob=dict(seen)))
        torch.manual_seed(step)
        batch = {name: values[step : step + 1] for name, values in learner._observed.items()}  # type: ignore[attr-defined]
        ours = learner._model.get_action(batch)[0]  # type: ignore[attr-defined]
        off.append(float((theirs - ours).abs().max()))
    learner._model.set_train()  # type: ignore[attr-defined]
    return {
        "off": max(off),
        "statistics": {
            name: [torch.tensor(own[key])[0].tolist() for key in ("mean", "std")]
            for name, own in told["obs_normalization_stats"].items()
        },
        "numbers": {
            name: [values.mean(0).tolist(), values.std(0, correction=0).tolist()]
            for name, values in data.numbers.items()
        },
        "before": fresh,
        "after": _mean_loss(learner),  # type: ignore[arg-type]
        "task": told["env_metadata"]["env_name"],
        "inputs": told["shape_metadata"]["all_obs_keys"],
    }


def refusing(dataset: Path, folder: Path) -> dict[str, Any]:
    """What a preset says that the libraries do not take."""
    said = {}
    for name, assignment in (
        ("diffusion", "network.down_dim=[8,16]"),
        ("diffusion", "network.horizon=15"),
        ("diffusion", "network.normalization_mapping={STATE='BIG'}"),
        ("bc_rnn_gmm", "network.algo.rnn.hidden=8"),
        ("bc_rnn_gmm", "observations.images=['table_cam_rgb']"),
    ):
        preset = small(name, assignment)
        observed = preset.observations if not preset.observations.images else small(name).observations
        try:
            learner_of(preset, load(dataset, observed, CPU), CPU)
        except ConfigError as error:
            said[assignment] = str(error)
    other = small("diffusion", *SMALL, "training.steps=12", "network.down_dims=[8,16]")
    try:
        trained(other, dataset, folder / "whole")
    except OutputError as error:
        said["output"] = str(error)
    spoilt = folder / "spoilt.hdf5"
    shutil.copy(dataset, spoilt)
    with h5py.File(spoilt, "a") as file:
        file["data/demo_1/actions"][4, 3] = float("nan")
    try:
        load(spoilt, other.observations, CPU)
    except SourceError as error:
        said["number"] = str(error)
    return said


class Copies(TorchDispatchMode):
    """Counts what is copied from one device to another."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._to_copy.default
        return func(*args, **(kwargs or {}))


def on_a_gpu(dataset: Path) -> dict[str, Any]:
    """What is done for a GPU alone, as far as it can be seen without one."""
    preset = small("diffusion", *SMALL)
    data = load(dataset, preset.observations, CPU)
    learner = learner_of(preset, data, CPU)
    names = [*learner.module.state_dict()]
    plain = _gradients(learner)
    unet: Any = learner.module.get_submodule("diffusion.unet")
    as_products(unet)
    products = _gradients(learner)
    cloning = small("bc_rnn_gmm", "network.algo.rnn.hidden_dim=8")
    module = learner_of(cloning, load(dataset, cloning.observations, CPU), CPU).module
    (recurrent,) = (own for own in module.modules() if isinstance(own, RNN_Base))
    with Copies() as theirs:
        RNN_Base.get_rnn_init_state(recurrent, 2, "meta")
    with Copies() as ours:
        state = recurrent.get_rnn_init_state(2, device="meta")
    return {
        "products": sum(isinstance(own, Product) for own in unet.modules()),
        "convolutions": sum(isinstance(own, torch.nn.Conv1d) for own in unet.modules()),
        "off": max(float((one - other).abs().max()) for one, other in zip(plain, products, strict=True)),
        "large": max(float(one.abs().max()) for one in plain),
        "same_names": names == [*learner.module.state_dict()],
        "copies": [theirs.count, ours.count],
        "state": [list(own.shape) for own in state],
    }


def in_half(dataset: Path) -> dict[str, Any]:
    """What calculates in bfloat16 on a CPU when it is asked for."""
    preset = small("diffusion", *SMALL, "training.precision=bfloat16")
    learner: Any = learner_of(preset, load(dataset, preset.observations, CPU), CPU)
    convolutions = [own for own in learner.module.diffusion.unet.modules() if isinstance(own, torch.nn.Conv1d)]
    return {"halves": sum(isinstance(own, Half) for own in convolutions), "convolutions": len(convolutions)}


def _gradients(learner: Any) -> list[torch.Tensor]:
    """Return the loss over a batch that is always the same, and what it says of the weights."""
    torch.manual_seed(0)
    learner.module.zero_grad()
    loss = learner.loss()
    loss.backward()
    return [loss.detach(), *(own.grad.clone() for own in learner.module.parameters() if own.grad is not None)]


def diverging(dataset: Path, folder: Path) -> dict[str, Any]:
    """A learning rate that nothing learns with."""
    wild = ("training.learning_rate=1000", "training.warmup=0", "training.ema=0", "training.steps=100")
    try:
        trained(small("diffusion", *SMALL, *wild, "training.gradient_clip=0"), dataset, folder / "wild")
    except PolicyError as error:
        return {"said": str(error), "left": [str(path.name) for path in (folder / "wild").rglob("*")]}
    return {}


def main(dataset: Path, images: Path, folder: Path) -> None:
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    out = sys.stdout
    sys.stdout = sys.stderr
    found = {
        "continuing": continuing(dataset, folder),
        "overfitting": overfitting(dataset, folder),
        "reloading": reloading(dataset, folder),
        "turning": turning(dataset, folder),
        "looking": looking(images, folder),
        "cloning": cloning(dataset, folder),
        "refusing": refusing(dataset, folder),
        "diverging": diverging(dataset, folder),
        "on_a_gpu": on_a_gpu(dataset),
        "in_half": in_half(dataset),
    }
    print(json.dumps(found), file=out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
