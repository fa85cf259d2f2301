"""What acts in the environments, as the attempt state machine sees it (`machine.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from mimicgen.datagen.attempts.underway import UnderWay


@dataclass(frozen=True, kw_only=True)
class Over:
    """Something that is over in an attempt.

    Attributes:
        env: Environment index.
        eef: End effector of the subtask that is over.
        signal: Signal of that subtask, None where it has none.
        last: Nothing is left to do: the attempt is decided, after success has lasted.
    """

    env: int
    eef: str | None = None
    signal: str | None = None
    last: bool = False


class Policy(Protocol):
    """Acts in all environments at once.

    A cycle is `begin` and `hold`, as attempts begin and end; `actions`; the environment's step; `over`. Actions may
    be computed from what the environments observe, or follow what was planned before. Whoever computes in inference
    mode leaves it before waiting for anything: it is the thread's, and others run there meanwhile.

    Attributes:
        longest: Steps of the longest attempt, without those in which success has to last; None where it is not known.
        draws_on: Device whose random generator is drawn from while the streams of an attempt are active.
    """

    longest: int | None
    draws_on: str

    def begin(self, attempts: Sequence[UnderWay]) -> None:
        """Put the environments of attempts that begin into the states that these start from."""

    def hold(self, env_ids: Sequence[int]) -> None:
        """Let environments stay as they are, hands and grippers, until an attempt begins in them."""

    async def actions(self) -> torch.Tensor:
        """Return one action for every environment, shape (num_envs, action_dim), on the environment's device."""

    def over(self) -> Sequence[Over]:
        """Return what is over after a step, in environments that do not hold.

        Called once after every step, before success and signals are read. What it does meanwhile on the host costs
        nothing while a CUDA device steps.
        """

    def verdict(self, attempt: UnderWay, *, success: bool) -> str | None:
        """Return why an attempt that ended is a failure for a reason of the policy's own, else None."""
