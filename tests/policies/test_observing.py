from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from mimicgen.datagen.dataset.formats.embodiment import UNKNOWN
from mimicgen.datagen.dataset.formats.rotations import quaternions_of
from mimicgen.datagen.policies.observing import History, Observations


class Counting:
    """Observes how often it was stepped, in two environments; the second counts from 100 on."""

    def __init__(self) -> None:
        self.steps = torch.tensor([[0.0], [100.0]])
        self.num_envs = 2
        self.cfg = SimpleNamespace(subtask_configs={"hand": []})
        self.scene = SimpleNamespace(
            get_state=lambda is_relative: {"rigid_object": {"cup": {"root_pose": self.steps.expand(2, 7)}}}
        )

    def get_robot_eef_pose(self, eef: str) -> torch.Tensor:
        """Turn about the x axis, by a full turn in eight steps."""
        angles = self.steps[:, 0] * torch.pi / 4
        pose = torch.eye(4).repeat(2, 1, 1)
        pose[:, 1, 1] = pose[:, 2, 2] = torch.cos(angles)
        pose[:, 2, 1] = torch.sin(angles)
        pose[:, 1, 2] = -pose[:, 2, 1]
        return pose

    @property
    def obs_buf(self) -> Any:
        picture = torch.zeros(2, 4, 4, 3, dtype=torch.uint8)
        own = {"policy": {"count": self.steps, "actions": self.steps}, "subtask_terms": {"grasp": self.steps}}
        return own | {"images": {"cam_rgb": picture}, "whole": self.steps}


def history(names: list[str], **about: Any) -> tuple[Counting, History]:
    env = Counting()
    observations = Observations(SimpleNamespace(env=env), UNKNOWN)  # type: ignore[arg-type]
    return env, History(observations, names, num_envs=2, **about)


def test_everything_but_signals_is_there_by_name() -> None:
    env = Counting()
    assert Observations(SimpleNamespace(env=env), UNKNOWN).shapes() == {  # type: ignore[arg-type]
        "count": (1,),
        "actions": (1,),
        "cam_rgb": (4, 4, 3),
        "whole": (1,),
        "states/rigid_object/cup/root_pose": (7,),
        "state.cup_position": (3,),
        "state.cup_rotation": (4,),
        "state.eef_position": (3,),
        "state.eef_rotation": (4,),
    }


def test_the_last_steps_come_oldest_first_and_an_episode_begins_with_its_first() -> None:
    env, seen = history(["count", "states/rigid_object/cup/root_pose"], steps=3)
    for step in range(3):
        env.steps[:, 0] = torch.tensor([step, 100 + step])
        if step == 2:
            seen.begin([1], [5])
        seen.see()
    own = seen.of([1, 0])
    assert own["count"][..., 0].tolist() == [[102, 102, 102], [0, 1, 2]]
    assert torch.equal(own["count"].expand(2, 3, 7), own["states/rigid_object/cup/root_pose"])
    env.steps[:, 0] = 7
    seen.see()
    assert seen.of([0, 1])["count"][..., 0].tolist() == [[1, 2, 7], [102, 102, 7]]


def test_noise_is_the_episodes_and_not_on_images() -> None:
    def seen_with(others: list[int]) -> Any:
        _, seen = history(["count", "cam_rgb"], steps=1, noise=0.1)
        seen.begin([1, *others], [5, *[6] * len(others)])
        for _ in range(2):
            seen.see()
        return seen.of([1])

    alone, beside = seen_with([]), seen_with([0])
    assert torch.equal(alone["count"], beside["count"])
    assert 0 < float((alone["count"] - 100).abs().max()) < 1
    assert alone["cam_rgb"].dtype == torch.uint8
    assert not np.any(alone["cam_rgb"].numpy())


def test_a_hand_that_turns_has_the_signs_of_an_exported_demonstration() -> None:
    env, seen = history(["state.eef_rotation"], steps=1)
    found, matrices = [], []
    for step in range(12):
        env.steps[:, 0] = torch.tensor([step, step + 5])
        if step == 4:  # the second environment begins anew, as another demonstration would
            seen.begin([1], [5])
        seen.see()
        found.append(seen.of([0, 1])["state.eef_rotation"][:, 0].numpy())
        matrices.append(env.get_robot_eef_pose("hand")[:, :3, :3].numpy())
    rows, turns = np.stack(found, axis=1), np.stack(matrices, axis=1)
    np.testing.assert_allclose(rows[0], quaternions_of(turns[0]), atol=1e-6)
    np.testing.assert_allclose(rows[1, 4:], quaternions_of(turns[1, 4:]), atol=1e-6)
    assert rows[0, :, 3].min() < -0.9, "no sign changes on the way"
