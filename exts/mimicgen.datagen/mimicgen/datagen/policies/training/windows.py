"""Batches, drawn on the device where the demonstrations are: steps at random, with what lies before and after them."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Windows:
    """Draws steps of demonstrations that lie one after the other, and looks around them.

    Nothing in it waits for the device or depends on what is drawn, so a CUDA graph can hold it. Beyond the ends of a
    demonstration its first or its last step is repeated.

    Args:
        lengths: Steps of each demonstration, shape (demonstrations,), int64.
        drop_last: Steps at the end of each demonstration that are not drawn; of a short one the first is.
        device: Where the data is.
    """

    def __init__(self, lengths: torch.Tensor, drop_last: int, device: torch.device):
        ends = lengths.cumsum(0)
        begins = ends - lengths
        last = torch.maximum(ends - drop_last, begins + 1)
        own = [torch.arange(int(begin), int(end)) for begin, end in zip(begins, last, strict=True)]
        self._steps = torch.cat(own).to(device)
        self._begin = torch.repeat_interleave(begins, lengths).to(device)
        self._end = torch.repeat_interleave(ends - 1, lengths).to(device)

    def draw(self, count: int, offsets: Sequence[Sequence[int]]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Draw steps, and return which are around them.

        Args:
            count: How many.
            offsets: For each result, what to look at: 0 is the step that was drawn, -1 the one before.

        Returns:
            For each of the offsets: indices of steps, shape (count, len(offsets)), and where they lie beyond their
            demonstration, bool, of the same shape.
        """
        device = self._steps.device
        drawn = self._steps[torch.randint(len(self._steps), (count,), device=device)]
        begin, end = self._begin[drawn].unsqueeze(1), self._end[drawn].unsqueeze(1)
        found = []
        for own in offsets:
            wanted = drawn.unsqueeze(1) + _range(own, device)
            found.append((torch.minimum(torch.maximum(wanted, begin), end), (wanted < begin) | (wanted > end)))
        return found


def _range(offsets: Sequence[int], device: torch.device) -> torch.Tensor:
    """Return offsets that follow each other as a tensor, made on the device: a graph holds no copy from elsewhere."""
    return torch.arange(offsets[0], offsets[0] + len(offsets), device=device)


def shifted(images: torch.Tensor, most: int) -> torch.Tensor:
    """Return images moved at random, each by its own number of pixels, with their edges repeated.

    Args:
        images: Shape (count, steps, height, width, 3); the steps of a sample move alike.
        most: Pixels that an image moves at most, along each axis.
    """
    if most == 0:
        return images
    count, _, height, width, _ = images.shape
    rows, columns = torch.randint(-most, most + 1, (2, count, 1), device=images.device)
    across = (torch.arange(height, device=images.device) + rows).clamp(0, height - 1)
    along = (torch.arange(width, device=images.device) + columns).clamp(0, width - 1)
    sample = torch.arange(count, device=images.device)[:, None, None]
    pixels_first = images.permute(0, 2, 3, 1, 4)
    return pixels_first[sample, across[:, :, None], along[:, None, :]].permute(0, 3, 1, 2, 4)


def normalised(images: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Return images as networks take them.

    Args:
        images: Shape (..., height, width, 3), uint8.
        mean: Of each colour, from 0 to 1, shape (3, 1, 1).
        std: The same.

    Returns:
        Shape (..., 3, height, width), float32.
    """
    channels_first = images.movedim(-1, -3).to(mean.dtype)
    return (channels_first / 255 - mean) / std


def image_statistics(images: torch.Tensor, at_once: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each colour, from 0 to 1, shape (3, 1, 1), float32.

    Args:
        images: Shape (count, height, width, 3), uint8.
        at_once: Images that are looked at together.
    """
    sums = torch.zeros(2, 3, dtype=torch.float64, device=images.device)
    for part in images.split(at_once):
        values = part.reshape(-1, 3).to(torch.float32) / 255
        sums += torch.stack((values.sum(0), values.square().sum(0))).double()
    mean, square = sums / (images[..., 0].numel())
    std = (square - mean.square()).clamp(min=1e-6).sqrt()
    return mean.float().reshape(3, 1, 1), std.float().reshape(3, 1, 1)
