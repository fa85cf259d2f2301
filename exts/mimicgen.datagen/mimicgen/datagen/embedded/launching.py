"""Warp's launches on a CPU, remembered: what a launch is made of is looked at once.

A step of one environment launches twenty kernels that compute for microseconds each, and looking at their arguments
takes Warp a hundred. The same kernel with the same arrays is the same launch again, which Warp can record
(`wp.launch(..., record_cmd=True)`) and repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import warp as wp

MOST = 512
"""Launches that are remembered; then all are forgotten, as among them may be many of arrays that do not come again."""


class Launching:
    """Launches kernels as `wp.launch` does, those on the CPU from memory.

    Args:
        launch: Warp's own.
    """

    def __init__(self, launch: Any):
        self.launch = launch
        self._known: dict[Any, tuple[Any, Any]] = {}

    def __call__(
        self, kernel: Any, dim: Any, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (), *more: Any, **options: Any
    ) -> Any:
        """See `wp.launch`."""
        device = options.get("device")
        if more or options.keys() - {"device"} or not (device == "cpu" or getattr(device, "is_cpu", False)):
            return self.launch(kernel, dim, inputs, outputs, *more, **options)
        key = (kernel, dim if isinstance(dim, int) else tuple(dim), *map(_identity, inputs), *map(_identity, outputs))
        if _OTHER in key:
            return self.launch(kernel, dim, inputs, outputs, **options)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            command = self.launch(kernel, dim, inputs, outputs, record_cmd=True, **options)
            # The arguments are kept, or another array could get the identity of one that is gone.
            known = self._known[key] = (command, (tuple(inputs), tuple(outputs)))
        if known[0] is not None:  # nothing is launched over no elements
            known[0].launch()
        return None


_OTHER = object()
"""Stands for an argument of which nothing says that it is the same again."""


def _identity(value: Any) -> Any:
    """Return what an argument is known by."""
    kind = type(value)
    if kind is wp.array:
        return (id(value), value.ptr)
    if kind is torch.Tensor:
        return (id(value), value.data_ptr(), value.shape)
    if value is None or isinstance(value, int | float):
        return (kind, value)
    return _OTHER


def remember() -> None:
    """Remember launches from now on, until `forget`."""
    if not isinstance(wp.launch, Launching):
        wp.launch = Launching(wp.launch)


def forget() -> None:
    """Launch as Warp does again, and let go of the arrays of what was remembered."""
    if isinstance(wp.launch, Launching):
        wp.launch = wp.launch.launch
