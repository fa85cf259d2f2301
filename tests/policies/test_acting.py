"""Why policies are asked for as many environments as ever."""

from __future__ import annotations

import pytest
import torch

from mimicgen.datagen.policies.policy import rows_on


class Recurrent(torch.nn.Module):
    """The outputs of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(48, 100, 2, batch_first=True)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.lstm(steps)[0]
        return outputs


NETWORKS = {
    "linear": (torch.nn.Sequential(torch.nn.Linear(48, 512), torch.nn.ReLU(), torch.nn.Linear(512, 56)), (48,)),
    "convolutions": (
        torch.nn.Sequential(torch.nn.Conv1d(7, 96, 5), torch.nn.Mish(), torch.nn.Conv1d(96, 192, 5)),
        (7, 16),
    ),
    "recurrent": (Recurrent(), (10, 48)),
    "attention": (torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True).eval(), (20, 64)),
    "images": (torch.nn.Conv2d(3, 32, 7, 2), (3, 48, 48)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_of_a_batch_depends_on_neither_its_place_nor_the_others(name: str) -> None:
    network, shape = NETWORKS[name]
    rows = rows_on("cpu")
    torch.manual_seed(1)
    seen = torch.randn(rows, *shape)
    with torch.no_grad():
        expected = network(seen)
        for place in (0, 5, rows - 1):
            others = torch.randn(rows, *shape)
            others[place] = seen[3]
            assert torch.equal(network(others)[place], expected[3])
