"""What a GPU does sooner with a network of a library's: the same numbers but for their last bits, in fewer kernels.

A diffusion step of a network over 16 steps of actions is a thousand kernels of five microseconds, most of which move
numbers from one layout into another and back; docs/policies.md, "On a GPU".
"""

from __future__ import annotations

from typing import Any

import torch

WORTH, WORTH_ON_IMAGES = 20_000, 6_000
"""Gradient steps from which on compiling, one to two minutes, takes less than it saves: 3 ms of each, on images 14."""


def pays(steps: int, *, on_images: bool) -> bool:
    """Whether a training is long enough to be made quicker."""
    return steps >= (WORTH_ON_IMAGES if on_images else WORTH)


class Product(torch.nn.Conv1d):
    """A convolution over few steps, as one product of matrices: nothing is moved into a layout of its own for it."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 -- as torch calls it
        """See `torch.nn.Conv1d.forward`; shape (batch, channels, steps)."""
        (width,), (stride,), padding = self.kernel_size, self.stride, int(self.padding[0])
        windows = torch.nn.functional.pad(input, (padding, padding)).unfold(2, width, stride)
        rows = windows.transpose(1, 2).flatten(2)  # (batch, steps, channels * width)
        return torch.nn.functional.linear(rows, self.weight.flatten(1), self.bias).transpose(1, 2)


def as_products(module: torch.nn.Module) -> None:
    """Let a network's convolutions over steps be products. Its weights and their names stay."""
    for own in module.modules():
        plain = isinstance(own, torch.nn.Conv1d) and own.groups == 1 and own.dilation == (1,)
        if plain and own.padding_mode == "zeros" and not isinstance(own.padding, str):
            own.__class__ = Product


def quicken(network: torch.nn.Module, *, over_steps: str, on_images: str) -> None:
    """Make a network quicker, in place; its first steps take a minute longer.

    Where kernels cannot be compiled (Triton needs a C compiler) it runs without, and PyTorch says so.

    Args:
        network: What is made quicker.
        over_steps: Name of the part that is a network over steps.
        on_images: Name of the part that is one on images, or of several of those; there may be none.
    """
    torch._dynamo.config.suppress_errors = True
    part = network.get_submodule(over_steps)
    as_products(part)
    part.compile()
    seeing: Any = getattr(network, on_images, None)
    several = isinstance(seeing, torch.nn.ModuleList)
    for own in seeing if several else [seeing] if seeing is not None else []:
        own.to(memory_format=torch.channels_last)
        own.compile()
