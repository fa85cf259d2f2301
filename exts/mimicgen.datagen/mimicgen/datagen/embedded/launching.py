"""Warp's launches on a CPU, remembered: what a launch is made of is looked at once.

A step of one environment launches twenty kernels that compute for microseconds each, and looking at their arguments
takes Warp a hundred. The same kernel with the same arrays is the same launch again: its arguments still lie where they
were packed, and the kernel's compiled function can be called with them (what `warp.Launch.launch` does, which packs
them every time). Torch's tensors are made anew in every step, and are told by where they lie.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
import warp as wp
from warp._src import context

MOST = 512
"""Launches that are remembered; then all are forgotten, as among them may be many of arrays that do not come again."""


class _Launch:
    """A launch whose arguments are packed.

    Args:
        command: As Warp records it.
        arguments: What it was recorded with. It is kept, or another array could get the identity of one that is gone.
    """

    def __init__(self, command: Any, arguments: Sequence[Any]):
        packed, _ = context._build_cpu_args_structs(command.kernel, command.hooks, command.params, False)
        self._kept = command, arguments
        self._function = command.hooks.forward
        self._told = ctypes.byref(command.bounds), ctypes.byref(packed)
        self._tensors = [
            (index, getattr(packed, command.kernel.adj.args[index].label))
            for index, value in enumerate(arguments)
            if type(value) is torch.Tensor
        ]

    @property
    def takes_tensors(self) -> bool:
        """Whether some of what it was recorded with will be others the next time."""
        return bool(self._tensors)

    def __call__(self, arguments: Sequence[Any]) -> None:
        """Launch it, with tensors that may lie elsewhere."""
        for index, array in self._tensors:
            array.data = arguments[index].data_ptr()
        self._function(*self._told)


class Launching:
    """Launches kernels as `wp.launch` does, those on the CPU from memory.

    Args:
        launch: Warp's own.
    """

    def __init__(self, launch: Any):
        self.launch = launch
        self._same: dict[Any, _Launch] = {}
        """Launches by the identities of all that they were recorded with."""
        self._known: dict[Any, _Launch | None] = {}

    def __call__(
        self, kernel: Any, dim: Any, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (), *more: Any, **options: Any
    ) -> Any:
        """See `wp.launch`."""
        device = options.get("device")
        plain = not more and len(options) == 1 and (device == "cpu" or getattr(device, "is_cpu", False))
        if not plain or context.runtime._apic_capture is not None:
            return self.launch(kernel, dim, inputs, outputs, *more, **options)
        arguments = (*inputs, *outputs)
        size = dim if isinstance(dim, int) else tuple(dim)
        same = kernel, size, *map(id, arguments)
        known = self._same.get(same)
        if known is not None:
            known(arguments)
            return None
        key = kernel, size, *map(_identity, arguments)
        if _OTHER in key:
            return self.launch(kernel, dim, inputs, outputs, **options)
        if key not in self._known:
            if len(self._known) >= MOST:
                self._known.clear()
                self._same.clear()
            command = self.launch(kernel, dim, inputs, outputs, record_cmd=True, **options)
            # Nothing is launched over no elements.
            known = self._known[key] = None if command is None else _Launch(command, arguments)
            if known is not None and not known.takes_tensors:
                self._same[same] = known
        known = self._known[key]
        if known is not None:
            known(arguments)
        return None


_OTHER = object()
"""Stands for an argument of which nothing says that it is the same again."""


def _identity(value: Any) -> Any:
    """Return what an argument is known by."""
    kind = type(value)
    if kind is wp.array:
        return (kind, id(value))  # it stays where it is, also for Warp, which packs it once
    if kind is torch.Tensor:
        return (value.dtype, value.device, value.shape, value.stride())
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
