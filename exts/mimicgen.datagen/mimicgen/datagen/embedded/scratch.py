"""What MuJoCo Warp asks for in a step and forgets after it, in memory that is reserved once.

A step asks for some forty arrays, most of them for the solver. In a CUDA graph each is a node that reserves memory and
one that gives it back, as many as there are kernels. A step asks for the same ones in the same order always, so they
are kept. (`_create_solver_context` of MuJoCo Warp 3.12,
https://github.com/google-deepmind/mujoco_warp/blob/main/mujoco_warp/_src/solver.py)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import warp as wp

_ASKED = ("empty", "zeros", "full", "empty_like")
"""The functions of Warp by which a step asks for arrays."""


class Scratch:
    """Arrays by the order in which a step asks for them."""

    def __init__(self) -> None:
        self._arrays: list[wp.array] = []

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Let what is asked for in a step be what was asked for in the one before.

        Raises:
            RuntimeError: A step asks for something else.
        """
        originals = {name: getattr(wp, name) for name in _ASKED}
        found = iter(range(len(self._arrays)))
        for name, original in originals.items():
            setattr(wp, name, self._instead(name, original, found))
        try:
            yield
        finally:
            for name, original in originals.items():
                setattr(wp, name, original)

    def _instead(self, name: str, original: Callable[..., wp.array], found: Iterator[int]) -> Callable[..., wp.array]:
        def asked(*args: Any, **named: Any) -> wp.array:
            place = next(found, None)
            if place is None:
                self._arrays.append(original(*args, **named))
                return self._arrays[-1]
            array = self._arrays[place]
            told = args[0] if args else named["shape"]
            shape = told.shape if name == "empty_like" else told
            if array.shape != (tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)):
                raise RuntimeError(f"a step asks for {name}({shape}) where one before had {array.shape}")
            if name == "zeros":
                array.zero_()
            elif name == "full":
                array.fill_(named["value"] if "value" in named else args[1])
            return array

        return asked
