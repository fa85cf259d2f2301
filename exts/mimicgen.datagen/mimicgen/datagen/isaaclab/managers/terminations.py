"""Terminations of tasks that have none, as Mimic's have.

Isaac Lab's step looks for the environments that have ended in a tensor on the device, and so waits until the device is
done, before whatever is still to be told it in this step: what is recorded, success and signals.
"""

from __future__ import annotations

from typing import Any

import torch
from isaaclab.managers import TerminationManager


class NoTerminations(TerminationManager):  # type: ignore[misc]
    """Isaac Lab's termination manager without terms, which knows on the host that no environment has ended."""

    def __init__(self, cfg: Any, env: Any):
        super().__init__(cfg, env)
        assert not self.active_terms, "there are terms; they have to be asked"
        self._nobody = torch.zeros(self.num_envs, dtype=torch.bool)

    def compute(self) -> torch.Tensor:
        """See `TerminationManager.compute`. Shape (num_envs,), on the host."""
        self._terminated_buf.zero_()  # where Isaac Lab's step notes resets that were asked for in a window
        return self._nobody
