"""When a training is made quicker, and what bfloat16 changes; that it stays the same training is in `learning.py`."""

from __future__ import annotations

import pytest
import torch

from mimicgen.datagen.policies.training.presets import read_preset
from mimicgen.datagen.policies.training.quickening import Half, halve, pays
from tests.conftest import PROJECT


def test_trainings_on_images_are_made_quicker_sooner() -> None:
    assert not pays(12_000, on_images=False)
    assert pays(12_000, on_images=True)
    assert not pays(1_000, on_images=True)


def test_the_presets_are_long_enough() -> None:
    for name in ("diffusion", "diffusion_images"):
        preset = read_preset(PROJECT / "config" / "train" / f"{name}.toml")
        assert pays(preset.training.steps, on_images=bool(preset.observations.images)), name


@pytest.mark.parametrize(("width", "stride", "padding"), [(5, 1, 2), (3, 2, 1), (1, 1, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_in_bfloat16_is_the_same_to_its_few_digits(
    *, width: int, stride: int, padding: int, bias: bool
) -> None:
    torch.manual_seed(0)
    whole = torch.nn.Conv1d(32, 24, width, stride=stride, padding=padding, bias=bias)
    half = torch.nn.Sequential(torch.nn.Conv1d(32, 24, width, stride=stride, padding=padding, bias=bias))
    half[0].load_state_dict(whole.state_dict())
    halve(half)
    assert isinstance(half[0], Half)
    found = []
    for module in (whole, half):
        torch.manual_seed(1)
        seen = torch.randn(8, 32, 16, requires_grad=True)
        made = module(seen)
        (made.float() * torch.randn(made.shape)).sum().backward()  # type: ignore[no-untyped-call]
        found.append([made, seen.grad, *(own.grad for own in module.parameters())])
    for one, other in zip(*found, strict=True):
        one, other = one.detach(), other.detach()
        assert (one - other).norm() < 0.01 * one.norm()
    assert found[1][0].dtype == torch.bfloat16
    assert {own.dtype for own in found[1][1:]} == {torch.float32}


def test_other_convolutions_stay_what_they_are() -> None:
    kinds = [torch.nn.Conv1d(4, 4, 3, groups=2), torch.nn.Conv1d(4, 4, 3, dilation=2), torch.nn.Conv2d(4, 4, 3)]
    module = torch.nn.Sequential(*kinds)
    halve(module)
    assert not any(isinstance(own, Half) for own in module)
