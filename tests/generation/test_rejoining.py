"""Where a hand that was disturbed goes on."""

from __future__ import annotations

import torch

from mimicgen.datagen.generation.rejoining import CLEAR, closes_at, free_steps, rejoined


def way(*heights: float) -> torch.Tensor:
    poses = torch.eye(4).repeat(len(heights), 1, 1)
    poses[:, 2, 3] = torch.tensor(heights)
    return poses


def grippers(text: str) -> torch.Tensor:
    """'oocc' is open for two steps and closed for two."""
    return torch.tensor([[1.0] if letter == "o" else [-1.0] for letter in text])


def test_a_hand_closes_when_it_was_open() -> None:
    assert closes_at(grippers("oooc")) == 3
    assert closes_at(grippers("ooo")) is None
    assert closes_at(grippers("cco")) is None, "it holds something"
    assert closes_at(torch.ones(3, 11)) is None, "a hand of many joints"


def test_it_joins_where_it_is_nearest_and_not_near_the_object() -> None:
    own, gripper = way(0.3, 0.25, 0.2, 0.15, 0.05, 0.0, 0.2), grippers("oooooco")
    assert free_steps(own, 5) == 4, f"at 0.05 m it is nearer than {CLEAR} m"
    assert rejoined(own, gripper, way(0.21)[0]) == 2
    assert rejoined(own, gripper, way(0.01)[0]) == 3, "not down there"
    assert rejoined(own, gripper, way(0.9)[0]) == 0
    assert rejoined(own, grippers("ooooooo"), way(0.2)[0]) == 0, "nothing is grasped"
    assert rejoined(way(0.03, 0.0), grippers("oc"), way(0.3)[0]) == 0, "it is near from the beginning on"
