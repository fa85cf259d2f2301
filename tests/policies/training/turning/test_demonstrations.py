"""Whether a dataset's scenes can be turned."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from mimicgen.datagen.policies.training.data import Demonstrations, load
from mimicgen.datagen.policies.training.presets import Observed
from mimicgen.datagen.policies.training.turning.demonstrations import ACTION, turning_of
from mimicgen.datagen.policies.training.turning.layout import TurningError
from tests.conftest import SHIPPED_DEMOS

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data() -> Demonstrations:
    observed = Observed(state=("eef_pos", "eef_quat", "gripper_pos"), environment_state=("object",))
    return load(SHIPPED_DEMOS, observed, CPU)


def test_actions_lead_to_the_same_things_in_a_turned_scene(data: Demonstrations) -> None:
    torch.manual_seed(0)
    samples = {name: rows[40:60, None] for name, rows in data.numbers.items()} | {ACTION: data.actions[40:60, None]}
    turned = turning_of(data, 180, 0.05)(samples)
    products = [(own["object"][:, 0, 24:26] * own[ACTION][:, 0, :2]).sum(dim=1) for own in (samples, turned)]
    assert torch.allclose(*products, atol=1e-6), "a hand goes towards a thing as much as it did"
    assert torch.equal(samples[ACTION][..., 6], turned[ACTION][..., 6])
    assert torch.allclose(samples[ACTION][..., [2, 5]], turned[ACTION][..., [2, 5]])
    assert not torch.allclose(samples[ACTION][..., :2], turned[ACTION][..., :2], atol=1e-3)


def test_scenes_that_cannot_be_turned_are_told(data: Demonstrations) -> None:
    absolute = {"env_name": "Isaac-Stack-Cube-Franka-IK-Abs-Mimic-v0"}
    for changed, said in (
        ({"objects": {}}, "does not say where its objects are"),
        ({"env_args": {"env_name": "nobody-knows-v0"}}, "how the task's robots take actions is not known"),
        ({"env_args": absolute, "actions": torch.zeros(len(data.actions), 8)}, "actions are poses to reach"),
    ):
        with pytest.raises(TurningError, match=said):
            turning_of(dataclasses.replace(data, **changed), 180, 0.0)
