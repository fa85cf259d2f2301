"""What the environments record, in a few wide buffers.

Isaac Lab's recorder manager appends every quantity of every environment to a list of its own: at a thousand
environments and forty quantities that is most of a step. Here all quantities of a type that are recorded together are
one tensor on the device, a ring of rows of all environments, and an episode is copied out once, when it is wanted,
and taken apart where it is written (`dataset/episodes.py`).
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import warp as wp
from isaaclab.managers import RecorderManager, RecorderTerm

from mimicgen.datagen.dataset.episodes import Block, PackedEpisode

_FIRST_CAPACITY = 64
"""Steps for which rows are made at first; they double when an episode is longer."""


LATER = "later"
"""Name of the group in which a term records what its quantities are made of."""


class MakesLater(RecorderTerm):  # type: ignore[misc]
    """A recorder term that can record what its quantities are made of, and make them of whole episodes.

    Attributes:
        group: Path of its quantities; what they are made of is recorded in the group `LATER` of it.
    """

    group: str

    @abc.abstractmethod
    def make_later(self) -> bool:
        """Record what the quantities are made of from now on, if it can; return whether it does."""

    @abc.abstractmethod
    def made(self, recorded: Mapping[str, torch.Tensor], env_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the quantities by path within the group, shape (rows, ...).

        Args:
            recorded: What they are made of, by path within `LATER`, shape (rows, ...).
            env_ids: Whose row each is, shape (rows,).
        """


def can_buffer(manager: RecorderManager) -> bool:
    """Return whether every term records at most one row a step and one at a reset, as `EpisodeBuffers` holds them."""
    several = ("record_post_physics_decimation_step", "record_pre_reset")
    return not any(
        getattr(type(term), name) is not getattr(RecorderTerm, name)
        for term in manager._terms.values()
        for name in several
    )


class _Ring:
    """Quantities of one type, side by side: the last rows of all environments.

    Args:
        like: What is recorded in a step, by path, shape (num_envs, ...) each.
        capacity: How many rows there are.
    """

    def __init__(self, like: Mapping[str, torch.Tensor], capacity: int):
        self.columns = tuple((path, tuple(tensor.shape[1:])) for path, tensor in like.items())
        self._paths = set(like)
        first = next(iter(like.values()))
        self.rows = first.new_zeros((capacity, len(first), sum(tensor[0].numel() for tensor in like.values())))

    def put(self, row: int, recorded: Mapping[str, torch.Tensor]) -> None:
        """Store what is recorded in a step: the quantities of the first one."""
        assert recorded.keys() == self._paths, "the recorder terms have to record the same in every step"
        into = self.rows[row]
        shape = len(into), -1
        torch.cat([tensor.reshape(shape) for tensor in recorded.values()], dim=1, out=into)

    def parts(self, values: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the quantities of rows, shape (rows, width), by path, shape (rows, ...)."""
        parts = values.split([math.prod(shape) for _, shape in self.columns], dim=1)
        return {path: part.reshape(-1, *shape) for (path, shape), part in zip(self.columns, parts, strict=True)}


class EpisodeBuffers(RecorderManager):  # type: ignore[misc]
    """Isaac Lab's recorder manager with other storage; the terms are the task's own. Exports nothing by itself.

    Args:
        cfg: Isaac Lab's configuration of the recorders.
        env: The environment.
        capacity: Steps for which rows are made at first; more are made when an episode is longer.
    """

    def __init__(self, cfg: Any, env: Any, capacity: int = _FIRST_CAPACITY):
        super().__init__(cfg, env)
        self._num_envs = env.num_envs
        self._capacity = capacity
        self._row = -1  # counts on; its place in the ring is the remainder by the capacity
        self._begins = [0] * self._num_envs
        self._recorded: dict[str, torch.Tensor] = {}
        self._rings: dict[tuple[str, torch.dtype], _Ring] = {}
        self._once: dict[str, torch.Tensor] = {}
        terms = [term for term in self._terms.values() if isinstance(term, MakesLater)]
        self._later = {f"{term.group}/{LATER}/": term for term in terms if term.make_later()}

    def reserve(self, steps: int) -> int:
        """Make rows for episodes of at most this many steps, before any is recorded.

        Returns:
            The bytes that they take.
        """
        self._capacity = steps
        self._rings.clear()
        self.record_pre_step()
        self.record_post_step()
        self.reset()
        return sum(ring.rows.nbytes for ring in self._rings.values())

    def reset(self, env_ids: Sequence[int] | torch.Tensor | slice | None = None) -> dict[str, torch.Tensor]:
        """Begin new episodes."""
        for env_id in self._listed(env_ids):
            self._begins[env_id] = self._row + 1
        return {}

    def record_pre_step(self) -> None:
        """Begin a new row, and let the terms record."""
        self._row += 1
        if self._row - min(self._begins) >= self._capacity:
            self._grow()
        super().record_pre_step()
        self._store("before")

    def record_post_step(self) -> None:
        """Let the terms record into the same row."""
        super().record_post_step()
        self._store("after")

    def add_to_episodes(
        self, key: str | None, value: Any, env_ids: Sequence[int] | torch.Tensor | slice | None = None
    ) -> None:
        """Store a quantity of all environments in the current row, or of some of them for their whole episode."""
        if key is None:
            return
        for path, tensor in _leaves(key, value):
            if env_ids is None:
                self._recorded[path] = tensor
            else:
                if path not in self._once:
                    self._once[path] = tensor.new_zeros((self._num_envs, *tensor.shape[1:]))
                self._once[path][env_ids] = tensor

    def record_pre_reset(self, env_ids: Any, force_export_or_skip: bool | None = None) -> None:
        """Record nothing: whether an episode was a success, and where it goes, is decided by the session."""

    def set_success_to_episodes(self, env_ids: Any, success_values: torch.Tensor) -> None:
        """Do nothing, for the same reason."""

    def export_episodes(self, env_ids: Any = None, demo_ids: Sequence[int] | None = None) -> None:
        """Do nothing, for the same reason."""

    def close(self) -> None:
        """Release the buffers."""
        self._rings.clear()
        self._once.clear()

    def episodes(self, env_ids: Sequence[int]) -> list[PackedEpisode]:
        """Return what environments have recorded since their last reset, on the host, as Isaac Lab exports it."""
        lengths = [self._row + 1 - self._begins[env_id] for env_id in env_ids]
        rows = np.concatenate([np.arange(self._row + 1 - length, self._row + 1) for length in lengths])
        indices = rows % self._capacity, np.repeat(env_ids, lengths), np.array(env_ids)
        at, of, chosen = (torch.from_numpy(index).to(self._env.device) for index in indices)
        ends = np.cumsum(lengths)
        found: list[list[Block]] = [[] for _ in env_ids]
        for path, buffer in self._once.items():
            one = ((path, tuple(buffer.shape[1:])),)
            for blocks, values in zip(found, buffer[chosen].reshape(len(env_ids), -1).cpu().numpy(), strict=True):
                blocks.append(Block(rows=values[None], columns=one))
        for ring in self._rings.values():
            columns, recorded = self._made(ring, ring.rows[at, of], of)
            values = recorded.cpu().numpy()
            for blocks, length, end in zip(found, lengths, ends, strict=True):
                blocks.append(Block(rows=values[end - length : end], columns=columns))
        return [PackedEpisode(blocks) for blocks in found]

    def _made(
        self, ring: _Ring, rows: torch.Tensor, env_ids: torch.Tensor
    ) -> tuple[Sequence[tuple[str, tuple[int, ...]]], torch.Tensor]:
        """Return columns and values of rows, shape (rows, width), with what is made of quantities in their place."""
        begins = [begin for begin in self._later if any(path.startswith(begin) for path, _ in ring.columns)]
        if not begins:
            return ring.columns, rows
        recorded = ring.parts(rows)
        for begin in begins:
            own = {path.removeprefix(begin): recorded.pop(path) for path in list(recorded) if path.startswith(begin)}
            term = self._later[begin]
            recorded |= {f"{term.group}/{path}": made for path, made in term.made(own, env_ids).items()}
        columns = [(path, tuple(tensor.shape[1:])) for path, tensor in recorded.items()]
        return columns, torch.cat([tensor.reshape(len(rows), -1) for tensor in recorded.values()], dim=1)

    def _store(self, when: str) -> None:
        """Put what was recorded into the current row; the tensors may be the simulation's own, and change with it."""
        for dtype in {tensor.dtype for tensor in self._recorded.values()}:
            recorded = {path: tensor for path, tensor in self._recorded.items() if tensor.dtype == dtype}
            if (when, dtype) not in self._rings:
                self._rings[when, dtype] = _Ring(recorded, self._capacity)
            self._rings[when, dtype].put(self._row % self._capacity, recorded)
        self._recorded.clear()

    def _grow(self) -> None:
        old, new = self._capacity, 2 * self._capacity
        kept = torch.arange(self._row - old, self._row, device=self._env.device)
        for ring in self._rings.values():
            rows = ring.rows
            ring.rows = rows.new_zeros((new, *rows.shape[1:]))
            ring.rows[kept % new] = rows[kept % old]
        self._capacity = new

    def _listed(self, env_ids: Sequence[int] | torch.Tensor | slice | None) -> Sequence[int]:
        if env_ids is None or isinstance(env_ids, slice):
            return range(self._num_envs)[env_ids or slice(None)]
        return env_ids.tolist() if isinstance(env_ids, torch.Tensor) else env_ids


def _leaves(key: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(f"{key}/{name}", part)
    else:
        yield key, wp.to_torch(value) if isinstance(value, wp.array) else value
