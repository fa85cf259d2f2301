"""When a training is made quicker; that it stays the same training is in `learning.py`."""

from __future__ import annotations

from mimicgen.datagen.policies.training.presets import read_preset
from mimicgen.datagen.policies.training.quickening import pays
from tests.conftest import PROJECT


def test_trainings_on_images_are_made_quicker_sooner() -> None:
    assert not pays(12_000, on_images=False)
    assert pays(12_000, on_images=True)
    assert not pays(1_000, on_images=True)


def test_the_presets_are_long_enough() -> None:
    for name in ("diffusion", "diffusion_images"):
        preset = read_preset(PROJECT / "config" / "train" / f"{name}.toml")
        assert pays(preset.training.steps, on_images=bool(preset.observations.images)), name
