"""What a library's policy is, as the trainer sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

OBSERVATIONS = "observations.json"
"""In a checkpoint's folder: which of the dataset's observations each of LeRobot's features is made of, in order."""


class Learner(Protocol):
    """A policy that learns from demonstrations that are on a device.

    Attributes:
        module: Its network.
        capturable: Whether a CUDA graph can hold its loss.
        suffix: Of a checkpoint's name: '' for a folder, '.pth' for a file.
    """

    module: torch.nn.Module
    capturable: bool
    suffix: str

    @property
    def notes(self) -> Sequence[str]:
        """What is to be told of it before it learns."""

    def loss(self) -> torch.Tensor:
        """Return the loss over a batch that is drawn for it, from the device's own random numbers."""

    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters in groups, each with its learning rate, as optimisers take them."""

    def save(self, module: torch.nn.Module, folder: Path) -> None:
        """Write a checkpoint in the library's own format.

        Args:
            module: The network, or an average of it.
            folder: What to write; a file where `suffix` says so. It is not there yet.
        """
