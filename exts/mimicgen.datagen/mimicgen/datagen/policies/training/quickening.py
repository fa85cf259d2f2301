"""What a GPU or a CPU does sooner with a network of a library's: the same numbers but for their last bits.

On a GPU a diffusion step of a network over 16 steps of actions is a thousand kernels of five microseconds, and most of
them move numbers from one layout into another and back; docs/policies.md, "On a GPU". On a CPU it is convolutions, and
bfloat16 halves their time but for one part of it; docs/policies.md, "On a CPU".
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
        if _plain(own):
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


class _Half(torch.autograd.Function):
    """A convolution in bfloat16, whose gradient by the weights is a product of matrices.

    oneDNN's own takes 2600 microseconds on one of 192 channels over 8 steps for a batch of 64, and the product 350.
    """

    @staticmethod
    def forward(
        ctx: Any, seen: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, stride: int, padding: int
    ) -> torch.Tensor:
        ctx.save_for_backward(seen, weight)
        ctx.stride, ctx.padding, ctx.biased = stride, padding, bias is not None
        return torch.nn.functional.conv1d(seen, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        seen, weight = ctx.saved_tensors
        (gradient,) = gradients
        gradient = gradient.contiguous()
        by_seen = None
        if ctx.needs_input_grad[0]:
            by_seen = torch.nn.grad.conv1d_input(seen.shape, weight, gradient, ctx.stride, ctx.padding)
        padded = torch.nn.functional.pad(seen, (ctx.padding, ctx.padding))
        windows = padded.unfold(2, weight.shape[2], ctx.stride).transpose(1, 2).flatten(2).flatten(0, 1)
        rows = gradient.transpose(1, 2).flatten(0, 1)  # (batch * steps, channels)
        by_weight = (rows.t() @ windows).view_as(weight)
        return by_seen, by_weight, rows.sum(0) if ctx.biased else None, None, None


class Half(torch.nn.Conv1d):
    """A convolution over few steps in bfloat16, for a CPU. Its weights stay what they are."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 -- as torch calls it
        """See `torch.nn.Conv1d.forward`; shape (batch, channels, steps), the result in bfloat16."""
        half = torch.bfloat16
        bias = None if self.bias is None else self.bias.to(half)
        made: torch.Tensor = _Half.apply(  # type: ignore[no-untyped-call]
            input.to(half), self.weight.to(half), bias, self.stride[0], int(self.padding[0])
        )
        return made


def halve(module: torch.nn.Module) -> None:
    """Let a network's convolutions over steps calculate in bfloat16, where the rest of it does. Their weights stay."""
    for own in module.modules():
        if _plain(own):
            own.__class__ = Half


def _plain(own: torch.nn.Module) -> bool:
    plain = isinstance(own, torch.nn.Conv1d) and own.groups == 1 and own.dilation == (1,)
    return plain and own.padding_mode == "zeros" and not isinstance(own.padding, str)
