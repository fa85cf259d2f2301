"""Turns samples of demonstrations with the whole scene, each by an angle of its own, and moves them.

What a hand does to objects on a table is the same wherever they lie and however they are turned together, as long as
actions say where the hand goes and not what the arm's joints do. A network does not know that; one that is made so that
it does learns the tasks of the MimicGen paper from a fifth of the demonstrations (EquiDiff, Wang et al., 2024,
https://arxiv.org/abs/2407.01812). Here it is seen from the data, which costs nothing but these operations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from mimicgen.datagen.policies.training.turning.layout import Layout


class Pairs:
    """The numbers of a row that turn, in pairs: each pair is a vector of a plane that turns by a share of the angle.

    That of positions and ways is x and y, which turn by the whole of it. A quaternion about which the scene is turned
    is multiplied by that of half the angle from the left: x and y turn by a half, and so do w and z.

    Args:
        layout: What the numbers are.
        centre: Point [m] about which positions are turned, shape (2,).
    """

    def __init__(self, layout: Layout, centre: torch.Tensor):
        device = centre.device
        whole, halves = [*layout.positions, *layout.ways], layout.quaternions
        first = [*whole, *halves, *(at + 3 for at in halves)]
        second = [*(at + 1 for at in (*whole, *halves)), *(at + 2 for at in halves)]
        self._first = torch.tensor(first, dtype=torch.int64, device=device)
        self._second = torch.tensor(second, dtype=torch.int64, device=device)
        self._shares = torch.tensor([1.0] * len(whole) + [0.5] * 2 * len(halves), device=device)
        placed = torch.zeros(len(first), device=device)
        placed[: len(layout.positions)] = 1.0
        self._placed = placed[:, None]  # 1 for positions, which also move
        self._centre = centre

    def turned(self, rows: torch.Tensor, angles: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Return rows as they are in turned scenes.

        Args:
            rows: Shape (count, steps, width); the steps of a sample turn alike.
            angles: By which samples are turned about the vertical [rad], shape (count,).
            moves: By which they are moved [m], shape (count, 2).
        """
        if not len(self._first):
            return rows
        by = (angles[:, None] * self._shares)[:, None]  # (count, 1, pairs)
        cosines, sines = torch.cos(by), torch.sin(by)
        (centre_x, centre_y), (ends_x, ends_y) = self._shift(self._centre), self._shift(self._centre + moves)
        x, y = rows[..., self._first] - centre_x, rows[..., self._second] - centre_y
        turned = rows.index_copy(-1, self._first, cosines * x - sines * y + ends_x)
        return turned.index_copy(-1, self._second, sines * x + cosines * y + ends_y)

    def _shift(self, by: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what is added to every pair's x and y, of points of shape (..., 2): (..., 1, pairs) each."""
        shift = by[..., None, :] * self._placed  # (..., pairs, 2)
        x, y = shift.unbind(-1)
        return x[..., None, :], y[..., None, :]


class Turning:
    """Turns samples by angles that are drawn for them.

    Args:
        layouts: What the numbers are, by name.
        centre: About which scenes are turned, x and y [m], shape (2,), on the device.
        degrees: The most that a scene is turned, to either side.
        metres: The most that it is moved, along x and y.
    """

    def __init__(self, layouts: Mapping[str, Layout], centre: torch.Tensor, degrees: float, metres: float):
        self._pairs = {name: Pairs(layout, centre) for name, layout in layouts.items()}
        self._angle, self._metres = math.radians(degrees), metres

    def __call__(self, samples: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return samples turned and moved at random, each with all of its numbers and steps alike.

        Nothing in it waits for the device, so a CUDA graph can hold it.

        Args:
            samples: By name, shape (count, steps, width).
        """
        some = next(iter(samples.values()))
        drawn = 2 * torch.rand(len(some), 3, device=some.device) - 1
        angles, moves = self._angle * drawn[:, 0], self._metres * drawn[:, 1:]
        return {name: self._pairs[name].turned(rows, angles, moves) for name, rows in samples.items()}
