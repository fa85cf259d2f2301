from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from mimicgen.datagen.cli.policies.training import PRESETS
from mimicgen.datagen.errors import ConfigError
from mimicgen.datagen.policies.training.presets import LEAKS, Preset, read_preset

NAMES = sorted(path.stem for path in PRESETS.glob("*.toml"))


def test_there_are_five() -> None:
    assert NAMES == ["act_images", "bc_rnn_gmm", "diffusion", "diffusion_images", "diffusion_large"]


@pytest.mark.parametrize("name", NAMES)
def test_no_preset_observes_what_leaks(name: str) -> None:
    preset = read_preset(PRESETS / f"{name}.toml")
    observed = preset.observations
    assert not {*observed.numbers, *observed.images} & {*LEAKS}
    assert bool(observed.images) == name.endswith("_images")
    assert not (observed.images and observed.environment_state), "images are to say where objects are"
    assert preset.training.steps % preset.training.save_every == 0
    assert preset.evaluation.every == preset.training.save_every


def test_the_recipe() -> None:
    preset = read_preset(PRESETS / "diffusion.toml")
    training, network = preset.training, preset.network
    assert (training.steps, training.batch_size, training.learning_rate, training.weight_decay) == (
        40000,
        256,
        3e-4,
        1e-4,
    )
    assert (training.warmup, training.schedule, training.ema) == (0.02, "cosine", 0.999)
    assert (network["n_obs_steps"], network["horizon"], network["n_action_steps"]) == (2, 16, 4)
    assert network["down_dims"] == [96, 192, 256]


def test_the_larger_one_differs_in_what_was_measured() -> None:
    """docs/policies.md, "Human demonstrations": its rows are of these values."""
    small, large = (read_preset(PRESETS / f"{name}.toml") for name in ("diffusion", "diffusion_large"))
    by_deviation = dict.fromkeys(("STATE", "ENV", "ACTION"), "MEAN_STD")
    changed = {"down_dims": [192, 384, 512], "normalization_mapping": by_deviation, "clip_sample": False}
    assert large.network == small.network | changed
    assert large.training == structs.replace(small.training, steps=30000)
    assert large.observations == small.observations


def diffusion(*assignments: str) -> Preset:
    return read_preset(PRESETS / "diffusion.toml", assignments)


def test_assignments_take_the_place_of_the_files_values() -> None:
    preset = diffusion(
        "training.steps=20",
        "network.down_dims=[8, 16]",
        'observations.state=["joint_pos"]',
        "network.vision_backbone=resnet34",
    )
    assert preset.training.steps == 20
    assert preset.training.batch_size == 256
    assert preset.network["down_dims"] == [8, 16]
    assert preset.network["horizon"] == 16
    assert preset.network["vision_backbone"] == "resnet34"
    assert preset.observations.state == ("joint_pos",)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("training.step=20", "unknown key 'training.step'; did you mean 'steps'?"),
        ("training.steps=0", "training.steps = 0: expected a whole number from 1"),
        ("training.steps=many", "training.steps = 'many'"),
        ("training.ema=2", "training.ema = 2: expected a number from 0 to 1"),
        ("training.schedule=linear", "training.schedule = 'linear'"),
        ("library=sklearn", "library = 'sklearn'"),
        ("policy=bc", "policy = 'bc': of lerobot there are diffusion, act"),
        ("observations.state=[]", "observations.state = []"),
        ("observations.state=eef_pos", "observations.state = 'eef_pos': expected a list"),
        ('observations.state=["actions"]', "'actions' is nothing that a policy may observe"),
        ('observations.environment_state=["datagen_info"]', "'datagen_info' is nothing that a policy may observe"),
        ("training", "expected key=value"),
    ],
)
def test_what_is_wrong_is_named(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        diffusion(assignment)
    assert said in str(caught.value)


def test_a_file_that_is_no_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('library = "lerobot"\n')
    with pytest.raises(ConfigError, match="policy is missing"):
        read_preset(path)
    with pytest.raises(ConfigError, match=r"mine2\.toml.*No such file"):
        read_preset(tmp_path / "mine2.toml")
