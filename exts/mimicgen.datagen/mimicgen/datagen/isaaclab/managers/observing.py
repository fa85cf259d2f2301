"""Observations that are computed once a step.

Isaac Lab's step computes them for the recorder, and again for its caller after the environments that have ended were
reset. Mimic's environments end no episode within a step, and the second time gives what the first gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isaaclab.envs.mdp.observations import CameraImageBase
from isaaclab.managers import ObservationManager


def can_compute_once(manager: ObservationManager) -> bool:
    """Return whether a second computation gives the same: no term draws noise, or keeps what it gave before."""
    terms = [term for group in manager._group_obs_term_cfgs.values() for term in group]
    objects = [term for group in manager._group_obs_class_term_cfgs.values() for term in group]
    stateless = all(isinstance(term.func, CameraImageBase) and term.params["frame_stack"] == 1 for term in objects)
    return stateless and not any(
        term.noise or term.modifiers or term.history_length or term.delay_max_lag for term in terms
    )


class ObservationsOnceAStep(ObservationManager):  # type: ignore[misc]
    """Isaac Lab's observation manager, which remembers what it gave the recorder."""

    _recorded: dict[str, Any] | None = None

    def compute(self, update_history: bool = False) -> dict[str, Any]:
        """See `ObservationManager.compute`. `update_history` is how the end of a step, or of a reset, is told."""
        if update_history and self._recorded is not None:
            observations = self._recorded
            self._recorded = None
            return observations
        observations = super().compute(update_history)
        self._recorded = None if update_history else observations
        return observations

    def reset(self, env_ids: Sequence[int] | None = None) -> dict[str, float]:
        """See `ObservationManager.reset`. What was given is not what is there any more."""
        self._recorded = None
        found: dict[str, float] = super().reset(env_ids)
        return found
