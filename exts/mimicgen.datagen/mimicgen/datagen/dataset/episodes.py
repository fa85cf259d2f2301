"""Episodes as they come from where they were recorded: wide rows, taken apart where somebody looks into them.

That is where they are written, in another thread or process. Taken apart before, an episode is forty arrays whose rows
do not lie together, and sending those to another process takes as long as several steps of a simulation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """Quantities of one type, side by side.

    Attributes:
        rows: Their values, a row a step, shape (steps, width).
        columns: Path and shape of a quantity, in the order of the columns; a path is 'group/name'.
    """

    rows: NDArray[Any]
    columns: Sequence[tuple[str, tuple[int, ...]]]

    def quantities(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield path and values, shape (steps, ...)."""
        at = 0
        for path, shape in self.columns:
            width = int(np.prod(shape, dtype=np.int64))
            yield path, self.rows[:, at : at + width].reshape(-1, *shape)
            at += width


class PackedEpisode(Mapping[str, Any]):
    """An episode: arrays by name, nested, from blocks.

    Args:
        blocks: What was recorded.
    """

    def __init__(self, blocks: Sequence[Block]):
        self._blocks = blocks
        self._nested: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self._unpacked()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._unpacked())

    def __len__(self) -> int:
        return len(self._unpacked())

    def _unpacked(self) -> dict[str, Any]:
        if not self._nested:
            for block in self._blocks:
                for path, values in block.quantities():
                    *groups, name = path.split("/")
                    inner = self._nested
                    for group in groups:
                        inner = inner.setdefault(group, {})
                    inner[name] = values
        return self._nested
